package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// run starts a container, answers when its program runs or could not, and again when it
// has exited.
func (h *holder) run(req Request, files []int) {
	exit, err := h.startContainer(req.ID, files)
	if err != nil {
		h.reply(failure(req.ID, err))
		return
	}
	h.reply(Reply{ID: req.ID})
	status := <-exit
	h.remove(req.ID)
	h.reply(Reply{ID: req.ID, Exited: true, Code: exitCode(status)})
}

func failure(id uint64, err error) Reply {
	r := Reply{ID: id, Err: err.Error()}
	var about *refusal
	if errors.As(err, &about) {
		r.Refused, r.Code = true, about.code
	}
	return r
}

// startContainer returns when the program has been executed.
func (h *holder) startContainer(id uint64, files []int) (<-chan unix.WaitStatus, error) {
	if len(files) < 2 {
		closeAll(files)
		return nil, fmt.Errorf("run: got %d files", len(files))
	}
	plan, log, cgroups := files[0], files[1], files[2:]
	defer closeAll(files[:2])
	status, theirs, err := pipe()
	if err != nil {
		closeAll(cgroups)
		return nil, err
	}
	defer status.Close()
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		closeAll(append(cgroups, theirs))
		return nil, fmt.Errorf("open %s: %w", os.DevNull, err)
	}
	pass := []uintptr{uintptr(null), uintptr(log), uintptr(log), uintptr(plan), uintptr(theirs)}
	for _, fd := range cgroups {
		pass = append(pass, uintptr(fd))
	}
	p := &process{cgroups: cgroups}
	var exit <-chan unix.WaitStatus
	p.pid, exit, err = h.reaper.start(func() (int, error) {
		return syscall.ForkExec("/proc/self/exe", []string{Name, KindContainer}, &syscall.ProcAttr{
			Env: os.Environ(), Files: pass,
			Sys: &syscall.SysProcAttr{
				Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC,
				Setsid:     true,
				PidFD:      &p.pidfd,
			},
		})
	})
	closeAll([]int{null, theirs})
	if err != nil {
		closeAll(cgroups)
		return nil, fmt.Errorf("start container process: %w", err)
	}
	h.add(id, p)
	if err := readStatus(status); err != nil {
		<-exit
		h.remove(id)
		return nil, err
	}
	return exit, nil
}

// readStatus waits for what becomeContainer reports.
func readStatus(status io.Reader) error {
	text, err := io.ReadAll(status)
	if err != nil || len(text) == 0 {
		return err
	}
	var r Reply
	if err := json.Unmarshal(text, &r); err != nil {
		return fmt.Errorf("read status: %w", err)
	}
	if r.Refused {
		return &refusal{r.Err, r.Code}
	}
	return fmt.Errorf("set up container: %s", r.Err)
}

// pipe is one whose reading end waits without holding a thread.
func pipe() (*os.File, int, error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, 0, fmt.Errorf("make pipe: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, 0, fmt.Errorf("make pipe: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "status"), fds[1], nil
}

// exec runs a program in a container and answers when it has exited.
func (h *holder) exec(req Request, files []int) {
	if len(files) != 4 {
		closeAll(files)
		h.reply(failure(req.ID, fmt.Errorf("exec: got %d files", len(files))))
		return
	}
	defer closeAll(files[1:])
	p, err := readPlan(files[0])
	if err != nil {
		h.reply(failure(req.ID, err))
		return
	}
	exit, err := h.startInside(req, p, files[1:])
	if err != nil {
		h.reply(failure(req.ID, err))
		return
	}
	status := <-exit
	h.remove(req.ID)
	h.reply(Reply{ID: req.ID, Exited: true, Code: exitCode(status)})
}

// container duplicates what is needed to enter a container, since it may exit meanwhile.
func (h *holder) container(id uint64) (pidfd int, cgroups []int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.running[id]
	if p == nil || p.group {
		return 0, nil, fmt.Errorf("the container is not running")
	}
	if pidfd, err = duplicate(p.pidfd); err != nil {
		return 0, nil, err
	}
	for _, fd := range p.cgroups {
		c, err := duplicate(fd)
		if err != nil {
			closeAll(append(cgroups, pidfd))
			return 0, nil, err
		}
		cgroups = append(cgroups, c)
	}
	return pidfd, cgroups, nil
}

func duplicate(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

// startInside starts a program in a container. Namespaces and privileges belong to a
// thread, so it takes one that ends with it.
func (h *holder) startInside(req Request, p Plan, stdio []int) (<-chan unix.WaitStatus, error) {
	pidfd, cgroups, err := h.container(req.Target)
	if err != nil {
		return nil, err
	}
	defer closeAll(append(cgroups, pidfd))
	type outcome struct {
		exit <-chan unix.WaitStatus
		err  error
	}
	done := make(chan outcome)
	go func() {
		runtime.LockOSThread() // and never unlocked
		namespaces := unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC
		if len(cgroups) > 0 {
			namespaces |= unix.CLONE_NEWCGROUP
		}
		exit, err := h.forkInside(req, pidfd, namespaces, p, stdio)
		done <- outcome{exit, err}
	}()
	o := <-done
	if o.err != nil {
		return nil, o.err
	}
	h.mu.Lock()
	pid := h.running[req.ID].pid
	h.mu.Unlock()
	for _, fd := range cgroups {
		_, _ = unix.Write(fd, fmt.Append(nil, pid)) // it may have exited already
	}
	if err := setLimits(pid, p.Limits); err != nil && err != unix.ESRCH {
		fmt.Fprintln(os.Stderr, "exec:", err)
	}
	return o.exit, nil
}

// forkInside makes the calling thread a part of the container and forks.
func (h *holder) forkInside(req Request, pidfd, namespaces int, p Plan, stdio []int) (<-chan unix.WaitStatus, error) {
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return nil, fmt.Errorf("enter container: %w", err)
	}
	if err := unix.Setns(pidfd, namespaces); err != nil {
		return nil, fmt.Errorf("enter container: %w", err)
	}
	if err := narrow(p); err != nil {
		return nil, err
	}
	path, err := find(p.Argv[0], p.Env)
	if err != nil {
		return nil, err
	}
	groups := make([]uint32, len(p.User.Groups))
	for i, g := range p.User.Groups {
		groups[i] = uint32(g)
	}
	child := &process{group: true}
	pid, exit, err := h.reaper.start(func() (int, error) {
		return syscall.ForkExec(path, p.Argv, &syscall.ProcAttr{
			Dir: p.Dir, Env: p.Env, Files: []uintptr{uintptr(stdio[0]), uintptr(stdio[1]), uintptr(stdio[2])},
			Sys: &syscall.SysProcAttr{
				Setsid:     true,
				Setctty:    req.TTY, // which is descriptor 0
				PidFD:      &child.pidfd,
				Credential: &syscall.Credential{Uid: uint32(p.User.UID), Gid: uint32(p.User.GID), Groups: groups, NoSetGroups: p.User.OneGroup},
			},
		})
	})
	if err != nil {
		return nil, notExecuted(path, err)
	}
	child.pid = pid
	h.add(req.ID, child)
	return exit, nil
}
