// Package watch follows a CodeDeploy deployment of an ECS service to its end: lifecycle
// events with their durations, traffic weights as they move, tasks, target health and
// the service's own events.
//
// It polls: quickly while things change, slower while they do not, so that the end is
// known within about a second and AWS's rate limits stay far away. Watchers of one process
// may share their calls (Share). What one poll found is told in the order in which it
// happened.
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
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
	"golang.org/x/time/rate"
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

// TaskLister is what watch asks of ECS while tasks run, but their deployment does not go on.
type TaskLister interface {
	TaskReader
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
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
	Trouble   Kind = "trouble"   // AWS could not answer for the moment
)

// Event is one thing that happened. Fields that do not belong to its kind are zero.
type Event struct {
	Time         time.Time     `json:"time"`
	Kind         Kind          `json:"kind"`
	DeploymentID string        `json:"deploymentId,omitempty"`
	Name         string        `json:"name,omitempty"`   // lifecycle event; blue or green; new, old or rollback
	Status       string        `json:"status,omitempty"` // of the deployment or lifecycle event
	Took         time.Duration `json:"took,omitempty"`   // nanoseconds; Ended
	Blue         float64       `json:"blue,omitempty"`   // percent; Weights
	Green        float64       `json:"green,omitempty"`
	Running      int64         `json:"running,omitempty"` // Tasks
	Desired      int64         `json:"desired,omitempty"`
	Message      string        `json:"message,omitempty"` // one line for people
	Detail       string        `json:"detail,omitempty"`  // AWS's own words, where Message has fewer
}

// Options say what to follow and how far.
type Options struct {
	CodeDeploy CodeDeploy
	ECS        ECS        // nil: no service events
	ELB        ELB        // nil: no target health
	Tasks      TaskLister // nil: nothing of containers' own health checks
	ID         string
	Cluster    string
	Service    string
	Until      Until
	Deadline   time.Duration // 0: none
	Emit       func(Event)   // called from Follow's goroutine; nil for nobody
	Told       *Memory       // what was told already; nil for nothing
	Pace       Pace
	Budget     *rate.Limiter // of what is asked beside the deployment, shared by all watchers of a process; nil for no limit
	// Brief spares the calls that would tell the story of a deployment that has ended
	// before it is first looked at.
	Brief bool
}

// Until is how far to wait.
type Until string

// How far to wait. For Registered and Created nothing is followed.
const (
	Registered Until = "registered" // the revision stands
	Created    Until = "created"    // the deployment stands
	Shifted    Until = "shifted"    // all production traffic is on the new revision
	Stable     Until = "stable"     // and the service is steady on it
	Done       Until = "done"       // and the old tasks have ended; the default

	// Ready is where the deployment waits for traffic to be let through. It is between
	// created and shifted, for deployment groups that wait there at all.
	Ready Until = "ready"
)

// Untils are all of them, in order.
var Untils = []Until{Registered, Created, Shifted, Stable, Done}

// ErrDeadline is returned when the deadline passed before the end.
var ErrDeadline = errors.New("the deadline passed")

// Outcome is where the deployment stood when Follow ended.
type Outcome struct {
	Deployment *types.DeploymentInfo
	Target     *types.ECSTarget // nil when it never had one
	Shifted    bool             // all traffic is on green
	// Sick are green's targets that were unhealthy when last looked at, and SickIn their
	// target group: when the deployment has failed they are registered no more.
	Sick   []elbtypes.TargetHealthDescription
	SickIn string
}

// Succeeded tells whether what was waited for has happened.
func (o Outcome) Succeeded(until Until) bool {
	return o.Deployment.Status == types.DeploymentStatusSucceeded || o.reached(until)
}

func (o Outcome) reached(until Until) bool {
	switch until {
	case Ready:
		return o.Deployment.Status == types.DeploymentStatusReady || o.Shifted
	case Shifted:
		return o.Shifted
	case Stable:
		return o.Shifted && o.steady()
	}
	return false
}

// steady tells whether green runs all the tasks that it should.
func (o Outcome) steady() bool {
	for _, s := range o.Target.TaskSetsInfo {
		if s.TaskSetLabel == types.TargetLabelGreen {
			return s.RunningCount == s.DesiredCount && s.PendingCount == 0
		}
	}
	return false
}

// Follow polls until the deployment has ended (or gone as far as asked), ctx ends or the
// deadline passes. Throttling and passing faults of AWS slow it down; they end it only
// when they last.
func Follow(ctx context.Context, o Options) (Outcome, error) {
	f := newFollower(o)
	err := o.Pace.poll(ctx, o.Deadline, f.emitTrouble, func(ctx context.Context) (next, error) {
		changed, err := f.poll(ctx)
		if err != nil {
			return next{}, fmt.Errorf("watch deployment %s: %w", o.ID, err)
		}
		return next{over: f.over(), changed: changed, known: f.knownWait()}, nil
	})
	return f.out, err
}

// follower compares each poll with the one before.
type follower struct {
	Options
	teller
	out Outcome
	*known
	target string // target id, once known
	groups map[string]string
	asked  time.Time     // when the service was last asked
	every  time.Duration // how often it is
	denied bool          // the service may not be asked
}

func newFollower(o Options) *follower {
	if o.Told == nil {
		o.Told = &Memory{}
	}
	return &follower{Options: o, teller: teller{to: o.Emit, id: o.ID}, known: o.Told.of(o.ID), groups: map[string]string{}}
}

func (f *follower) over() bool { return f.ended() || f.out.reached(f.Until) }

