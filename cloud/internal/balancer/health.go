package balancer

import (
	"context"
	"slices"
	"time"
)

// States of targets.
const (
	initial     = "initial"
	healthy     = "healthy"
	unhealthy   = "unhealthy"
	unused      = "unused"
	draining    = "draining"
	unavailable = "unavailable"
)

// record is what is known of a target's health.
type record struct {
	State, Reason, Description string
	against                    int // how many checks in a row contradicted the state
}

var (
	registering = record{State: initial, Reason: "Elb.RegistrationInProgress", Description: "Target registration is in progress"}
	checking    = record{State: initial, Reason: "Elb.InitialHealthChecking", Description: "Initial health checks in progress"}
	notInUse    = record{State: unused, Reason: "Target.NotInUse", Description: "Target group is not configured to receive traffic from the load balancer"}
	notChecked  = record{State: unavailable, Reason: "Target.HealthCheckDisabled", Description: "Health checks are disabled for the target group"}
)

// observe takes in a check's outcome. A new target is healthy after its first success;
// otherwise the thresholds say how many in a row it takes.
func (r *record) observe(o outcome, h HealthCheck) {
	bad := record{State: unhealthy, Reason: o.reason, Description: o.description}
	switch {
	case o.ok && r.State == unhealthy:
		if r.against++; r.against >= h.Healthy {
			*r = record{State: healthy}
		}
	case o.ok:
		*r = record{State: healthy}
	case r.State == unhealthy:
		*r = bad
	default:
		if r.against++; r.against >= h.Unhealthy {
			*r = bad
		}
	}
}

func (r record) same(o record) bool {
	return r.State == o.State && r.Reason == o.Reason && r.Description == o.Description
}

// healthNow is the target's health for the API.
func (t *target) healthNow() Health {
	h := Health{Addr: t.addr, Function: t.function, Port: t.group.config.Health.Port, State: t.record.State, Reason: t.record.Reason, Description: t.record.Description, Anomalous: t.odd.Load()}
	if h.Port == 0 {
		h.Port = t.addr.Port()
	}
	return h
}

// checkAsConfigured starts, stops or changes the target's checks after its group was
// configured anew, and reports whether the target's health changed by that. b.mu is held.
func (b *Balancer) checkAsConfigured(t *target, was Group) (changed bool) {
	g := t.group.config
	before := t.record
	switch {
	case !g.InUse:
		t.stopChecking()
		t.record = notInUse
	case g.Health.Disabled:
		t.stopChecking()
		t.record = notChecked
	case t.checking == nil:
		t.record = registering
		b.startChecking(t)
	case was.Health != g.Health || was.Protocol != g.Protocol || was.ProtocolVersion != g.ProtocolVersion:
		t.stopChecking()
		b.startChecking(t)
	}
	return !before.same(t.record)
}

func (t *target) stopChecking() {
	if t.checking != nil {
		t.checking()
		t.checking = nil
	}
}

func (b *Balancer) startChecking(t *target) {
	ctx, cancel := context.WithCancel(b.ctx)
	t.checking = cancel
	p := newProbe(t)
	b.goes(func() { b.check(ctx, t, p) })
}

// leastInterval keeps extreme time scales from flooding targets with checks.
const leastInterval = 5 * time.Millisecond

// check probes a target at once and then at its interval, until ctx ends.
func (b *Balancer) check(ctx context.Context, t *target, p *probe) {
	interval := b.scaled(p.Interval, leastInterval)
	b.learn(ctx, t, func(r *record) {
		if r.State == initial {
			*r = checking
		}
	})
	for {
		began := time.Now()
		o := p.run(ctx)
		b.learn(ctx, t, func(r *record) { r.observe(o, p.HealthCheck) })
		b.mu.Lock()
		b.judge(t.group)
		b.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(interval-time.Since(began), min(interval, leastInterval))):
		}
	}
}

// learn changes what is known of a target's health, unless ctx has ended, and makes
// routing follow.
func (b *Balancer) learn(ctx context.Context, t *target, change func(*record)) {
	if b.learned(ctx, t, change) {
		b.opts.OnHealth(t.group.id)
	}
}

func (b *Balancer) learned(ctx context.Context, t *target, change func(*record)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if ctx.Err() != nil {
		return false
	}
	before := t.record
	change(&t.record)
	if before.same(t.record) {
		return false
	}
	if t.record.State != before.State {
		t.warmSince = time.Time{}
		if t.record.State == healthy && b.startsSlowly(t) {
			t.warmSince = time.Now()
		}
		b.publish()
	}
	return true
}

// startsSlowly tells whether a target that turns healthy now starts slowly: only next to
// others that are warm already.
func (b *Balancer) startsSlowly(t *target) bool {
	slow := b.opts.Scale(t.group.config.SlowStart)
	if slow <= 0 {
		return false
	}
	return slices.ContainsFunc(t.group.order, func(o *target) bool {
		return o != t && o.record.State == healthy && time.Since(o.warmSince) >= slow
	})
}
