package balancer

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// counters count one target's traffic.
type counters struct {
	requests         atomic.Uint64
	codes            [6]atomic.Uint64
	connectionErrors atomic.Uint64
	responseTime     atomic.Int64
	times            times
}

// answered counts a target's response, which began so long after the request was sent.
func (c *counters) answered(status int, after time.Duration) {
	if k := status / 100; k < len(c.codes) {
		c.codes[k].Add(1)
	}
	c.responseTime.Add(int64(after))
	c.times[class(after)].Add(1)
}

// add adds the counts of o, which does not count any more.
func (c *counters) add(o *counters) {
	c.requests.Add(o.requests.Load())
	for i := range c.codes {
		c.codes[i].Add(o.codes[i].Load())
	}
	c.connectionErrors.Add(o.connectionErrors.Load())
	c.responseTime.Add(o.responseTime.Load())
	for i := range c.times {
		c.times[i].Add(o.times[i].Load())
	}
}

func (c *counters) into(s *Stats) {
	s.Requests += c.requests.Load()
	for i := range c.codes {
		s.Codes[i] += c.codes[i].Load()
	}
	s.ConnectionErrors += c.connectionErrors.Load()
	s.ResponseTime += time.Duration(c.responseTime.Load())
}

// Stats tells of a target group's traffic, that of targets which are gone included. It is
// zero for an unknown group.
func (b *Balancer) Stats(groupID string) Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	var s Stats
	g := b.groups[groupID]
	if g == nil {
		return s
	}
	g.past.into(&s)
	for _, t := range b.targetsOf(g) {
		t.counters.into(&s)
		s.InFlight += t.inflight.Load()
	}
	return s
}

// TargetStats tells of the traffic of a group's present targets, those that drain included.
func (b *Balancer) TargetStats(groupID string) map[netip.AddrPort]Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.groups[groupID]
	if g == nil {
		return nil
	}
	out := map[netip.AddrPort]Stats{}
	for _, t := range b.targetsOf(g) {
		s := out[t.addr]
		t.counters.into(&s)
		s.InFlight += t.inflight.Load()
		out[t.addr] = s
	}
	return out
}

func (b *Balancer) targetsOf(g *group) []*target {
	out := append([]*target(nil), g.order...)
	for t := range b.leaving {
		if t.group == g {
			out = append(out, t)
		}
	}
	return out
}

// ListenerStats counts what happened at one listener since it was opened.
type ListenerStats struct {
	Connections uint64         // accepted
	Active      int64          // connections open now
	Requests    uint64         // routed to targets or answered by the load balancer itself
	Answers     map[int]uint64 // the load balancer's own answers by status; 460 for clients that left
}

type listenerCounters struct {
	connections atomic.Uint64
	active      atomic.Int64
	requests    atomic.Uint64
	answers     [maxStatus]atomic.Uint64
}

const maxStatus = 600

func (c *listenerCounters) answered(status int) {
	if status < maxStatus {
		c.answers[status].Add(1)
	}
}

// ListenerStats tells of a listener's traffic. It is zero for an unknown listener.
func (b *Balancer) ListenerStats(listenerID string) ListenerStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.listeners[listenerID]
	if l == nil {
		return ListenerStats{}
	}
	s := ListenerStats{
		Connections: l.counters.connections.Load(),
		Active:      l.counters.active.Load(),
		Requests:    l.counters.requests.Load(),
		Answers:     map[int]uint64{},
	}
	for status := range l.counters.answers {
		if n := l.counters.answers[status].Load(); n > 0 {
			s.Answers[status] = n
		}
	}
	return s
}
