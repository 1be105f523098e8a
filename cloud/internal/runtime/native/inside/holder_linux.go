package inside

import (
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// holder serves requests about one sandbox, or about the containers of one user in it.
type holder struct {
	conn   int
	reaper *reaper

	mu      sync.Mutex
	running map[uint64]*process
}

// process is a container's first process, or a program inside one.
type process struct {
	pid     int
	pidfd   int
	group   bool  // signals are for its whole process group
	cgroups []int // cgroup.procs files of a container
}

// hold is the life of a holder. It ends with its socket, and all that it started then
// ends with it: it is process 1.
func hold(conn int) int {
	h := &holder{conn: conn, reaper: newReaper(), running: map[uint64]*process{}}
	for {
		req, files, err := receive(conn)
		if err != nil {
			return 0
		}
		if req.Op == OpRun || req.Op == OpExec || req.Op == OpHolder || req.Op == OpUsage {
			go h.serve(req, files)
		} else {
			h.serve(req, files)
		}
	}
}

// serve answers one request. Run and exec close their files themselves.
func (h *holder) serve(req Request, files []int) {
	r := Reply{ID: req.ID}
	var err error
	switch req.Op {
	case OpNetwork:
		err = setNetwork(req)
	case OpSockets:
		r.files, err = makeSockets(req.Count)
		defer closeAll(r.files)
	case OpSignal:
		err = h.signal(req.Target, unix.Signal(req.Signal))
	case OpHolder:
		err = h.fork(files, *req.User)
	case OpUsage:
		r.CPU, r.Memory, err = h.usage(req.Target)
	case OpRun:
		h.run(req, files)
		return
	case OpExec:
		h.exec(req, files)
		return
	default:
		err = fmt.Errorf("unknown operation %q", req.Op)
	}
	if err != nil {
		r.Err = err.Error()
	}
	h.reply(r)
}

// reply ends the process when nobody listens any more.
func (h *holder) reply(r Reply) {
	if err := send(h.conn, r); err != nil {
		fmt.Fprintln(os.Stderr, "reply:", err)
		os.Exit(1)
	}
}

// fork starts a holder that maps another user, at the socket given.
func (h *holder) fork(files []int, u User) error {
	defer closeAll(files)
	if len(files) != 1 {
		return fmt.Errorf("holder: got %d files", len(files))
	}
	_, _, err := h.reaper.start(func() (int, error) {
		return syscall.ForkExec("/proc/self/exe", []string{Name, KindHolder}, &syscall.ProcAttr{
			Env:   os.Environ(),
			Files: []uintptr{0, 1, 2, uintptr(files[0])},
			Sys: &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: u.UID, HostID: 0, Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: u.GID, HostID: 0, Size: 1}},
				AmbientCaps: allCaps(), // execve would take them from a user who is not root
			},
		})
	})
	if err != nil {
		return fmt.Errorf("user namespace for user %d: %w", u.UID, err)
	}
	return nil
}

// signal is no error for what has exited.
func (h *holder) signal(target uint64, sig unix.Signal) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.running[target]
	if p == nil {
		return nil
	}
	var err error
	if p.group {
		err = unix.Kill(-p.pid, sig)
	} else {
		err = unix.PidfdSendSignal(p.pidfd, sig, nil, 0)
	}
	if err != nil && err != unix.ESRCH {
		return fmt.Errorf("signal %d: %w", sig, err)
	}
	return nil
}

func (h *holder) add(id uint64, p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running[id] = p
}

func (h *holder) remove(id uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.running[id]; p != nil {
		_ = unix.Close(p.pidfd)
		closeAll(p.cgroups)
		delete(h.running, id)
	}
}
