package native

import (
	goruntime "runtime"
	"sync"
)

// spawner starts processes on one thread that lives as long as the driver: the kernel
// sends parent-death signals when the thread that made a process ends, not the process.
type spawner struct {
	start sync.Once
	stop  sync.Once
	work  chan func()
	done  chan struct{}
}

func newSpawner() *spawner {
	return &spawner{work: make(chan func()), done: make(chan struct{})}
}

// do runs f on the thread; false after close.
func (s *spawner) do(f func()) bool {
	s.start.Do(func() { go s.run() })
	finished := make(chan struct{})
	select {
	case s.work <- func() { f(); close(finished) }:
		<-finished
		return true
	case <-s.done:
		return false
	}
}

func (s *spawner) run() {
	goruntime.LockOSThread() // and never unlocked: the thread ends with this
	for {
		select {
		case f := <-s.work:
			f()
		case <-s.done:
			return
		}
	}
}

func (s *spawner) close() { s.stop.Do(func() { close(s.done) }) }
