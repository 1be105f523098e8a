package balancer

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// group is a target group. Its fields are guarded by Balancer.mu, except where said.
type group struct {
	id      string // not guarded: it never changes
	config  Group
	targets map[netip.AddrPort]*target
	order   []*target     // as registered
	judged  time.Time     // when its targets were compared
	turn    atomic.Uint64 // of the choice among targets; not guarded
	past    counters      // of targets that are gone; not guarded
}

// tls tells whether targets are spoken to by TLS.
func (g *Group) tls() bool { return g.Protocol == "HTTPS" || g.Protocol == "TLS" }

// http1 tells whether targets speak HTTP/1.
func (g *Group) http1() bool { return g.ProtocolVersion != "HTTP2" && g.ProtocolVersion != "GRPC" }

// Health tells of all targets of a group, as they were registered; those that drain come
// last. It is nil for an unknown group.
func (b *Balancer) Health(groupID string) []Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Health
	g := b.groups[groupID]
	if g != nil {
		for _, t := range g.order {
			out = append(out, t.healthNow())
		}
	}
	n := len(out)
	for t := range b.leaving {
		if t.group.id == groupID && (g == nil || g.targets[t.addr] == nil) {
			out = append(out, t.healthNow())
		}
	}
	slices.SortFunc(out[n:], func(a, b Health) int { return a.Addr.Compare(b.Addr) })
	return slices.CompactFunc(out, func(a, b Health) bool { return a.Addr == b.Addr })
}

// applyGroups makes the groups what they should be and returns the targets that leave.
func (b *Balancer) applyGroups(want []Group) (leave []*target, changed map[string]bool) {
	changed = map[string]bool{}
	keep := map[string]bool{}
	for _, w := range want {
		keep[w.ID] = true
		g := b.groups[w.ID]
		if g == nil {
			g = &group{id: w.ID, targets: map[netip.AddrPort]*target{}}
			b.groups[w.ID] = g
		}
		gone, news := b.applyGroup(g, w)
		leave = append(leave, gone...)
		if news || len(gone) > 0 {
			changed[w.ID] = true
		}
	}
	for id, g := range b.groups {
		if !keep[id] {
			delete(b.groups, id)
			leave = append(leave, g.order...)
			changed[id] = true
		}
	}
	return leave, changed
}

// applyGroup gives g a new configuration. Targets that stay keep their health.
func (b *Balancer) applyGroup(g *group, w Group) (leave []*target, changed bool) {
	was := g.config
	g.config = w
	order := make([]*target, 0, len(w.Targets))
	targets := make(map[netip.AddrPort]*target, len(w.Targets))
	for _, wt := range w.Targets {
		if targets[wt.Addr] != nil {
			continue
		}
		t := g.targets[wt.Addr]
		if t == nil {
			t = b.newTarget(g, wt)
			changed = true
		}
		targets[wt.Addr] = t
		order = append(order, t)
	}
	for _, t := range g.order {
		if targets[t.addr] == nil {
			leave = append(leave, t)
		}
	}
	g.targets, g.order = targets, order
	for _, t := range order {
		if b.checkAsConfigured(t, was) {
			changed = true
		}
	}
	return leave, changed
}
