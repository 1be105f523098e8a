package ecs

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// act does what a pass decided, outside of its transaction.
func (p *pass) act(ctx context.Context) {
	for _, t := range p.begin {
		p.s.engine.begin(t)
	}
	for _, t := range p.halt {
		p.s.engine.halt(t)
	}
	for _, x := range p.sets {
		if tasks := p.leave[x.ID]; len(tasks) > 0 {
			p.out(ctx, x, tasks, true)
		}
		if tasks := p.stay[x.ID]; len(tasks) > 0 {
			p.out(ctx, x, tasks, false)
		}
		if tasks := p.register[x.ID]; len(tasks) > 0 {
			p.in(ctx, x, tasks)
		}
	}
	if p.s.Observe != nil {
		p.s.Observe(p.sample)
	}
}

func byGroup(all []target) map[string][]target {
	out := map[string][]target{}
	for _, t := range all {
		out[t.Group] = append(out[t.Group], t)
	}
	return out
}

func targetsOf(tasks []task) map[string][]target {
	var all []target
	for _, t := range tasks {
		all = append(all, t.Targets...)
	}
	return byGroup(all)
}

func descriptions(targets []target) []elbtypes.TargetDescription {
	var out []elbtypes.TargetDescription
	for _, t := range targets {
		out = append(out, elbtypes.TargetDescription{Id: aws.String(t.Addr), Port: aws.Int32(t.Port)})
	}
	return out
}

// in registers tasks' targets. Those that the balancer refuses are offered again.
func (p *pass) in(ctx context.Context, x set, tasks []task) {
	groups := targetsOf(tasks)
	var told []string
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		_, err := p.s.Targets.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: &g, Targets: descriptions(groups[g])})
		if err != nil {
			p.s.complain(ctx, p.v.key(), subject(p.v, x)+" failed to register targets in (target-group "+g+") with (error "+cause(err)+")")
			return
		}
		told = append(told, fmt.Sprintf("%s registered %d targets in (target-group %s)", subject(p.v, x), len(groups[g]), g))
	}
	err := p.s.Store.Update(func(tx *store.Tx) error {
		for _, t := range tasks {
			if now, ok := p.s.t.tasks.Get(tx, t.key()); ok && len(now.Targets) > 0 {
				now.Registered = true
				now.Version++
				p.s.t.tasks.Put(tx, t.key(), now)
			}
		}
		return nil
	})
	if err != nil {
		p.s.Log.Error("store registered targets", "service", p.v.key(), "error", err)
	}
	p.s.report(p.v.key(), told...)
	p.s.engine.wake(p.v.key())
}

// out has the balancer drain tasks' targets, and tells so if it does that for the first
// time.
func (p *pass) out(ctx context.Context, x set, tasks []task, fresh bool) {
	groups, who := targetsOf(tasks), subject(p.v, x)
	var told []string
	for _, g := range slices.Sorted(maps.Keys(groups)) {
		if err := p.s.deregister(ctx, g, groups[g]); err != nil {
			p.s.complain(ctx, p.v.key(), who+" failed to deregister targets in (target-group "+g+") with (error "+cause(err)+")")
			return
		}
		told = append(told, fmt.Sprintf("%s deregistered %d targets in (target-group %s)", who, len(groups[g]), g))
	}
	if fresh { // the others are asked again when the keeper looks next
		defer p.s.engine.wake(p.v.key())
		p.s.report(p.v.key(), append(told, fmt.Sprintf("%s has begun draining connections on %d tasks.", who, len(tasks)))...)
	}
}

// report adds events to a service.
func (s *Service) report(key string, texts ...string) {
	err := s.Store.Update(func(tx *store.Tx) error {
		v, ok := s.t.services.Get(tx, key)
		if !ok {
			return nil
		}
		for _, text := range texts {
			s.tell(tx, &v, "%s", text)
		}
		s.t.services.Put(tx, key, v)
		return nil
	})
	if err != nil {
		s.Log.Error("store events", "service", key, "error", err)
	}
}

func (s *Service) deregister(ctx context.Context, group string, targets []target) error {
	_, err := s.Targets.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{TargetGroupArn: &group, Targets: descriptions(targets)})
	return err
}

// complain tells a service's readers what the balancer refused.
func (s *Service) complain(ctx context.Context, key, text string) {
	if ctx.Err() != nil {
		return
	}
	err := s.Store.Update(func(tx *store.Tx) error {
		v, ok := s.t.services.Get(tx, key)
		if !ok {
			return nil
		}
		s.tellOnce(tx, &v, "%s", text)
		s.t.services.Put(tx, key, v)
		return nil
	})
	if err != nil {
		s.Log.Error("store an event", "service", key, "error", err)
	}
}
