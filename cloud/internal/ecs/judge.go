package ecs

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// health is what the balancer says of targets.
type health map[target]elbtypes.TargetHealth

// lookAtTargets asks for the health of the targets of a service's tasks.
func (s *Service) lookAtTargets(ctx context.Context, key string) (health, error) {
	groups := map[string]bool{}
	s.Store.View(func(tx *store.Tx) {
		v, ok := s.t.services.Get(tx, key)
		if !ok {
			return
		}
		for _, t := range s.t.tasks.All(tx, v.Cluster+"/") {
			for _, at := range t.Targets {
				if t.Service == key {
					groups[at.Group] = true
				}
			}
		}
	})
	out := health{}
	for g := range groups {
		d, err := s.Targets.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &g})
		var gone *elbtypes.TargetGroupNotFoundException
		if errors.As(err, &gone) {
			continue // and its targets with it
		}
		if err != nil {
			return nil, err
		}
		for _, h := range d.TargetHealthDescriptions {
			out[target{g, aws.ToString(h.Target.Id), aws.ToInt32(h.Target.Port)}] = *h.TargetHealth
		}
	}
	return out, nil
}

// judge condemns the set's tasks that are not healthy, and notes those that are.
func (p *pass) judge(x *set) {
	for _, t := range p.alive(x) {
		if t.lastStatus() != running {
			continue
		}
		if !t.Well && p.well(x, t) {
			t.Well = true
			p.put(t)
			p.prove(x)
		}
		if end := t.State.StartedAt.Add(p.grace()); p.now.Before(end) {
			p.at(end)
			continue
		}
		if why := p.sick(x, t); why != "" {
			if !t.Well {
				x.Failed++
				p.putSet(x)
			}
			t.condemn(types.TaskStopCodeServiceSchedulerInitiated, why)
			p.put(t)
		}
	}
}

// boot is what a program gets to start before failed health checks of the load balancer
// end its task, where the time scale shortens the checks' intervals: programs start in
// real time.
const boot = 10 * time.Second

// grace is for how long after its start a task's health is not looked at.
func (p *pass) grace() time.Duration {
	return p.s.Clock.Scale(time.Duration(aws.ToInt32(p.v.Grace)) * time.Second)
}

// prove notes that a task of the set was well: starts do not fail any more.
func (p *pass) prove(x *set) {
	x.Misses, x.MissAt = 0, time.Time{}
	if resets(p.v.Config) {
		x.Failed = 0
	}
	x.Proven = true
	p.putSet(x)
}

// sick tells why a running task must be replaced, or "".
func (p *pass) sick(x *set, t *task) string {
	if t.State.Health == types.HealthStatusUnhealthy {
		p.tell("%s (task %s) failed container health checks.", subject(p.v, *x), t.ID)
		return "Task failed container health checks"
	}
	if end := t.State.StartedAt.Add(boot); p.s.Clock.Factor() > 1 && p.now.Before(end) {
		p.at(end)
		return ""
	}
	for _, at := range t.Targets {
		h, ok := p.health[at]
		if !ok || h.State != elbtypes.TargetHealthStateEnumUnhealthy {
			continue
		}
		p.tellOnce("%s (port %d) is unhealthy in (target-group %s) due to (reason %s)", subject(p.v, *x), at.Port, at.Group, aws.ToString(h.Description))
		return "Task failed ELB health checks in (target-group " + at.Group + ")"
	}
	return ""
}

// well tells whether a task counts as steady: it runs, its containers are healthy, and no
// load balancer objects. A group that no listener uses checks nothing, and so objects to
// nothing.
func (p *pass) well(x *set, t *task) bool {
	if t.lastStatus() != running || (len(x.Work.Balancers) > 0 && !t.Registered) {
		return false
	}
	if checked(p.td[x.ID]) && t.State.Health != types.HealthStatusHealthy {
		return false
	}
	for _, at := range t.Targets {
		switch p.health[at].State {
		case elbtypes.TargetHealthStateEnumHealthy, elbtypes.TargetHealthStateEnumUnused, elbtypes.TargetHealthStateEnumUnavailable:
		default:
			return false
		}
	}
	return true
}

// checked tells whether an essential container has a health check.
func checked(td types.TaskDefinition) bool {
	for _, c := range td.ContainerDefinitions {
		if c.HealthCheck != nil && aws.ToBool(c.Essential) {
			return true
		}
	}
	return false
}