func (f *follower) ended() bool { return HasEnded(f.out.Deployment.Status) }

// HasEnded tells whether a deployment in this status is over.
func HasEnded(s types.DeploymentStatus) bool {
	return s == types.DeploymentStatusSucceeded || s == types.DeploymentStatusFailed || s == types.DeploymentStatusStopped
}

// emitTrouble tells of a fault that is waited out.
func (f *follower) emitTrouble(err error, wait time.Duration) {
	f.emit(Event{Kind: Trouble, Message: fmt.Sprintf("%v; asking again in %s", err, wait.Round(100*time.Millisecond))})
	f.flush()
}

// poll asks once and tells what is new. The deployment is asked before its target, so
// that the last lifecycle events are told when it has ended.
func (f *follower) poll(ctx context.Context) (bool, error) {
	f.changed = false
	d, err := f.CodeDeploy.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &f.ID})
	if err != nil {
		return false, err
	}
	defer f.flush()
	first := f.out.Deployment == nil
	f.out.Deployment = d.DeploymentInfo
	ended := f.ended()
	if !ended || (f.Brief && first) {
		f.tellStatus()
	}
	if f.Brief && first && f.over() {
		return true, nil
	}
	if err := f.pollTarget(ctx); err != nil {
		return false, err
	}
	f.tellStatus()
	f.side(ctx)
	return f.changed, nil
}

// side asks for what is worth telling beside the deployment itself: the service's
// messages and the health of targets. It has to stay within AWS's rates, which many
// watchers share, and never holds up the news of the end: what is throttled or fails is
// asked for less often, and what may not be asked is asked no more.
func (f *follower) side(ctx context.Context) {
	usual := serviceEvery
	if f.Pace.Scaled { // a cloud of one's own, which may be asked often
		usual /= 10
	}
	f.every = max(f.every, usual)
	due := f.changed || f.over() || time.Since(f.asked) >= f.every
	known := f.out.Target != nil || f.over() // which task set is blue and which green
	if f.denied || !due || !known || (f.Budget != nil && !f.Budget.Allow()) {
		return
	}
	f.asked = time.Now()
	var api smithy.APIError
	switch err := f.pollService(ctx); {
	case err == nil:
		f.every = max(f.every*3/4, usual)
	case errors.As(err, &api) && api.ErrorCode() == "AccessDeniedException":
		f.denied = true
		f.emit(Event{Kind: Trouble, Message: fmt.Sprintf("the service's messages and the targets' health are not shown: %v", err)})
	default:
		f.every = min(f.every*2, serviceSlowest)
	}
}

// tellStatus tells how the deployment stands: when it is created, when it waits, and how
// it has ended.
func (f *follower) tellStatus() {
	d := f.out.Deployment
	waiting := d.InstanceTerminationWaitTimeStarted && d.Status == types.DeploymentStatusInProgress
	if d.Status == f.status && waiting == f.waiting {
		return
	}
	e := Event{Kind: Status, Status: string(d.Status), Message: f.statusMessage(d, waiting)}
	switch {
	case f.ended():
		e.Time = aws.ToTime(d.CompleteTime)
	case f.status == "" && !waiting:
		e.Time = aws.ToTime(d.CreateTime)
	case d.Status == types.DeploymentStatusInProgress && !waiting:
		e.Time = aws.ToTime(d.StartTime)
	}
	f.status, f.waiting = d.Status, waiting
	f.emit(e)
}

// knownWait is how long nothing will happen: what is left of the wait before the old
// tasks are ended, by the deployment's own settings. 0 when it is not known.
func (f *follower) knownWait() time.Duration {
	d := f.out.Deployment
	if d == nil || !d.InstanceTerminationWaitTimeStarted || d.BlueGreenDeploymentConfiguration == nil || f.out.Target == nil {
		return 0
	}
	t := d.BlueGreenDeploymentConfiguration.TerminateBlueInstancesOnDeploymentSuccess
	var began time.Time
	for _, e := range f.out.Target.LifecycleEvents {
		if e.EndTime != nil && e.EndTime.After(began) {
			began = *e.EndTime
		}
	}
	if t == nil || began.IsZero() {
		return 0
	}
	return time.Until(began.Add(time.Duration(t.TerminationWaitTimeInMinutes) * time.Minute))
}

// serviceEvery is how often the service and its targets are asked while nothing else
// changes, and how rarely when AWS throttles: ECS allows one DescribeServices a second in
// the long run, for the whole account.
const (
	serviceEvery   = 2 * time.Second
	serviceSlowest = time.Minute
)

func (f *follower) statusMessage(d *types.DeploymentInfo, waiting bool) string {
	switch {
	case d.Status == types.DeploymentStatusReady:
		return "waiting for `turnout continue " + f.ID + "`"
	case waiting:
		return "waiting before blue's tasks are ended (`turnout continue " + f.ID + "` ends the wait)"
	case HasEnded(d.Status):
		return f.reason(d)
	case f.status == "":
		return aws.ToString(d.Description)
	}
	return ""
}

// reason is why a deployment has ended as it did, "" when its lifecycle events have told.
func (f *follower) reason(d *types.DeploymentInfo) string {
	if d.ErrorInformation == nil {
		return ""
	}
	m := aws.ToString(d.ErrorInformation.Message)
	if f.out.Target != nil {
		for _, e := range f.out.Target.LifecycleEvents {
			if e.Diagnostics != nil && aws.ToString(e.Diagnostics.Message) == m {
				return ""
			}
		}
	}
	return m
}
