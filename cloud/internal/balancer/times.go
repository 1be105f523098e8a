package balancer

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// classes is how many classes of response times are told apart: steps of at most 1/16
// from a microsecond to over an hour.
const classes = 464

// Times counts responses by the time they took to begin, each class as wide as 1/16 of
// its value; Class tells what one stands for.
type Times [classes]uint64

// Class is the time in the middle of class i.
func (Times) Class(i int) time.Duration {
	shift := max(i/16-1, 0)
	low := int64(i - 16*shift)
	return time.Duration(low<<shift+1<<shift/2) * time.Microsecond
}

// class is the class of a response time.
func class(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	shift := max(bits.Len64(us)-5, 0)
	return min(16*shift+int(us>>shift), classes-1)
}

// times is what a target counts into.
type times [classes]atomic.Uint64

func (t *times) into(sum *Times) {
	for i := range t {
		sum[i] += t[i].Load()
	}
}

// Times tells how long the targets of a group took to answer since the group was made,
// those that are gone included. It is zero for an unknown group.
func (b *Balancer) Times(groupID string) Times {
	b.mu.Lock()
	defer b.mu.Unlock()
	var sum Times
	g := b.groups[groupID]
	if g == nil {
		return sum
	}
	g.past.times.into(&sum)
	for _, t := range b.targetsOf(g) {
		t.counters.times.into(&sum)
	}
	return sum
}
