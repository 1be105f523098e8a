package action

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/register"
	"github.com/turnoutdev/turnout/internal/taskdef"
	"github.com/turnoutdev/turnout/internal/watch"
)

// deploy is one run of Deploy: its inputs, and what it has found.
type deploy struct {
	*Job
	file, service, cluster string
	desired                *int32
	force                  bool
	attempts               int // 0: the SDK's
	wait                   bool
	minutes                int
	delay                  int // longest pause between two polls, in seconds; 0: ours
	until                  watch.Until
	onCancel               string
	managedTags            *bool
	propagate              types.PropagateTags
	volumes                []types.ServiceVolumeConfiguration
	once                   *once

	td         *taskdef.TaskDefinition
	definition []byte
	aws        *awsclient.Clients
	ecs        *ecs.Client
	codedeploy *codedeploy.Client
	found      types.Service
	group      *cdtypes.DeploymentGroupInfo
	spec       *appspec.AppSpec
	arn        string
	told       *watch.Memory // what was shown
}

// The official action's bounds of the wait, in minutes.
const (
	usualMinutes = 30
	mostMinutes  = 360
)

// Deploy registers a task definition and deploys it to a service, by CodeDeploy or by a
// rolling update, and before that runs it as a task of its own, as
// amazon-ecs-deploy-task-definition does. Outputs are task-definition-arn,
// codedeploy-deployment-id and run-task-arn.
//
// Inputs, documents, the service and its deployment group are checked before anything is
// registered. Two further inputs are ours: wait-until (shifted, stable or done) says how
// far wait-for-service-stability waits, on-cancel (leave, stop or rollback) what becomes of
// a CodeDeploy deployment when the job is cancelled while it waits.
func Deploy(ctx context.Context, j *Job) error {
	d := &deploy{Job: j, told: &watch.Memory{}}
	if err := d.inputs(); err != nil {
		return err
	}
	if err := d.documents(); err != nil {
		return err
	}
	if err := d.connect(ctx); err != nil {
		return err
	}
	if d.service != "" {
		if err := d.locate(ctx); err != nil {
			return err
		}
	}
	if err := d.register(ctx); err != nil {
		return err
	}
	if d.once != nil {
		if err := d.runTask(ctx); err != nil {
			return err
		}
	}
	switch {
	case d.service == "":
		return nil
	case d.group != nil:
		return d.blueGreen(ctx)
	}
	return d.rolling(ctx)
}

// inputs reads all inputs, so that a wrong one is refused before any call.
func (d *deploy) inputs() (err error) {
	try := func(f func() error) {
		if err == nil {
			err = f()
		}
	}
	flag := func(to *bool, name string) {
		try(func() (err error) { *to, err = d.yes(name, false); return err })
	}
	number := func(to *int, name string, otherwise, least, most int) {
		try(func() (err error) { *to, err = d.number(name, otherwise, least, most); return err })
	}
	try(func() (err error) { d.file, err = d.required("task-definition"); return err })
	d.service, d.cluster = d.Input("service"), orElse(d.Input("cluster"), "default")
	flag(&d.force, "force-new-deployment")
	flag(&d.wait, "wait-for-service-stability")
	number(&d.minutes, "wait-for-minutes", usualMinutes, 1, 1<<20)
	d.minutes = min(d.minutes, mostMinutes)
	number(&d.delay, "wait-max-delay-seconds", 0, 1, 3600)
	number(&d.attempts, "max-retries", -1, 0, 100)
	if d.attempts >= 0 {
		d.attempts = max(d.attempts, 1) // the first attempt is none of the retries
	}
	try(d.serviceInputs)
	var run bool
	flag(&run, "run-task")
	if run {
		try(func() (err error) { d.once, err = d.onceInputs(); return err })
	}
	return err
}

func (d *deploy) serviceInputs() error {
	desired, err := d.number("desired-count", -1, 0, 1<<30)
	if err != nil {
		return err
	}
	if desired >= 0 {
		d.desired = aws.Int32(int32(desired))
	}
	if d.Input("enable-ecs-managed-tags") != "" {
		on, err := d.yes("enable-ecs-managed-tags", false)
		if err != nil {
			return err
		}
		d.managedTags = &on
	}
	propagate, err := d.oneOf("propagate-tags", "", "SERVICE", "TASK_DEFINITION", "NONE")
	if err != nil {
		return err
	}
	d.propagate = types.PropagateTags(propagate)
	until, err := d.oneOf("wait-until", string(watch.Done), string(watch.Shifted), string(watch.Stable), string(watch.Done))
	if err != nil {
		return err
	}
	d.until = watch.Until(until)
	if d.onCancel, err = d.oneOf("on-cancel", "leave", "leave", "stop", "rollback"); err != nil {
		return err
	}
	return d.serviceVolume()
}

