package balancer

import "time"

// Targets that fail much more often than the others of their group are anomalous. They are
// judged now and then, beside health checks: requests only read the verdict.
const (
	judgedEvery = 10 * time.Second
	leastJudged = 50 * time.Millisecond
	leastPeers  = 3   // healthy targets
	leastProof  = 5   // requests that tell something
	oddRate     = 0.1 // failures that are too many
	oddTimes    = 3   // as many as the others
	oddShare    = 8   // of the turns of an anomalous target that are its own, one
)

// tally is what a target had answered when it was judged last.
type tally struct{ requests, errors uint64 }

func (c *counters) tally() tally {
	return tally{c.requests.Load(), c.codes[5].Load() + c.connectionErrors.Load()}
}

// judge compares the group's targets by what they have answered since the last time. b.mu
// is held.
func (b *Balancer) judge(g *group) {
	if time.Since(g.judged) < b.scaled(judgedEvery, leastJudged) {
		return
	}
	g.judged = time.Now()
	recent := make(map[*target]tally, len(g.order))
	var all tally
	peers := 0
	for _, t := range g.order {
		now := t.counters.tally()
		d := tally{now.requests - t.tally.requests, now.errors - t.tally.errors}
		if d.requests < leastProof && d.errors < leastProof {
			continue // it is judged by more
		}
		t.tally = now
		if t.record.State == healthy {
			recent[t] = d
			peers++
			all.requests += d.requests
			all.errors += d.errors
		}
	}
	for t, d := range recent {
		others := rate(all.errors-d.errors, all.requests-d.requests)
		own := rate(d.errors, d.requests)
		t.odd.Store(peers >= leastPeers && own >= oddRate && own >= oddTimes*others)
	}
}

func rate(errors, requests uint64) float64 {
	return float64(errors) / float64(max(requests, errors, 1))
}

// random chooses at random; of the turns of anomalous targets most are the others'.
func (r *rotation) random(turn uint64) *target {
	n := uint64(len(r.targets))
	x := mix(turn)
	t := r.targets[x%n]
	if !r.config.MitigateAnomalies || !t.odd.Load() || x>>32%oddShare == 0 {
		return t
	}
	for i := uint64(1); i < n; i++ {
		if other := r.targets[(x+i)%n]; !other.odd.Load() {
			return other
		}
	}
	return t
}
