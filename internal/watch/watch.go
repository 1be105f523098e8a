// Package watch follows a CodeDeploy deployment of an ECS service to its end: lifecycle
// events with their durations, traffic weights as they move, tasks, target health and
// the service's own events.
//
// It polls: quickly while things change, slower while they do not, so that the end is
// known within about a second and AWS's rate limits stay far away.
package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// CodeDeploy is what watch asks of CodeDeploy.
type CodeDeploy interface {
	GetDeployment(context.Context, *codedeploy.GetDeploymentInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error)
	ListDeploymentTargets(context.Context, *codedeploy.ListDeploymentTargetsInput, ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentTargetsOutput, error)
	GetDeploymentTarget(context.Context, *codedeploy.GetDeploymentTargetInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentTargetOutput, error)
}

// ECS is what watch asks of ECS.
type ECS interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
}

// ELB is what watch asks of Elastic Load Balancing.
type ELB interface {
	DescribeTargetGroups(context.Context, *elb.DescribeTargetGroupsInput, ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error)
	DescribeTargetHealth(context.Context, *elb.DescribeTargetHealthInput, ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error)
}

// Kind is what an Event tells.
type Kind string

// The kinds of event.
const (
	Status    Kind = "status"    // the deployment's status changed
	Began     Kind = "began"     // a lifecycle event began
	Ended     Kind = "ended"     // a lifecycle event ended
	Weights   Kind = "weights"   // traffic moved
	Tasks     Kind = "tasks"     // a task set's counts changed
	Health    Kind = "health"    // target health changed
	Service   Kind = "service"   // a message of the ECS service
	Following Kind = "following" // a rollback deployment is followed now
)

// Event is one thing that happened. Fields that do not belong to its kind are zero.
type Event struct {
	Time         time.Time     `json:"time"`
	Kind         Kind          `json:"kind"`
	DeploymentID string        `json:"deploymentId,omitempty"`
	Name         string        `json:"name,omitempty"`   // lifecycle event; task set's label
	Status       string        `json:"status,omitempty"` // of the deployment or lifecycle event
	Took         time.Duration `json:"took,omitempty"`   // nanoseconds; Ended
	Blue         float64       `json:"blue,omitempty"`   // percent; Weights
	Green        float64       `json:"green,omitempty"`
	Running      int64         `json:"running,omitempty"` // Tasks
	Desired      int64         `json:"desired,omitempty"`
	Message      string        `json:"message,omitempty"` // one line for people
}

// Options say what to follow and how far.
type Options struct {
	CodeDeploy CodeDeploy
	ECS        ECS // nil: no service events
	ELB        ELB // nil: no target health
	ID         string
	Cluster    string
	Service    string
	Until      string        // "shifted" or "done" ("")
	Deadline   time.Duration // 0: none
	Emit       func(Event)   // called from Follow's goroutine
	Fastest    time.Duration // shortest poll; 0 for 200 ms
	Slowest    time.Duration // longest poll; 0 for 2 s
}

// ErrDeadline is returned when the deadline passed before the end.
var ErrDeadline = errors.New("the deadline passed")

// Outcome is where the deployment stood when Follow ended.
type Outcome struct {
	Deployment *types.DeploymentInfo
	Target     *types.ECSTarget // nil when it never had one
	Shifted    bool             // all traffic is on green
}

// Succeeded tells whether what was waited for has happened.
func (o Outcome) Succeeded(until string) bool {
	return o.Deployment.Status == types.DeploymentStatusSucceeded || (until == "shifted" && o.Shifted)
}

// Follow polls until the deployment has ended (or shifted), ctx ends or the deadline
// passes. Transient errors are the SDK's to retry; any that reaches Follow ends it.
func Follow(ctx context.Context, o Options) (Outcome, error) {
	f := &follower{Options: o, seen: map[string]bool{}, events: map[string]types.LifecycleEventStatus{}}
	f.defaults()
	if o.Deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, o.Deadline, ErrDeadline)
		defer cancel()
	}
	wait := f.Fastest
	for {
		changed, err := f.poll(ctx)
		switch {
		case err != nil && context.Cause(ctx) != nil:
			return f.out, context.Cause(ctx)
		case err != nil:
			return f.out, fmt.Errorf("watch deployment %s: %w", o.ID, err)
		case f.over():
			return f.out, nil
		case changed:
			wait = f.Fastest
		default:
			wait = min(wait*5/4, f.Slowest)
		}
		if err := sleep(ctx, wait); err != nil {
			return f.out, err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// follower compares each poll with the one before.
type follower struct {
	Options
	out     Outcome
	target  string // target id, once known
	status  types.DeploymentStatus
	events  map[string]types.LifecycleEventStatus
	weights [2]float64
	counts  map[string][2]int64
	health  string
	seen    map[string]bool // service event ids
	groups  map[string]string
	asked   time.Time // when the service was last asked
	changed bool
}

func (f *follower) defaults() {
	if f.Fastest == 0 {
		f.Fastest = 200 * time.Millisecond
	}
	if f.Slowest == 0 {
		f.Slowest = 2 * time.Second
	}
	if f.Emit == nil {
		f.Emit = func(Event) {}
	}
	f.counts, f.groups = map[string][2]int64{}, map[string]string{}
}

func (f *follower) over() bool {
	switch f.out.Deployment.Status {
	case types.DeploymentStatusSucceeded, types.DeploymentStatusFailed, types.DeploymentStatusStopped:
		return true
	}
	return f.Until == "shifted" && f.out.Shifted
}

func (f *follower) emit(e Event) {
	f.changed = true
	e.DeploymentID = f.ID
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	f.Emit(e)
}

// poll asks once and tells what is new. The target is asked before the deployment, so
// that the last lifecycle events are told when the deployment has ended.
func (f *follower) poll(ctx context.Context) (bool, error) {
	f.changed = false
	if err := f.pollTarget(ctx); err != nil {
		return false, err
	}
	d, err := f.CodeDeploy.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &f.ID})
	if err != nil {
		return false, err
	}
	f.out.Deployment = d.DeploymentInfo
	if s := d.DeploymentInfo.Status; s != f.status {
		f.status = s
		if err := f.pollTarget(ctx); err != nil {
			return false, err
		}
		f.emit(Event{Kind: Status, Status: string(s), Message: f.statusMessage(d.DeploymentInfo)})
	}
	if f.changed || f.over() || time.Since(f.asked) >= serviceEvery {
		f.asked = time.Now()
		err = f.pollService(ctx)
	}
	return f.changed, err
}

// serviceEvery is how often the service and its targets are asked while nothing else
// changes: ECS allows one DescribeServices a second in the long run.
const serviceEvery = 2 * time.Second

func (f *follower) statusMessage(d *types.DeploymentInfo) string {
	switch {
	case d.Status == types.DeploymentStatusReady:
		return "waiting for `turnout continue " + f.ID + "`"
	case d.InstanceTerminationWaitTimeStarted && d.Status == types.DeploymentStatusInProgress:
		return "waiting before the old tasks are ended"
	}
	return aws.ToString(d.Description)
}
