package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
)

// container implements runtime.Container.
type container struct {
	id      string
	sandbox *sandbox
	link    *link
	run     uint64 // the request that started it
	plan    inside.Plan
	cgroup  *cgroup // nil without limits

	done chan struct{} // closed when exit is known
	exit runtime.Exit
}

// Run implements runtime.Sandbox.
func (s *sandbox) Run(ctx context.Context, spec runtime.ContainerSpec) (runtime.Container, error) {
	number, err := s.begin()
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", spec.Name, err)
	}
	c, err := s.run(ctx, spec, number)
	if err != nil {
		s.running.Done()
		var refused *runtime.StartError
		if errors.As(err, &refused) {
			return nil, refused
		}
		return nil, fmt.Errorf("run %s: %w", spec.Name, err)
	}
	return c, nil
}

// begin counts a container, which keeps Close waiting until running.Done.
func (s *sandbox) begin() (number int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return 0, errGone
	}
	s.made++
	s.running.Add(1)
	return s.made, nil
}

func (s *sandbox) run(ctx context.Context, spec runtime.ContainerSpec, number int) (_ *container, err error) {
	image, err := s.driver.image(spec.Image)
	if err != nil {
		return nil, err
	}
	c := &container{id: fmt.Sprintf("%s-%d", s.id, number), sandbox: s, done: make(chan struct{})}
	if c.plan, err = s.plan(spec, image, number); err != nil {
		return nil, err
	}
	if err := runnable(image, c.plan); err != nil {
		return nil, err
	}
	if c.link, err = s.linkFor(ctx, c.plan.User); err != nil {
		return nil, err
	}
	if c.cgroup, err = s.driver.limit(c.id, spec); err != nil {
		return nil, err
	}
	c.plan.Root.Cgroups = len(c.cgroup.dirs())
	c.cgroup.show(c.plan.Root)
	logged, err := c.start(ctx, spec.LogPath)
	if err != nil {
		return nil, errors.Join(err, c.cgroup.remove())
	}
	c.plan.Root = nil // what is left is for Exec
	go c.watch(logged)
	return c, nil
}

// started is what watch waits for: the second reply, and the end of the output.
type started struct {
	replies <-chan reply
	output  <-chan error
}

// start has the holder start the program.
func (c *container) start(ctx context.Context, logPath string) (started, error) {
	plan, err := memoryFile(c.plan)
	if err != nil {
		return started{}, err
	}
	defer plan.Close()
	log, err := os.OpenFile(logPath, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return started{}, fmt.Errorf("open log: %w", err)
	}
	ours, theirs, err := outputPipe()
	if err != nil {
		return started{}, errors.Join(err, log.Close())
	}
	output := make(chan error, 1)
	go func() {
		_, err := io.Copy(log, ours)
		_ = ours.Close()
		output <- errors.Join(err, log.Close())
	}()
	defer theirs.Close()
	files := []*os.File{plan, theirs}
	procs, err := c.cgroup.open()
	if err != nil {
		return started{}, err
	}
	defer closeFiles(procs)
	id, replies, err := c.link.send(inside.Request{Op: inside.OpRun}, append(files, procs...)...)
	if err != nil {
		return started{}, err
	}
	c.run = id
	r, err := c.link.wait(ctx, replies)
	if err == nil {
		return started{replies, output}, nil
	}
	if ctx.Err() != nil { // it may start yet
		c.link.kill(id, replies)
	}
	c.link.forget(id)
	if r.Refused {
		err = &runtime.StartError{Reason: r.Err}
	}
	return started{}, err
}

// runnable refuses an image that says it is for another architecture, unless the machine
// emulates that. Its programs may happen to run here; where they are deployed they do not.
func runnable(image *v1.ConfigFile, plan inside.Plan) error {
	if !foreign(image.Architecture) || runtime.Emulated(image.Architecture) {
		return nil
	}
	return refuse("exec %s: exec format error: the image is built for linux/%s, this machine is linux/%s", strings.Join(plan.Argv, " "), image.Architecture, thisArch)
}

// watch waits for the exit and for all output to be written.
func (c *container) watch(s started) {
	defer c.sandbox.running.Done()
	defer close(c.done)
	defer c.link.forget(c.run)
	r, err := c.link.wait(context.Background(), s.replies)
	c.exit = runtime.Exit{Code: r.Code, At: time.Now()}
	if err != nil { // its holder is gone, and so is it
		c.exit.Code = 128 + int(unix.SIGKILL)
		if !c.sandbox.isClosing() {
			c.exit.Error = "the sandbox's helper process ended"
		}
	}
	if err := <-s.output; err != nil {
		c.exit.Error = "write log: " + err.Error()
	}
	c.exit.OOMKilled = c.cgroup.oomKilled() && c.exit.Code != 0
	if err := c.cgroup.remove(); err != nil {
		c.sandbox.driver.Log.Error("cgroup not removed", "container", c.id, "cause", err)
	}
}

func (s *sandbox) isClosing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closing
}

// ID implements runtime.Container.
func (c *container) ID() string { return c.id }

// Wait implements runtime.Container.
func (c *container) Wait(ctx context.Context) (runtime.Exit, error) {
	select {
	case <-c.done:
		return c.exit, nil
	default:
	}
	select {
	case <-c.done:
		return c.exit, nil
	case <-ctx.Done():
		return runtime.Exit{}, context.Cause(ctx)
	}
}

// Signal implements runtime.Container.
func (c *container) Signal(ctx context.Context, sig syscall.Signal) error {
	err := c.link.signal(ctx, c.run, sig)
	if err == nil || errors.Is(err, errGone) {
		return nil
	}
	return fmt.Errorf("signal %s: %w", c.id, err)
}

// outputPipe is a pipe whose reading end waits without holding a thread, and whose
// writing end blocks, as programs expect.
func outputPipe() (ours, theirs *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("make pipe: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil {
		closeFDs(fds[:])
		return nil, nil, fmt.Errorf("make pipe: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "output"), os.NewFile(uintptr(fds[1]), "output"), nil
}

func closeFiles(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}
