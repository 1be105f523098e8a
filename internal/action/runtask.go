package action

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/watch"
)

// once is a task of its own that runs before the service is updated.
type once struct {
	in   ecs.RunTaskInput
	wait bool
}

// onceInputs reads run-task-* and wait-for-task-stopped.
func (d *deploy) onceInputs() (*once, error) {
	o := &once{}
	launch, err := d.oneOf("run-task-launch-type", "FARGATE", "FARGATE", "EC2", "EXTERNAL", "MANAGED_INSTANCES")
	if err != nil {
		return nil, err
	}
	public, err := d.oneOf("run-task-assign-public-IP", "DISABLED", "DISABLED", "ENABLED")
	if err != nil {
		return nil, err
	}
	if o.wait, err = d.yes("wait-for-task-stopped", false); err != nil {
		return nil, err
	}
	var overrides []types.ContainerOverride
	for name, to := range map[string]any{
		"run-task-container-overrides":        &overrides,
		"run-task-tags":                       &o.in.Tags,
		"run-task-capacity-provider-strategy": &o.in.CapacityProviderStrategy,
	} {
		if err := d.decode(name, to); err != nil {
			return nil, err
		}
	}
	o.in.Overrides = &types.TaskOverride{ContainerOverrides: overrides}
	o.in.StartedBy = aws.String(orElse(d.Input("run-task-started-by"), "GitHub-Actions"))
	o.in.Cluster, o.in.EnableECSManagedTags = &d.cluster, aws.ToBool(d.managedTags)
	if len(o.in.CapacityProviderStrategy) == 0 {
		o.in.LaunchType = types.LaunchType(launch)
	}
	subnets, groups := list(d.Input("run-task-subnets")), list(d.Input("run-task-security-groups"))
	if len(subnets)+len(groups) > 0 {
		o.in.NetworkConfiguration = &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets: subnets, SecurityGroups: groups, AssignPublicIp: types.AssignPublicIp(public),
		}}
	}
	return o, d.taskVolume(o)
}

// decode reads an input that holds JSON, in the API's own terms. A member that the API is
// not known to have is told and left out.
func (d *deploy) decode(name string, to any) error {
	s := d.Input(name)
	if s == "" {
		return nil
	}
	dec := json.NewDecoder(strings.NewReader(s))
	dec.DisallowUnknownFields()
	err := dec.Decode(to)
	if err != nil && strings.Contains(err.Error(), "unknown field") {
		d.Warning(note(fmt.Sprintf("the input %q: %s; it is left out", name, strings.TrimPrefix(err.Error(), "json: "))))
		err = json.Unmarshal([]byte(s), to)
	}
	if err != nil {
		return fault.New(fault.Usage, "JSON, in the terms of the ECS API", "the input %q: %w", name, err)
	}
	return nil
}

const noVolume = "the input %q is given without %q: no volume is configured"

func (d *deploy) serviceVolume() error {
	name := d.Input("service-managed-ebs-volume-name")
	if name == "" {
		return nil
	}
	if d.Input("service-managed-ebs-volume") == "" {
		d.Warning(note(fmt.Sprintf(noVolume, "service-managed-ebs-volume-name", "service-managed-ebs-volume")))
		return nil
	}
	v := &types.ServiceManagedEBSVolumeConfiguration{}
	if err := d.volume("service-managed-ebs-volume", v, func() (**string, **int32, *string) { return &v.RoleArn, &v.Throughput, v.VolumeType }); err != nil {
		return err
	}
	d.volumes = []types.ServiceVolumeConfiguration{{Name: &name, ManagedEBSVolume: v}}
	return nil
}

func (d *deploy) taskVolume(o *once) error {
	name := d.Input("run-task-managed-ebs-volume-name")
	if name == "" {
		return nil
	}
	if d.Input("run-task-managed-ebs-volume") == "" {
		d.Warning(note(fmt.Sprintf(noVolume, "run-task-managed-ebs-volume-name", "run-task-managed-ebs-volume")))
		return nil
	}
	v := &types.TaskManagedEBSVolumeConfiguration{}
	if err := d.volume("run-task-managed-ebs-volume", v, func() (**string, **int32, *string) { return &v.RoleArn, &v.Throughput, v.VolumeType }); err != nil {
		return err
	}
	o.in.VolumeConfigurations = []types.TaskVolumeConfiguration{{Name: &name, ManagedEBSVolume: v}}
	return nil
}

