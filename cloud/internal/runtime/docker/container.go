package docker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// drainTimeout is how long a container's output may take to arrive after its exit.
const drainTimeout = 5 * time.Second

// process is a container that runs, or ran, in a sandbox.
type process struct {
	engine *client.Client
	id     string
	local  bool // its processes are this machine's

	started time.Time
	log     string // its file
	logFrom int64  // where the file began to be this container's

	done chan struct{} // closed once exit and err are known
	exit runtime.Exit
	err  error
}

// Run implements runtime.Sandbox.
func (s *sandbox) Run(ctx context.Context, spec runtime.ContainerSpec) (runtime.Container, error) {
	p, err := s.create(ctx, spec)
	if err != nil {
		return nil, err
	}
	if err := s.start(ctx, p, spec.LogPath); err != nil {
		s.alive.Done()
		return nil, errors.Join(err, discard(context.WithoutCancel(ctx), s.driver.engine, p.id))
	}
	if err := p.launched(ctx); err != nil {
		return nil, errors.Join(err, discard(context.WithoutCancel(ctx), s.driver.engine, p.id))
	}
	return p, nil
}

// create makes a container on the engine and enters it in the sandbox's books.
func (s *sandbox) create(ctx context.Context, spec runtime.ContainerSpec) (*process, error) {
	options, err := s.options(spec)
	if err != nil {
		return nil, fmt.Errorf("container %s: %w", spec.Name, err)
	}
	if err := s.runnable(ctx, spec); err != nil {
		return nil, err
	}
	made, err := s.driver.engine.ContainerCreate(ctx, options)
	if err != nil {
		return nil, createError(spec, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.Join(fmt.Errorf("sandbox %s: %w", s.spec.ID, errClosed), discard(context.WithoutCancel(ctx), s.driver.engine, made.ID))
	}
	s.ids = append(s.ids, made.ID)
	s.alive.Add(1) // given back when it is watched to its end, or does not start
	return &process{engine: s.driver.engine, id: made.ID, local: s.driver.info.direct, done: make(chan struct{})}, nil
}

// start attaches to a container's output, lets it run and watches it.
func (s *sandbox) start(ctx context.Context, p *process, logPath string) error {
	log, err := p.openLog(logPath)
	if err != nil {
		return fmt.Errorf("container %s: %w", p.id, err)
	}
	stream, err := p.engine.ContainerAttach(ctx, p.id, client.ContainerAttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return errors.Join(fmt.Errorf("container %s: attach: %w", p.id, err), log.Close())
	}
	if _, err := p.engine.ContainerStart(ctx, p.id, client.ContainerStartOptions{}); err != nil {
		stream.Close()
		return errors.Join(startError(err), log.Close())
	}
	p.started = time.Now()
	copied := make(chan error, 1)
	go func() {
		_, err := stdcopy.StdCopy(log, log, stream.Reader)
		copied <- errors.Join(err, log.Close())
	}()
	go func() {
		defer s.alive.Done()
		p.watch(stream.HijackedResponse, copied)
	}()
	return nil
}

func (p *process) openLog(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p.log, p.logFrom = path, info.Size()
	return f, nil
}

// watch waits for the exit and then for the rest of the output.
func (p *process) watch(stream client.HijackedResponse, copied <-chan error) {
	defer close(p.done)
	p.exit, p.err = p.await()
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case err := <-copied:
		stream.Close()
		p.noteLog(err)
	case <-timer.C:
		stream.Close()
		p.noteLog(<-copied)
	}
	if p.exit.Error == "" {
		p.exit.Error = p.lastWords()
	}
}

// noteLog adds to the exit that the log is not whole. That the stream was cut off by the
// container's removal is no news.
func (p *process) noteLog(err error) {
	if err != nil && p.exit.Error == "" && errors.As(err, new(*os.PathError)) {
		p.exit.Error = "its output is not whole: " + err.Error()
	}
}

// await asks the engine for the exit.
func (p *process) await() (runtime.Exit, error) {
	ctx := context.Background()
	wait := p.engine.ContainerWait(ctx, p.id, client.ContainerWaitOptions{})
	var exit runtime.Exit
	select {
	case got := <-wait.Result:
		exit = runtime.Exit{Code: int(got.StatusCode), At: time.Now()}
		if got.Error != nil {
			exit.Error = got.Error.Message
		}
	case err := <-wait.Error:
		if cerrdefs.IsNotFound(err) { // removed with its sandbox before the question
			return runtime.Exit{Code: 128 + int(syscall.SIGKILL), At: time.Now()}, nil
		}
		return exit, fmt.Errorf("wait for container %s: %w", p.id, err)
	}
	state, err := p.engine.ContainerInspect(ctx, p.id, client.ContainerInspectOptions{})
	if err != nil || state.Container.State == nil { // removed: the code is all there is
		return exit, nil
	}
	exit.OOMKilled = state.Container.State.OOMKilled
	if state.Container.State.Error != "" {
		exit.Error = state.Container.State.Error
	}
	return exit, nil
}

// ID implements runtime.Container.
func (p *process) ID() string { return p.id }

// Wait implements runtime.Container.
func (p *process) Wait(ctx context.Context) (runtime.Exit, error) {
	select {
	case <-p.done:
		return p.exit, p.err
	case <-ctx.Done():
		return runtime.Exit{}, context.Cause(ctx)
	}
}

// Signal implements runtime.Container.
func (p *process) Signal(ctx context.Context, sig syscall.Signal) error {
	select {
	case <-p.done:
		return nil
	default:
	}
	_, err := p.engine.ContainerKill(ctx, p.id, client.ContainerKillOptions{Signal: strconv.Itoa(int(sig))})
	if err == nil || notRunning(err) || cerrdefs.IsNotFound(err) {
		return nil
	}
	return fmt.Errorf("signal %d to container %s: %w", int(sig), p.id, err)
}
