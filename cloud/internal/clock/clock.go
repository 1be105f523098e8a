// Package clock divides the cloud's own waits by the time scale, so that an hour's
// linear shift is rehearsed in seconds while containers, HTTP and disks stay real.
//
// It reads and waits with package time only: inside a testing/synctest bubble all of
// it runs in fake time.
package clock

import (
	"context"
	"time"
)

// Clock scales waits. The zero Clock and a nil *Clock run in real time.
type Clock struct {
	scale float64
}

// New returns a clock that divides waits by scale; scale ≤ 0 means 1.
func New(scale float64) *Clock { return &Clock{scale: scale} }

// Factor is the number that waits are divided by, at least 1e-9 and 1 by default.
func (c *Clock) Factor() float64 {
	if c == nil || c.scale <= 0 {
		return 1
	}
	return c.scale
}

// Now is the wall clock: timestamps are never scaled, so that they agree with the clients'.
func (c *Clock) Now() time.Time { return time.Now() }

// Scale turns one of the cloud's own waits into the time it takes here.
func (c *Clock) Scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) / c.Factor())
}

// AtLeast is Scale with a floor in real time, for waits that would spin below it.
func (c *Clock) AtLeast(d, floor time.Duration) time.Duration {
	return max(c.Scale(d), min(d, floor))
}

// Sleep waits for the scaled d, or until ctx ends, whose cause it then returns.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(c.Scale(d))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