// volume decodes and checks a managed volume; parts gives its role, throughput and type.
func (d *deploy) volume(input string, to any, parts func() (**string, **int32, *string)) error {
	if err := d.decode(input, to); err != nil {
		return err
	}
	role, throughput, kind := parts()
	if aws.ToString(*role) == "" {
		return fault.New(fault.Usage, "the role with which ECS manages the volume", "the input %q has no \"roleArn\"", input)
	}
	if *throughput != nil && aws.ToString(kind) != "gp3" {
		d.Warning(note(fmt.Sprintf("the input %q: only gp3 volumes have a throughput; it is left out", input)))
		*throughput = nil
	}
	return nil
}

// runTask runs the task and, if asked, waits for its end and its exit codes.
func (d *deploy) runTask(ctx context.Context) error {
	d.once.in.TaskDefinition = &d.arn
	d.once.in.ClientToken = aws.String(rand.Text()) // an answer that is lost starts no second task
	out, err := d.ecs.RunTask(ctx, &d.once.in)
	if err != nil {
		return fmt.Errorf("run task: %w", err)
	}
	arns := []string{}
	for _, t := range out.Tasks {
		arns = append(arns, aws.ToString(t.TaskArn))
	}
	b, err := json.Marshal(arns)
	if err != nil {
		return err
	}
	if err := d.Output("run-task-arn", string(b)); err != nil {
		return err
	}
	if len(out.Failures) > 0 {
		f := out.Failures[0]
		return fmt.Errorf("run task: %s is %s: %s", aws.ToString(f.Arn), aws.ToString(f.Reason), aws.ToString(f.Detail))
	}
	d.Info("task running: %s%s", strings.Join(arns, ", "), d.console("ecs/v2/clusters/"+d.cluster+"/tasks"))
	if !d.once.wait {
		return nil
	}
	tasks, err := d.stopped(ctx, arns)
	if err != nil {
		return err
	}
	return exits(tasks)
}

// stopped waits until all tasks have stopped.
func (d *deploy) stopped(ctx context.Context, arns []string) ([]types.Task, error) {
	limit := time.Duration(d.minutes) * time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, limit, watch.ErrDeadline)
	defer cancel()
	wait, most := 250*time.Millisecond, 5*time.Second
	if d.delay > 0 {
		most = time.Duration(d.delay) * time.Second
	}
	for {
		out, err := d.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.cluster, Tasks: arns})
		if err == nil && allStopped(out.Tasks, len(arns)) {
			return out.Tasks, nil
		}
		if err == nil {
			err = pause(ctx, wait)
		}
		switch {
		case errors.Is(context.Cause(ctx), watch.ErrDeadline):
			return nil, fault.New(fault.TimedOut, "they go on; raise the input \"wait-for-minutes\"", "%s: not stopped within %s", strings.Join(arns, ", "), limit)
		case err != nil:
			return nil, fmt.Errorf("wait for %s: %w", strings.Join(arns, ", "), err)
		}
		wait = min(wait*3/2, most)
	}
}

func allStopped(tasks []types.Task, want int) bool {
	for _, t := range tasks {
		if aws.ToString(t.LastStatus) != "STOPPED" {
			return false
		}
	}
	return len(tasks) >= want
}

// exits turns exit codes other than 0 into an error that names their reasons.
func exits(tasks []types.Task) error {
	var all []string
	for _, t := range tasks {
		arn := aws.ToString(t.TaskArn)
		for _, c := range t.Containers {
			if c.ExitCode != nil && *c.ExitCode == 0 {
				continue
			}
			s := aws.ToString(c.Name) + " has no exit code"
			if c.ExitCode != nil {
				s = fmt.Sprintf("%s exited with code %d", aws.ToString(c.Name), *c.ExitCode)
			}
			for _, why := range []*string{c.Reason, t.StoppedReason} {
				if aws.ToString(why) != "" {
					s += ": " + *why
				}
			}
			all = append(all, "task "+arn[strings.LastIndexByte(arn, '/')+1:]+": "+s)
		}
	}
	if all == nil {
		return nil
	}
	return fault.New(fault.Failed, "the task's log has more", "%s", strings.Join(all, "; "))
}
