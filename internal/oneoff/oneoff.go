// Package oneoff runs one task beside a service, with the service's network and task
// definition: a migration, a script, a shell command. It tells what the task writes and
// how it ended, and stops it when nobody waits for it any more.
package oneoff

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/tail"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Options say what to run. Zero values are the service's.
type Options struct {
	Subject        *subject.Subject
	TaskDefinition string
	Container      string // that the command is for and whose exit code counts
	Command        []string
	Env            [][2]string // names and values
	CPU, Memory    string      // of the task, as ECS takes them: 512 or ".5 vCPU"
	TaskRole       string      // ARN
	ExecutionRole  string      // ARN
	Timeout        time.Duration
	Pace           watch.Pace

	Lines func([]tail.Line)                // hears what the task writes
	Tell  func(format string, args ...any) // hears how it goes
}

// Result is how the task ended. --json prints it.
type Result struct {
	Task           string      `json:"task"` // ARN
	TaskDefinition string      `json:"taskDefinition"`
	Container      string      `json:"container"`
	Status         string      `json:"status"`
	ExitCode       *int32      `json:"exitCode"` // of the container; null when it never ran
	StopCode       string      `json:"stopCode,omitempty"`
	Reason         string      `json:"reason,omitempty"`
	Containers     []Container `json:"containers"`
	Started        time.Time   `json:"started,omitzero"`
	Stopped        time.Time   `json:"stopped,omitzero"`
}

// Container is how a container of the task ended.
type Container struct {
	Name     string `json:"name"`
	ExitCode *int32 `json:"exitCode"`
	Reason   string `json:"reason,omitempty"`
}

// stopWithin bounds the wait for a task that was asked to stop: ECS itself kills it after
// its stopTimeout, of two minutes at most.
const stopWithin = 3 * time.Minute

// Start starts the task. An answer that is lost on the way starts no second one.
func (o *Options) Start(ctx context.Context) (*Result, error) {
	s := o.Subject
	if o.TaskDefinition == "" {
		o.TaskDefinition = s.TaskDefinition()
	}
	if err := o.choose(ctx); err != nil {
		return nil, err
	}
	in := o.input()
	// Once asked for, the task runs; an interrupted call would leave it without a name.
	out, err := s.AWS.ECS().RunTask(context.WithoutCancel(ctx), in)
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", subject.Last(o.TaskDefinition), err)
	}
	if len(out.Tasks) == 0 {
		return nil, fault.New(fault.Failed, "`turnout status` shows what runs beside it", "ECS started no task of %s: %s", subject.Last(o.TaskDefinition), failures(out.Failures))
	}
	t := out.Tasks[0]
	return o.result(&t), nil
}

func failures(all []types.Failure) string {
	var out []string
	for _, f := range all {
		out = append(out, strings.TrimSpace(aws.ToString(f.Reason)+" "+aws.ToString(f.Detail)))
	}
	if len(out) == 0 {
		return "it gave no reason"
	}
	return strings.Join(out, "; ")
}

// choose finds the container: the named one, the one behind the load balancer, or the
// first that the task cannot do without.
func (o *Options) choose(ctx context.Context) error {
	d, err := o.Subject.AWS.ECS().DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &o.TaskDefinition})
	var none *types.ClientException
	if errors.As(err, &none) {
		return fault.New(fault.Usage, "`turnout history` lists the revisions that were deployed", "there is no task definition %s: %w", o.TaskDefinition, err)
	}
	if err != nil {
		return err
	}
	o.TaskDefinition = aws.ToString(d.TaskDefinition.TaskDefinitionArn)
	var names []string
	essential := ""
	for _, c := range d.TaskDefinition.ContainerDefinitions {
		names = append(names, aws.ToString(c.Name))
		if essential == "" && (c.Essential == nil || *c.Essential) {
			essential = aws.ToString(c.Name)
		}
	}
	wanted := o.Container
	if wanted == "" {
		wanted = aws.ToString(o.Subject.Behind().ContainerName)
	}
	for _, n := range names {
		if n == wanted {
			o.Container = n
			return nil
		}
	}
	if o.Container != "" {
		return fault.New(fault.Usage, "one of "+strings.Join(names, ", "), "no container is named %s in %s", o.Container, subject.Last(o.TaskDefinition))
	}
	o.Container = essential
	return nil
}

func (o *Options) input() *ecs.RunTaskInput {
	var token [16]byte
	_, _ = rand.Read(token[:])
	in := &ecs.RunTaskInput{
		Cluster: &o.Subject.Cluster, TaskDefinition: &o.TaskDefinition, StartedBy: aws.String("turnout run"), ClientToken: aws.String(hex.EncodeToString(token[:])),
		Overrides:            &types.TaskOverride{Cpu: given(o.CPU), Memory: given(o.Memory), TaskRoleArn: given(o.TaskRole), ExecutionRoleArn: given(o.ExecutionRole)},
		EnableECSManagedTags: o.Subject.Info.EnableECSManagedTags,
	}
	o.place(in)
	own := types.ContainerOverride{Name: &o.Container, Command: o.Command}
	for _, e := range o.Env {
		own.Environment = append(own.Environment, types.KeyValuePair{Name: &e[0], Value: &e[1]})
	}
	if len(own.Command)+len(own.Environment) > 0 {
		in.Overrides.ContainerOverrides = []types.ContainerOverride{own}
	}
	return in
}

// given is a value that was given, nil for the task definition's.
func given(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

// place gives the task the service's place: launch type or capacity providers, platform
// and network, which a task set or deployment has where the service itself has none.
func (o *Options) place(in *ecs.RunTaskInput) {
	s := o.Subject.Info
	in.LaunchType, in.CapacityProviderStrategy, in.PlatformVersion, in.NetworkConfiguration = s.LaunchType, s.CapacityProviderStrategy, s.PlatformVersion, s.NetworkConfiguration
	for _, t := range s.TaskSets {
		if aws.ToString(t.Status) == "PRIMARY" {
			in.LaunchType, in.CapacityProviderStrategy, in.PlatformVersion = t.LaunchType, t.CapacityProviderStrategy, t.PlatformVersion
			if t.NetworkConfiguration != nil {
				in.NetworkConfiguration = t.NetworkConfiguration
			}
		}
	}
	if len(in.CapacityProviderStrategy) > 0 {
		in.LaunchType = "" // ECS takes one of the two
	}
}

func (o *Options) result(t *types.Task) *Result {
	r := &Result{
		Task: aws.ToString(t.TaskArn), TaskDefinition: aws.ToString(t.TaskDefinitionArn), Container: o.Container, Status: aws.ToString(t.LastStatus),
		StopCode: string(t.StopCode), Reason: aws.ToString(t.StoppedReason), Started: aws.ToTime(t.StartedAt), Stopped: aws.ToTime(t.StoppedAt), Containers: []Container{},
	}
	for _, c := range t.Containers {
		r.Containers = append(r.Containers, Container{aws.ToString(c.Name), c.ExitCode, aws.ToString(c.Reason)})
		if aws.ToString(c.Name) == o.Container {
			r.ExitCode = c.ExitCode
			if m := aws.ToString(c.Reason); m != "" {
				r.Reason = m
			}
		}
	}
	return r
}
