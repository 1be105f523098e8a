package balancer

import (
	"math/bits"
	"net/netip"
	"sync/atomic"
	"time"
)

// golden is 2^64 divided by the golden ratio. Multiples of it, seen as fractions of 2^64,
// fill the unit interval as evenly as any sequence can, at every length, and never fall
// in step with anything periodic.
const golden = 0x9E3779B97F4A7C15

// wheel deals out turns evenly.
type wheel struct{ at atomic.Uint64 }

// below returns the next number of the sequence as one of 0…n-1.
func (w *wheel) below(n uint64) uint64 {
	hi, _ := bits.Mul64(w.at.Add(golden), n)
	return hi
}

// forward is a compiled Forward action.
type forward struct {
	shares []share
	total  uint64
	sticky time.Duration
	wheel  wheel
}

type share struct {
	group string
	upTo  uint64 // sum of the weights up to and including this one
	token token
}

func compileForward(f *Forward) *forward {
	out := &forward{sticky: f.Stickiness}
	for _, g := range f.Groups {
		out.total += uint64(max(g.Weight, 0))
		out.shares = append(out.shares, share{g.Group, out.total, tokenOf(g.Group, netip.AddrPort{})})
	}
	return out
}

// choose returns the share whose turn it is, or nil when all weights are 0.
func (f *forward) choose() *share {
	if f.total == 0 {
		return nil
	}
	n := uint64(0)
	if len(f.shares) > 1 {
		n = f.wheel.below(f.total)
	}
	for i := range f.shares {
		if n < f.shares[i].upTo {
			return &f.shares[i]
		}
	}
	return nil
}

// pick chooses a target, or returns nil when there is none.
func (r *rotation) pick(source netip.Addr) *target {
	n := uint64(len(r.targets))
	if n <= 1 {
		if n == 0 {
			return nil
		}
		return r.targets[0]
	}
	if r.config.Stickiness.Type == "source_ip" {
		return r.bySource(source)
	}
	turn := r.group.turn.Add(1)
	switch r.config.Algorithm {
	case "least_outstanding_requests":
		return r.least(turn)
	case "weighted_random":
		return r.random(turn)
	}
	if r.slow > 0 {
		return r.warm(turn)
	}
	return r.targets[turn%n]
}

// least is the target with the fewest requests in flight; ties go round.
func (r *rotation) least(turn uint64) *target {
	n := uint64(len(r.targets))
	best := r.targets[turn%n]
	for i := uint64(1); i < n; i++ {
		if t := r.targets[(turn+i)%n]; t.inflight.Load() < best.inflight.Load() {
			best = t
		}
	}
	return best
}

// warm goes round, but passes over targets in slow start as often as they have not yet
// warmed up.
func (r *rotation) warm(turn uint64) *target {
	n := uint64(len(r.targets))
	now := time.Now()
	for i := range n {
		k := (turn + i) % n
		t, age := r.targets[k], now.Sub(r.since[k])
		if age >= r.slow || t.wheel.below(uint64(r.slow)) < uint64(age) {
			return t
		}
	}
	return r.targets[turn%n]
}

// bySource gives a client the same target as long as that is in rotation, and moves no
// other clients when targets come and go.
func (r *rotation) bySource(source netip.Addr) *target {
	var best *target
	var most uint64
	for _, t := range r.targets {
		if score := t.token.score(source); best == nil || score > most {
			best, most = t, score
		}
	}
	return best
}

// mix scatters consecutive numbers over all of uint64.
func mix(x uint64) uint64 {
	x *= golden
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}
