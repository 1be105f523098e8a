package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Options configure an Agent.
type Options struct {
	Driver runtime.Driver // required; whoever made it closes it after the agent
	Clock  *clock.Clock   // nil for real time
	Dir    string         // required: logs and volumes are kept under it
	Log    *slog.Logger   // nil for silence
	Keep   int            // stopped tasks whose logs are kept, 0 for 50
	Grace  time.Duration  // what containers get to stop by themselves when Run ends, 0 for 5 s
}

// Agent runs tasks. It implements Runner.
type Agent struct {
	driver runtime.Driver
	clock  *clock.Clock
	log    *slog.Logger
	shelf  *shelf
	grace  time.Duration

	// open is closed when tasks may begin: what an earlier process left has been swept.
	open     chan struct{}
	openOnce sync.Once

	// force ends when containers get no more time to stop by themselves.
	force context.Context
	kill  context.CancelFunc

	plainOnce sync.Once // the note that tasks run without the cloud's services

	mu        sync.Mutex
	ended     *sync.Cond // on mu: a task left tasks
	closing   bool
	tasks     map[string]*task // live, by id
	sandboxes map[netip.Addr]runtime.Sandbox
}

// New returns an agent. Tasks may be given to it at once; they begin when Run does.
func New(o Options) *Agent {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Keep == 0 {
		o.Keep = 50
	}
	if o.Grace == 0 {
		o.Grace = 5 * time.Second
	}
	a := &Agent{
		driver: o.Driver, clock: o.Clock, log: o.Log, grace: o.Grace,
		shelf:     &shelf{dir: o.Dir, keep: o.Keep},
		open:      make(chan struct{}),
		tasks:     map[string]*task{},
		sandboxes: map[netip.Addr]runtime.Sandbox{},
	}
	a.ended = sync.NewCond(&a.mu)
	a.force, a.kill = context.WithCancel(context.Background())
	return a
}

// Run sweeps what an earlier process left, lets tasks begin, and when ctx ends stops them
// all, granting Options.Grace before it kills. It returns when they have ended.
func (a *Agent) Run(ctx context.Context) error {
	err := a.begin(ctx)
	if err == nil {
		<-ctx.Done()
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.grace)
	defer cancel()
	a.Close(grace)
	return err
}

func (a *Agent) begin(ctx context.Context) error {
	if err := a.driver.Sweep(ctx); err != nil {
		return fmt.Errorf("sweep containers of an earlier run: %w", err)
	}
	if err := a.shelf.scan(); err != nil {
		return fmt.Errorf("list logs of earlier tasks: %w", err)
	}
	a.openOnce.Do(func() { close(a.open) })
	return nil
}

// Close stops all tasks and returns when they have ended. Containers that still run when
// ctx ends are killed. Tasks started later stop at once.
func (a *Agent) Close(ctx context.Context) {
	release := context.AfterFunc(ctx, a.kill)
	defer release()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closing = true
	for _, t := range a.tasks {
		t.Stop(types.TaskStopCodeTerminationNotice, reasonShutdown)
	}
	for len(a.tasks) > 0 {
		a.ended.Wait()
	}
	a.kill()
}

// Start implements Runner.
func (a *Agent) Start(spec Spec, observe func(State)) Task {
	t := newTask(a, spec, observe)
	a.mu.Lock()
	a.tasks[spec.ID] = t
	if a.closing {
		t.Stop(types.TaskStopCodeTerminationNotice, reasonShutdown)
	}
	a.mu.Unlock()
	go t.run()
	return t
}

// Logs reads what a container of a live or stopped task wrote, as Task.Logs does. Tasks
// of earlier processes are known too, until their logs are pruned; the error then
// matches fs.ErrNotExist.
func (a *Agent) Logs(ctx context.Context, task, container string, follow bool) (io.ReadCloser, error) {
	if t := a.task(task); t != nil {
		return t.Logs(ctx, container, follow)
	}
	return openLog(ctx, a.shelf.log(task, container), nil)
}

func (a *Agent) task(id string) *task {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tasks[id]
}

// forget ends the life of a task in the agent's books.
func (a *Agent) forget(t *task) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tasks, t.spec.ID)
	a.ended.Broadcast()
}

// sandbox makes a task's sandbox, without the cloud's services where the driver cannot
// offer them.
func (a *Agent) sandbox(ctx context.Context, spec runtime.SandboxSpec) (runtime.Sandbox, bool, error) {
	served := len(spec.Services) > 0
	s, err := a.driver.Create(ctx, spec)
	if errors.Is(err, runtime.ErrNoServices) {
		a.plainOnce.Do(func() {
			a.log.Warn("tasks run without metadata and credentials endpoints", "cause", err)
		})
		served, spec.Services = false, nil
		s, err = a.driver.Create(ctx, spec)
	}
	if err != nil {
		return nil, false, err
	}
	a.mu.Lock()
	a.sandboxes[s.Addr()] = s
	a.mu.Unlock()
	return s, served, nil
}

func (a *Agent) release(s runtime.Sandbox) {
	a.mu.Lock()
	delete(a.sandboxes, s.Addr())
	a.mu.Unlock()
}
