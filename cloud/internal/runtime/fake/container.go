package fake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Container implements runtime.Container.
type Container struct {
	id, name string
	sandbox  *Sandbox
	program  Program
	began    time.Time
	signals  chan syscall.Signal

	done chan struct{} // closed when exit is known
	exit runtime.Exit
}

var errExited = errors.New("the container has exited")

// write appends lines to a log, as if the program had printed them.
func write(path string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, strings.Join(lines, "\n")+"\n")
	return errors.Join(err, f.Close())
}

// live is the container from its start to its exit.
func (c *Container) live() {
	stop := c.serve()
	code, oom := c.wait()
	stop()
	c.sandbox.exited(c)
	c.exit = runtime.Exit{Code: code, OOMKilled: oom, At: time.Now()}
	close(c.done)
}

// wait returns when the program ends.
func (c *Container) wait() (code int, oom bool) {
	p := c.program
	var ends, terminates <-chan time.Time
	if p.Ends {
		timer := time.NewTimer(p.After)
		defer timer.Stop()
		ends = timer.C
	}
	for {
		select {
		case <-ends:
			return p.Code, p.OOM
		case <-terminates:
			return p.TermCode, false
		case <-c.sandbox.life.Done():
			return 128 + int(syscall.SIGKILL), false
		case sig := <-c.signals:
			switch {
			case sig == syscall.SIGKILL:
				return 128 + int(sig), false
			case sig == syscall.SIGTERM && !p.IgnoresTerm && terminates == nil:
				timer := time.NewTimer(p.TermDelay)
				defer timer.Stop()
				terminates = timer.C
			}
		}
	}
}

// serve lets the handlers answer until stop is called, which waits for their end.
func (c *Container) serve() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if sleep(ctx, c.program.ReadyAfter) == nil {
			c.answer(ctx)
		}
	})
	return func() {
		cancel()
		serving.Wait()
	}
}

// answer serves all ports until ctx ends.
func (c *Container) answer(ctx context.Context) {
	bound := map[uint16]*listener{}
	var servers []*http.Server
	var serving sync.WaitGroup
	for port, h := range c.ports() {
		l := c.sandbox.bind(port)
		if l == nil {
			continue // another container of the sandbox has it
		}
		bound[port] = l
		s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
		servers = append(servers, s)
		serving.Go(func() { _ = s.Serve(l) }) // ends by Close
	}
	<-ctx.Done()
	c.sandbox.unbind(bound)
	for _, s := range servers {
		_ = s.Close()
	}
	serving.Wait()
}

// ports are the handlers with port 0 replaced by what it stands for.
func (c *Container) ports() map[uint16]http.Handler {
	all := map[uint16]http.Handler{}
	for port, h := range c.program.Handlers {
		if port != 0 {
			all[port] = h
			continue
		}
		for _, p := range c.sandbox.spec.Ports {
			if c.program.Handlers[p] == nil {
				all[p] = h
			}
		}
	}
	return all
}

// ID implements runtime.Container.
func (c *Container) ID() string { return c.id }

// Wait implements runtime.Container.
func (c *Container) Wait(ctx context.Context) (runtime.Exit, error) {
	select {
	case <-c.done:
		return c.exit, nil
	case <-ctx.Done():
		return runtime.Exit{}, context.Cause(ctx)
	}
}

// Signal implements runtime.Container.
func (c *Container) Signal(ctx context.Context, sig syscall.Signal) error {
	select {
	case c.signals <- sig:
		return nil
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Usage implements runtime.Meter.
func (c *Container) Usage(context.Context) (runtime.Usage, error) {
	select {
	case <-c.done:
		return runtime.Usage{}, fmt.Errorf("usage of %s: %w", c.id, errExited)
	default:
	}
	return runtime.Usage{CPU: time.Duration(float64(time.Since(c.began)) * c.program.CPU), Memory: c.program.Memory}, nil
}

// Exec implements runtime.Container.
func (c *Container) Exec(ctx context.Context, spec runtime.ExecSpec) (int, error) {
	select {
	case <-c.done:
		return 0, fmt.Errorf("exec in %s: %w", c.id, errExited)
	default:
	}
	if c.program.Exec == nil {
		return 0, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-c.done:
			cancel(errExited)
		case <-ctx.Done():
		}
	}()
	return c.program.Exec(ctx, spec)
}
