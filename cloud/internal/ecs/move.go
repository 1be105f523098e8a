package ecs

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// move takes each task of a set the next step on its way in or out.
func (p *pass) move(x *set) {
	var halted []task
	for i := range p.tasks[x.ID] {
		t := &p.tasks[x.ID][i]
		switch {
		case t.alive():
			p.moveIn(x, t)
		case p.moveOut(x, t):
			halted = append(halted, *t)
		}
	}
	if len(halted) > 0 {
		p.tell("%s has stopped %d running tasks: %s.", subject(p.v, *x), len(halted), taskList(halted))
	}
}

// moveIn has a task registered when it runs.
func (p *pass) moveIn(x *set, t *task) {
	if t.State.Status != running || len(x.Work.Balancers) == 0 || t.Registered {
		return
	}
	if len(t.Targets) == 0 {
		// What is about to be registered is stored first: should the process end before it
		// is known whether that worked, the next one takes it back.
		for _, b := range x.Work.Balancers {
			t.Targets = append(t.Targets, target{aws.ToString(b.TargetGroupArn), t.State.Addr.String(), aws.ToInt32(b.ContainerPort)})
		}
		p.put(t)
	}
	p.register[x.ID] = append(p.register[x.ID], *t)
}

// moveOut drains a task's targets, and stops it when they are gone. It tells whether the
// task was told to stop just now.
func (p *pass) moveOut(x *set, t *task) bool {
	switch {
	case len(t.Targets) > 0 && !t.Leaving:
		t.Leaving = true
		p.put(t)
		p.leave[x.ID] = append(p.leave[x.ID], *t)
		return false
	case len(t.Targets) > 0 && p.drains(t):
		p.stay[x.ID] = append(p.stay[x.ID], p.stubborn(t)...)
		return false
	case len(t.Targets) > 0:
		t.Targets, t.Registered, t.Leaving = nil, false, false
		p.put(t)
	}
	if t.stopped() || t.Halted {
		return false
	}
	t.Halted = true
	p.put(t)
	p.halt = append(p.halt, *t)
	return true
}

// drains tells whether the balancer still knows the task's targets.
func (p *pass) drains(t *task) bool {
	for _, at := range t.Targets {
		if h, ok := p.health[at]; ok && h.Reason != elbtypes.TargetHealthReasonEnumNotRegistered {
			return true
		}
	}
	return false
}

// stubborn is the task if a target of it does not drain although the balancer was asked.
func (p *pass) stubborn(t *task) []task {
	for _, at := range t.Targets {
		if h, ok := p.health[at]; ok && h.State != elbtypes.TargetHealthStateEnumDraining {
			return []task{*t}
		}
	}
	return nil
}

// settle notes which sets are steady, and ends a deployment that is.
func (p *pass) settle() {
	for i := range p.sets {
		x := &p.sets[i]
		steady := x.Status != draining && p.steady(x)
		if p.v.rolling() {
			steady = steady && x.Status == primary && p.alone()
		}
		if steady != x.Steady {
			x.Steady, x.SteadyAt = steady, p.now
			p.putSet(x)
			if steady {
				p.dirty = true
				p.s.tellSteady(p.tx, &p.v, *x)
			}
		}
		if steady && p.v.rolling() && x.State == types.DeploymentRolloutStateInProgress && p.baked(x) {
			p.s.complete(p.tx, &p.v, x)
			p.dirty = true
			p.putSet(x)
		}
	}
}

// steady tells whether a set has as many tasks as it wants, all of them well.
func (p *pass) steady(x *set) bool {
	alive := p.alive(x)
	for _, t := range alive {
		if !p.well(x, t) {
			return false
		}
	}
	return len(alive) == wanted(p.v, *x)
}

// alone tells whether nothing is left of the deployments before the primary.
func (p *pass) alone() bool {
	for i := range p.sets[1:] {
		if x := &p.sets[1+i]; len(p.tasks[x.ID]) > 0 || p.lingers(x) {
			return false
		}
	}
	return true
}

// finish deletes sets whose time is over when their last task has gone, and the service
// after them.
func (p *pass) finish() {
	left := 0
	for i := range p.sets {
		x := &p.sets[i]
		over := x.Status == draining
		if p.v.rolling() && x.Status == active && len(p.alive(x)) == 0 && p.replaced(x) {
			x.Status, over = draining, true
			p.putSet(x)
		}
		if over && len(p.tasks[x.ID]) == 0 && !p.lingers(x) {
			p.s.t.sets.Delete(p.tx, x.key())
			continue
		}
		left++
	}
	if p.v.Status == draining && left == 0 {
		p.v.Status, p.v.Ended, p.dirty = inactive, p.now, true
	}
}

// replaced tells whether a deployment before the primary is of no more use. The last
// completed one is needed for a rollback until the primary is complete itself.
func (p *pass) replaced(x *set) bool {
	return x.State != types.DeploymentRolloutStateCompleted || p.sets[0].Steady
}

// linger is for how long a deployment that failed can still be looked at.
const (
	linger      = time.Minute
	leastLinger = time.Second
)

func (p *pass) lingers(x *set) bool {
	if x.State != types.DeploymentRolloutStateFailed || p.v.Status != active {
		return false
	}
	until := x.Updated.Add(p.s.Clock.AtLeast(linger, leastLinger))
	p.at(until)
	return p.now.Before(until)
}
