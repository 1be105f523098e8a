package balancer

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// idleTimer calls a function when nothing moved for a while.
type idleTimer struct {
	mu      sync.Mutex
	timer   *time.Timer
	after   time.Duration
	stopped bool
}

func newIdleTimer(after time.Duration, f func()) *idleTimer {
	return &idleTimer{timer: time.AfterFunc(after, f), after: after}
}

func (t *idleTimer) moved() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.stopped {
		t.timer.Reset(t.after)
	}
}

func (t *idleTimer) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	t.timer.Stop()
}

// busyBody tells the idle timer of each piece that is read.
type busyBody struct {
	io.ReadCloser
	idle  *idleTimer
	moved *atomic.Int64
}

func (b *busyBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.idle.moved()
		b.moved.Add(int64(n))
	}
	return n, err
}
