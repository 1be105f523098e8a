package inside

import (
	"sync"

	"golang.org/x/sys/unix"
)

// reaper waits for all children of the process, its own and those that it inherits as
// process 1.
type reaper struct {
	mu    sync.Mutex
	exits map[int]chan unix.WaitStatus
	born  *sync.Cond
}

func newReaper() *reaper {
	r := &reaper{exits: map[int]chan unix.WaitStatus{}}
	r.born = sync.NewCond(&r.mu)
	go r.run()
	return r
}

// start forks by the function given, and returns the child and where its exit arrives.
func (r *reaper) start(fork func() (pid int, err error)) (int, <-chan unix.WaitStatus, error) {
	r.mu.Lock() // so that an exit cannot come before its channel is there
	defer r.mu.Unlock()
	pid, err := fork()
	if err != nil {
		return 0, nil, err
	}
	exit := make(chan unix.WaitStatus, 1)
	r.exits[pid] = exit
	r.born.Signal()
	return pid, exit, nil
}

func (r *reaper) run() {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, 0, nil)
		r.mu.Lock()
		switch {
		case err == unix.ECHILD:
			for len(r.exits) == 0 {
				r.born.Wait()
			}
		case err == nil && r.exits[pid] != nil:
			r.exits[pid] <- status
			delete(r.exits, pid)
		}
		r.mu.Unlock()
	}
}

// exitCode is a status as a shell tells it.
func exitCode(s unix.WaitStatus) int {
	if s.Signaled() {
		return 128 + int(s.Signal())
	}
	return s.ExitStatus()
}