// documents reads the task definition.
func (d *deploy) documents() (err error) {
	d.td, err = taskdef.Read(d.path(d.file))
	if errors.Is(err, os.ErrNotExist) {
		return fault.New(fault.Usage, "paths start at the workspace; is it checked out?", "no task definition file %s", d.file)
	}
	if err != nil {
		return err
	}
	d.definition, err = d.registrable(d.td, list(d.Input("keep-null-value-keys")))
	return err
}

func (d *deploy) connect(ctx context.Context) (err error) {
	if d.aws, err = d.Connect(ctx, ""); err != nil {
		return err
	}
	cfg := d.config()
	d.ecs, d.codedeploy = ecs.NewFromConfig(cfg), codedeploy.NewFromConfig(cfg)
	return nil
}

// config is the SDK's configuration, with the retries that were asked for.
func (d *deploy) config() aws.Config {
	cfg := d.aws.Config()
	if d.attempts > 0 {
		cfg.Retryer = func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = d.attempts, 5*time.Second })
		}
	}
	return cfg
}

// tries is how often a call is made that is not left to the SDK's own retries.
func (d *deploy) tries() int {
	if d.attempts > 0 {
		return d.attempts
	}
	return awsclient.Tries
}

// locate finds the service, and its deployment group if it has one.
func (d *deploy) locate(ctx context.Context) error {
	out, err := d.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &d.cluster, Services: []string{d.service}})
	if err != nil {
		return err
	}
	if len(out.Failures) > 0 {
		f := out.Failures[0]
		return fault.New(fault.Usage, "check the inputs \"service\" and \"cluster\" and the region", "service %s is %s", aws.ToString(f.Arn), aws.ToString(f.Reason))
	}
	if len(out.Services) == 0 {
		return fmt.Errorf("ECS described no service %s", d.service)
	}
	d.found = out.Services[0]
	if s := aws.ToString(d.found.Status); s != "ACTIVE" {
		return fault.New(fault.Usage, "", "service %s is %s", d.service, s)
	}
	controller := types.DeploymentControllerTypeEcs
	if c := d.found.DeploymentController; c != nil && c.Type != "" {
		controller = c.Type
	}
	switch controller {
	case types.DeploymentControllerTypeEcs:
		return nil
	case types.DeploymentControllerTypeCodeDeploy:
		return d.locateGroup(ctx)
	}
	return fault.New(fault.Usage, "services with the controllers ECS and CODE_DEPLOY are deployed", "unsupported deployment controller: %s", controller)
}

// register registers the definition and sets the output. Like the official action it
// makes a revision of its own, but no second one when an answer is lost.
func (d *deploy) register(ctx context.Context) (err error) {
	d.arn, err = register.Once(ctx, d.config(), d.tries(), d.Info, d.definition, func() (string, error) {
		return register.Equal(ctx, d.ecs, d.file, d.definition)
	})
	if err != nil {
		return fault.New(fault.Failed, "compare "+d.file+" with the message; nothing was deployed", "register task definition: %w", err)
	}
	d.Info("registered %s", d.arn)
	return d.Output("task-definition-arn", d.arn)
}

// limit is the longest wait: what is asked for and the group's own waits.
func (d *deploy) limit() time.Duration {
	minutes := d.minutes
	if d.group != nil && d.group.BlueGreenDeploymentConfiguration != nil {
		c := d.group.BlueGreenDeploymentConfiguration
		if c.DeploymentReadyOption != nil {
			minutes += int(c.DeploymentReadyOption.WaitTimeInMinutes)
		}
		if c.TerminateBlueInstancesOnDeploymentSuccess != nil {
			minutes += int(c.TerminateBlueInstancesOnDeploymentSuccess.TerminationWaitTimeInMinutes)
		}
	}
	return time.Duration(min(minutes, mostMinutes)) * time.Minute
}

// pace is how often AWS is asked.
func (d *deploy) pace() watch.Pace {
	p := watch.Pace{}
	if d.aws.Local {
		p = watch.Local()
	}
	if d.delay > 0 {
		p.Slowest = time.Duration(d.delay) * time.Second
	}
	return p
}
