package console

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// step is one line of a deployment's progress, as CodeDeploy's console has them.
type step struct {
	Name    string     `json:"name"`
	Status  string     `json:"status"` // Pending, InProgress, Succeeded, Failed, Stopped, Skipped
	Percent float64    `json:"percent"`
	Note    string     `json:"note"`
	Began   *time.Time `json:"began"`   // of a wait: the bar runs from here
	Until   *time.Time `json:"until"`   // to here, if nothing ends it before
	Counts  string     `json:"counts"`  // what happens at Until
	ByClock bool       `json:"byClock"` // the bar follows the clock, not Percent
}

// The statuses of a step; those of a lifecycle event, and Stopped.
const (
	pending    = string(types.LifecycleEventStatusPending)
	inProgress = string(types.LifecycleEventStatusInProgress)
	succeeded  = string(types.LifecycleEventStatusSucceeded)
	failed     = string(types.LifecycleEventStatusFailed)
	skipped    = string(types.LifecycleEventStatusSkipped)
	stopped    = "Stopped"
)

// plan is what the steps are worked out from.
type plan struct {
	info    *types.DeploymentInfo
	target  *types.ECSTarget // nil before the start
	routing *types.TrafficRoutingConfig
	sides   []side
	scale   func(time.Duration) time.Duration
	now     time.Time
}

// steps are a deployment's, in their order.
func (p plan) steps() []step {
	if r := p.info.RollbackInfo; r != nil && r.RollbackTriggeringDeploymentId != nil {
		return p.undoing()
	}
	out := []step{p.install()}
	if p.has("AllowTestTraffic") || p.tests() {
		out = append(out, p.phase("Test traffic route setup", "AllowTestTraffic", "AfterAllowTestTraffic"))
	}
	if r := p.ready(); r != nil {
		out = append(out, *r)
	}
	out = append(out, p.reroute())
	out = append(out, p.terminate()...)
	return p.ended(out)
}

// ended makes the steps agree with how the deployment ended: what went wrong between two
// lifecycle events stands in none of them.
func (p plan) ended(steps []step) []step {
	how := ""
	switch p.info.Status {
	case types.DeploymentStatusFailed:
		how = failed
	case types.DeploymentStatusStopped:
		how = stopped
	default:
		return steps
	}
	blamed := false
	for i := range steps {
		s := &steps[i]
		switch {
		case s.Status == succeeded:
		case !blamed:
			blamed = true
			s.Status = how
		default:
			s.Status = skipped
		}
		s.Until, s.ByClock = nil, false
	}
	return steps
}

func (p plan) event(name string) types.LifecycleEvent {
	if p.target != nil {
		for _, e := range p.target.LifecycleEvents {
			if aws.ToString(e.LifecycleEventName) == name {
				return e
			}
		}
	}
	return types.LifecycleEvent{}
}

func (p plan) has(event string) bool { return p.event(event).LifecycleEventName != nil }

// tests tells whether the deployment has a test listener.
func (p plan) tests() bool {
	l := p.info.LoadBalancerInfo
	return l != nil && len(l.TargetGroupPairInfoList) > 0 && l.TargetGroupPairInfoList[0].TestTrafficRoute != nil
}

// phase sums some lifecycle events up in one step.
func (p plan) phase(name string, events ...string) step {
	s := step{Name: name, Status: pending}
	done, begun := 0, false
	for _, e := range events {
		switch st := p.event(e).Status; st {
		case types.LifecycleEventStatusSucceeded:
			done++
		case types.LifecycleEventStatusFailed:
			s.Status = failed
		case types.LifecycleEventStatusInProgress:
			begun = true
			s.Note = e
		case types.LifecycleEventStatusSkipped:
			if s.Status == pending {
				s.Status = skipped
			}
		}
	}
	s.Percent = float64(done) * 100 / float64(len(events))
	switch {
	case done == len(events):
		s.Status = succeeded
	case s.Status == pending && (begun || done > 0):
		s.Status = inProgress
	}
	return s
}

// install is the first step: green's tasks run and their targets turn healthy.
func (p plan) install() step {
	s := p.phase("Deploying replacement task set", "BeforeInstall", "Install", "AfterInstall")
	green := p.sides[1]
	if green.Set == nil || green.Set.Desired == 0 {
		if s.Status != succeeded {
			s.Percent = 0
		}
		return s
	}
	healthy := 0
	for _, t := range green.Tasks {
		if t.Status == "RUNNING" && t.Target != nil && t.Target.State == "healthy" {
			healthy++
		}
	}
	if s.Status != succeeded {
		of := float64(green.Set.Desired)
		s.Percent = min(99, (float64(green.Set.Running)+float64(healthy))*50/of)
		s.Note = fmt.Sprintf("%d of %d running, %d healthy", green.Set.Running, green.Set.Desired, healthy)
	}
	return s
}

// last is when the last of some events ended, nil while one has not.
func (p plan) last(events ...string) *time.Time {
	var at *time.Time
	for _, e := range events {
		if p.has(e) {
			at = p.event(e).EndTime
		}
	}
	return at
}

