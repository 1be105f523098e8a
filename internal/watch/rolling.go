package watch

import (
	"context"
	"fmt"
	"sort"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// RollingOptions say which rolling deployment of a service to follow and how far.
type RollingOptions struct {
	ECS              ECS
	Cluster, Service string
	ID               string // of the deployment: ecs-svc/…
	Until            Until
	Deadline         time.Duration // 0: none
	Emit             func(Event)   // called from FollowRolling's goroutine
	Pace             Pace
}

// RollingOutcome is where a rolling deployment stood when FollowRolling ended.
type RollingOutcome struct {
	Service    types.Service
	Deployment types.Deployment // as it was last seen
	Primary    types.Deployment // what the service goes to; another one after a rollback
	Gone       bool             // the deployment is no longer one of the service's
}

// Succeeded tells whether what was waited for has happened. A deployment that is not
// primary any more has been rolled back or replaced: it never succeeded.
func (o RollingOutcome) Succeeded(until Until) bool {
	d := o.Deployment
	if o.Gone || o.RolledBack() || d.RolloutState == types.DeploymentRolloutStateFailed {
		return false
	}
	if until == Shifted {
		return d.RunningCount >= d.DesiredCount && others(o.Service, d) == 0
	}
	return d.RolloutState == types.DeploymentRolloutStateCompleted
}

// RolledBack tells whether the service goes to another deployment.
func (o RollingOutcome) RolledBack() bool {
	return aws.ToString(o.Primary.Id) != aws.ToString(o.Deployment.Id)
}

// others counts the tasks of all other deployments.
func others(s types.Service, d types.Deployment) int32 {
	var n int32
	for _, x := range s.Deployments {
		if aws.ToString(x.Id) != aws.ToString(d.Id) {
			n += x.RunningCount
		}
	}
	return n
}

// FollowRolling polls a service with the ECS controller until the deployment has
// completed, failed or been replaced, ctx ends or the deadline passes. When the circuit
// breaker rolls back it goes on until the rollback has ended.
func FollowRolling(ctx context.Context, o RollingOptions) (RollingOutcome, error) {
	f := &roller{RollingOptions: o, teller: teller{to: o.Emit, id: o.ID}, seen: map[string]bool{}, counts: map[string][3]int32{}, states: map[string]types.DeploymentRolloutState{}}
	trouble := func(err error, wait time.Duration) {
		f.emit(Event{Kind: Trouble, Message: fmt.Sprintf("%v; asking again in %s", err, wait.Round(100*time.Millisecond))})
		f.flush()
	}
	err := o.Pace.poll(ctx, o.Deadline, trouble, func(ctx context.Context) (next, error) {
		f.changed = false
		if err := f.poll(ctx); err != nil {
			return next{}, fmt.Errorf("watch service %s: %w", o.Service, err)
		}
		return next{over: f.over(), changed: f.changed}, nil
	})
	return f.out, err
}

// roller compares each poll with the one before.
type roller struct {
	RollingOptions
	teller
	out    RollingOutcome
	seen   map[string]bool // service event ids
	counts map[string][3]int32
	states map[string]types.DeploymentRolloutState
}

func (f *roller) poll(ctx context.Context) error {
	d, err := f.ECS.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &f.Cluster, Services: []string{f.Service}})
	if err != nil {
		return err
	}
	if len(d.Services) == 0 {
		return fmt.Errorf("service %s is gone from cluster %s", f.Service, f.Cluster)
	}
	defer f.flush()
	s := d.Services[0]
	f.out.Service, f.out.Gone = s, true
	for _, x := range s.Deployments {
		if aws.ToString(x.Id) == f.ID {
			f.out.Deployment, f.out.Gone = x, false
		}
		if aws.ToString(x.Status) == "PRIMARY" {
			f.out.Primary = x
		}
	}
	for _, x := range s.Deployments {
		f.tell(x)
	}
	f.events(s.Events)
	return nil
}

// name is what a deployment of the service is to the one that is followed.
func (f *roller) name(id string) string {
	switch id {
	case f.ID:
		return "new"
	case aws.ToString(f.out.Primary.Id):
		return "rollback"
	}
	return "old"
}

// tell says how a deployment of the service has moved.
func (f *roller) tell(d types.Deployment) {
	id := aws.ToString(d.Id)
	name := f.name(id)
	if name != "old" && f.states[id] == "" {
		f.state(d, name, aws.ToTime(d.CreatedAt))
	}
	if n := [3]int32{d.RunningCount, d.DesiredCount, d.FailedTasks}; f.counts[id] != n {
		f.counts[id] = n
		m := count(int64(n[0]), int64(n[1]))
		if n[2] > 0 {
			m += fmt.Sprintf(", %d failed", n[2])
		}
		f.emit(Event{Kind: Tasks, Name: name, Running: int64(n[0]), Desired: int64(n[1]), Message: m})
	}
	if name != "old" && f.states[id] != d.RolloutState {
		f.state(d, name, time.Time{})
	}
}

func (f *roller) state(d types.Deployment, name string, at time.Time) {
	f.states[aws.ToString(d.Id)] = d.RolloutState
	f.emit(Event{Kind: Status, Name: name, Status: string(d.RolloutState), Time: at, Message: aws.ToString(d.RolloutStateReason)})
}

// events tells the service's messages since the deployment began, oldest first.
func (f *roller) events(all []types.ServiceEvent) {
	sort.SliceStable(all, func(i, j int) bool { return aws.ToTime(all[i].CreatedAt).Before(aws.ToTime(all[j].CreatedAt)) })
	for _, e := range all {
		id := aws.ToString(e.Id)
		if f.seen[id] {
			continue
		}
		f.seen[id] = true
		if began := f.out.Deployment.CreatedAt; began != nil && !e.CreatedAt.Before(*began) {
			of, text := plain(aws.ToString(e.Message))
			if of != "" {
				of = f.name(of)
			}
			f.emit(Event{Kind: Service, Time: *e.CreatedAt, Name: of, Message: text, Detail: aws.ToString(e.Message)})
		}
	}
}

func (f *roller) over() bool {
	if f.out.RolledBack() || f.out.Gone {
		// The rollback is followed to its own end.
		return f.out.Primary.RolloutState != types.DeploymentRolloutStateInProgress
	}
	if f.out.Deployment.RolloutState == types.DeploymentRolloutStateFailed {
		// With a circuit breaker that rolls back, the rollback becomes primary next.
		c := f.out.Service.DeploymentConfiguration
		return c == nil || c.DeploymentCircuitBreaker == nil || !c.DeploymentCircuitBreaker.Rollback
	}
	return f.out.Succeeded(f.Until)
}
