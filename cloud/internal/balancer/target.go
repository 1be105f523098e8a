package balancer

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// target is one registered address. A target that was deregistered and registered again
// is another target.
type target struct {
	b        *Balancer
	group    *group
	addr     netip.AddrPort
	function string // "" for an address
	token    token

	inflight atomic.Int64
	draining atomic.Bool
	drained  chan struct{} // closed when it drains and nothing is in flight
	once     sync.Once
	counters counters
	wheel    wheel // of slow start
	pool     pool

	odd atomic.Bool // fails much more often than its peers

	// Guarded by Balancer.mu.
	tally     tally
	record    record
	checking  context.CancelFunc // nil when health is not checked
	warmSince time.Time
}

func (b *Balancer) newTarget(g *group, w Target) *target {
	t := &target{b: b, group: g, addr: w.Addr, function: w.Function, token: tokenOf(g.id, w.Addr), drained: make(chan struct{})}
	t.pool.init(t)
	return t
}

// claim counts a request in, unless the target drains.
func (t *target) claim() bool {
	t.inflight.Add(1)
	if !t.draining.Load() {
		return true
	}
	t.release()
	return false
}

// release counts a request out. No request can be let in after a draining target's count
// was seen at 0: each looks for draining after having counted itself.
func (t *target) release() {
	if t.inflight.Add(-1) == 0 && t.draining.Load() {
		t.once.Do(func() { close(t.drained) })
	}
}

// retire lets a target that is out of the table drain. When nothing is in flight it is
// gone at once. b.mu is held.
func (b *Balancer) retire(t *target) {
	t.stopChecking()
	t.record = record{State: draining, Reason: "Target.DeregistrationInProgress", Description: "Target deregistration is in progress"}
	t.draining.Store(true)
	t.pool.closeIdle()
	if t.inflight.Load() == 0 {
		t.end()
		return
	}
	b.leaving[t] = struct{}{}
	delay := b.opts.Scale(t.group.config.DeregistrationDelay)
	b.goes(func() { b.drain(t, delay) })
}

// retireAll lets all targets of a group drain that is gone.
func (b *Balancer) retireAll(g *group) {
	for _, t := range g.order {
		b.retire(t)
	}
}

// drain waits for requests in flight and cuts them off when the delay is over.
func (b *Balancer) drain(t *target, delay time.Duration) {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-t.drained:
	case <-timer.C:
	case <-b.ctx.Done():
	}
	b.mu.Lock()
	delete(b.leaving, t)
	t.end()
	b.mu.Unlock()
	b.opts.OnHealth(t.group.id)
}

// end frees what the target holds and hands its counts to the group. b.mu is held.
func (t *target) end() {
	t.pool.closeAll() // whoever still waits for the target gets an error now
	t.group.past.add(&t.counters)
}

// dial connects to the target.
func (t *target) dial(ctx context.Context) (net.Conn, error) {
	if t.function != "" {
		return t.connectFunction(false), nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := t.b.opts.Dial(ctx, "tcp", t.addr.String())
	if err != nil {
		t.counters.connectionErrors.Add(1)
		return nil, err
	}
	return c, nil
}

const dialTimeout = 10 * time.Second