// wait is a step of waiting for some minutes after a moment.
func (p plan) wait(name string, began *time.Time, wait int32, counts string) step {
	s := step{Name: name, Status: pending, Counts: counts}
	if began != nil {
		until := began.Add(p.scale(time.Duration(wait) * time.Minute))
		s.Status, s.Began, s.Until, s.ByClock = inProgress, began, &until, true
	}
	return s
}

// ready is the wait for a word to go on, nil where there is none.
func (p plan) ready() *step {
	b := p.info.BlueGreenDeploymentConfiguration
	if b == nil || b.DeploymentReadyOption == nil || b.DeploymentReadyOption.ActionOnTimeout != types.DeploymentReadyActionStopDeployment || b.DeploymentReadyOption.WaitTimeInMinutes == 0 {
		return nil
	}
	m := b.DeploymentReadyOption.WaitTimeInMinutes
	s := p.wait(fmt.Sprintf("Wait up to %s for traffic to be rerouted", minutes1(m)), p.last("AfterInstall", "AfterAllowTestTraffic"), m, "stops")
	switch st := p.event("BeforeAllowTraffic").Status; {
	case p.info.Status == types.DeploymentStatusReady:
		s.Note = "reroute the traffic, or stop"
	case st != "" && st != types.LifecycleEventStatusPending && st != types.LifecycleEventStatusSkipped:
		s = step{Name: s.Name, Status: succeeded, Percent: 100}
	default:
		s = step{Name: s.Name, Status: pending}
	}
	return &s
}

func minutes1(n int32) string {
	if n == 1 {
		return "1 minute"
	}
	return minutes(n)
}

// reroute is the step in which production traffic moves to green.
func (p plan) reroute() step {
	s := p.phase("Rerouting production traffic to replacement task set", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic")
	if s.Status == succeeded {
		return s
	}
	s.Percent = p.sides[1].Percent
	if began := p.event("AllowTraffic").StartTime; began != nil && s.Status == inProgress && s.Percent < 100 {
		s.Note = fmt.Sprintf("%.0f%% rerouted", s.Percent)
		s.Until, s.Counts = p.nextShift(*began), "more"
	}
	return s
}

// nextShift is when traffic moves again, nil if not by the clock.
func (p plan) nextShift(began time.Time) *time.Time {
	var every int32
	switch r := p.routing; {
	case r == nil:
		return nil
	case r.TimeBasedCanary != nil:
		every = r.TimeBasedCanary.CanaryInterval
	case r.TimeBasedLinear != nil:
		every = r.TimeBasedLinear.LinearInterval
	}
	if every == 0 {
		return nil
	}
	d := p.scale(time.Duration(every) * time.Minute)
	at := began.Add((p.now.Sub(began)/d + 1) * d)
	return &at
}

// terminate are the last steps: the wait with both task sets up, and blue's end.
func (p plan) terminate() []step {
	end := step{Name: "Terminate original task set", Status: pending}
	var o *types.BlueInstanceTerminationOption
	if b := p.info.BlueGreenDeploymentConfiguration; b != nil {
		o = b.TerminateBlueInstancesOnDeploymentSuccess
	}
	keep := o != nil && o.Action == types.InstanceActionKeepAlive
	if keep {
		end.Name = "Keep original task set"
	}
	var out []step
	waiting := p.info.InstanceTerminationWaitTimeStarted
	if o != nil && o.TerminationWaitTimeInMinutes > 0 {
		var began *time.Time
		if waiting {
			began = p.last("AfterAllowTraffic")
		}
		w := p.wait("Wait "+minutes1(o.TerminationWaitTimeInMinutes), began, o.TerminationWaitTimeInMinutes, "the original task set ends")
		if w.Until != nil && !p.now.Before(*w.Until) {
			w = step{Name: w.Name, Status: succeeded, Percent: 100}
			end.Status = inProgress
		}
		out = append(out, w)
	} else if waiting {
		end.Status = inProgress
	}
	if p.info.Status == types.DeploymentStatusSucceeded {
		end.Status, end.Percent = succeeded, 100
		for i := range out {
			out[i] = step{Name: out[i].Name, Status: succeeded, Percent: 100}
		}
	}
	return append(out, end)
}

// undoing are the steps of a rollback.
func (p plan) undoing() []step {
	back := step{Name: "Rerouting production traffic to original task set", Status: pending, Percent: p.sides[0].Percent}
	end := step{Name: "Terminate replacement task set", Status: pending}
	switch {
	case p.info.Status == types.DeploymentStatusSucceeded:
		back.Status, back.Percent, end.Status, end.Percent = succeeded, 100, succeeded, 100
	case p.info.Status == types.DeploymentStatusInProgress && back.Percent < 100:
		back.Status = inProgress
	case p.info.Status == types.DeploymentStatusInProgress:
		back.Status, end.Status = succeeded, inProgress
	}
	return p.ended([]step{back, end})
}
