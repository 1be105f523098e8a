package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Statuses of a task, in the order in which it passes them.
const (
	statusProvisioning   = "PROVISIONING"
	statusPending        = "PENDING"
	statusActivating     = "ACTIVATING"
	statusRunning        = "RUNNING"
	statusStopping       = "STOPPING"
	statusDeprovisioning = "DEPROVISIONING"
	statusStopped        = "STOPPED"
)

// closeTimeout bounds the removal of a sandbox.
const closeTimeout = 30 * time.Second

// task is one running task. The goroutine in run owns it; other goroutines see only what
// stands above the line.
type task struct {
	agent *Agent
	spec  Spec
	done  chan struct{}
	// stopping ends when the task shall stop, with a *stopOrder as cause: it is the
	// desired state, the first order stays.
	stopping context.Context
	order    context.CancelCauseFunc
	seen     atomic.Pointer[State] // the last report, for metadata
	mu       sync.Mutex
	handles  map[string]runtime.Container // of running containers, by name
	events   chan func()                  // outcomes of work done aside
	logs     map[string]*logFile          // by container; never changes

	// ---- owned by run
	observe    func(State)
	known      State
	containers []*container // in the definition's order
	sandbox    runtime.Sandbox
	served     bool // the sandbox offers spec.Services
	busy       int  // pieces of work done aside whose outcome is not here yet
	tails      sync.WaitGroup
}

// stopOrder is why a task shall stop.
type stopOrder struct {
	code   types.TaskStopCode
	reason string
}

func (o *stopOrder) Error() string { return string(o.code) + ": " + o.reason }

func newTask(a *Agent, spec Spec, observe func(State)) *task {
	t := &task{
		agent: a, spec: spec, observe: observe,
		done:    make(chan struct{}),
		events:  make(chan func()),
		handles: map[string]runtime.Container{},
		logs:    map[string]*logFile{},
		known:   State{Status: statusProvisioning, Health: types.HealthStatusUnknown},
	}
	t.stopping, t.order = context.WithCancelCause(context.Background())
	for _, def := range spec.Definition.ContainerDefinitions {
		c := newContainer(def)
		t.containers = append(t.containers, c)
		t.logs[c.name] = &logFile{path: a.shelf.log(spec.ID, c.name), final: make(chan struct{})}
	}
	return t
}

// Stop implements Task.
func (t *task) Stop(code types.TaskStopCode, reason string) {
	t.order(&stopOrder{code, reason})
}

// Done implements Task.
func (t *task) Done() <-chan struct{} { return t.done }

// Exec implements Task.
func (t *task) Exec(ctx context.Context, container string, spec runtime.ExecSpec) (int, error) {
	t.mu.Lock()
	h := t.handles[container]
	t.mu.Unlock()
	if h == nil {
		return 0, fmt.Errorf("exec in %s of task %s: container is not running", container, t.spec.ID)
	}
	return h.Exec(ctx, spec)
}

// Usage implements Task.
func (t *task) Usage(ctx context.Context) (runtime.Usage, error) {
	t.mu.Lock()
	handles := slices.Collect(maps.Values(t.handles))
	t.mu.Unlock()
	var sum runtime.Usage
	for _, h := range handles {
		m, ok := h.(runtime.Meter)
		if !ok {
			return sum, fmt.Errorf("usage of task %s: %w", t.spec.ID, errors.ErrUnsupported)
		}
		u, err := m.Usage(ctx)
		if err != nil {
			return sum, err
		}
		sum.CPU, sum.Memory = sum.CPU+u.CPU, sum.Memory+u.Memory
	}
	return sum, nil
}

// Logs implements Task.
func (t *task) Logs(ctx context.Context, container string, follow bool) (io.ReadCloser, error) {
	l := t.logs[container]
	if l == nil {
		return nil, fmt.Errorf("logs of task %s: no container %q", t.spec.ID, container)
	}
	var final <-chan struct{}
	if follow {
		final = l.final
	}
	return openLog(ctx, l.path, final)
}

// run takes the task through its life.
func (t *task) run() {
	defer t.agent.forget(t)
	defer close(t.done)
	t.report()
	for _, step := range []func() error{t.admit, t.provision, t.pull} {
		if err := step(); err != nil {
			t.Stop(types.TaskStopCodeTaskFailedToStart, err.Error())
			break
		}
	}
	t.operate()
	t.deprovision()
}

// admit waits until tasks may begin, and refuses those that never could.
func (t *task) admit() error {
	select {
	case <-t.agent.open:
	case <-t.stopping.Done():
		return context.Cause(t.stopping)
	}
	return CheckDependencies(t.spec.Definition.ContainerDefinitions)
}

// provision makes the task's folder, log files and sandbox.
func (t *task) provision() error {
	for _, l := range t.logs {
		if err := l.create(); err != nil {
			return resourceError(err)
		}
	}
	s, served, err := t.agent.sandbox(t.stopping, t.sandboxSpec())
	if err != nil {
		return resourceError(fmt.Errorf("task network: %w", err))
	}
	t.sandbox, t.served = s, served
	t.known.Addr = s.Addr()
	t.setStatus(statusPending)
	t.startTails()
	return nil
}

// operate runs the containers until all have stopped.
func (t *task) operate() {
	for {
		t.advance()
		t.report()
		if t.busy == 0 && t.allStopped() {
			return
		}
		ordered := t.stopping.Done()
		if t.known.Status == statusStopping {
			ordered = nil
		}
		select {
		case outcome := <-t.events:
			outcome()
		case <-ordered:
		}
	}
}

// advance takes every step that what is known now allows.
func (t *task) advance() {
	if t.stopping.Err() == nil {
		t.advanceStart()
	}
	// What could not be started may have ordered the stop just now.
	if t.stopping.Err() != nil {
		t.beginStop()
		t.advanceStop()
	}
}

// aside runs work on another goroutine; the owner then does what it returns.
func (t *task) aside(work func() (outcome func())) {
	t.busy++
	go func() {
		outcome := work()
		t.events <- func() {
			t.busy--
			outcome()
		}
	}()
}

// deprovision removes the sandbox, ends the log followers and reports the end.
func (t *task) deprovision() {
	t.setStatus(statusDeprovisioning)
	if t.sandbox != nil {
		t.agent.release(t.sandbox)
		t.closeSandbox()
	}
	for _, l := range t.logs {
		l.finish()
	}
	t.tails.Wait()
	if err := t.agent.shelf.retire(t.spec.ID); err != nil {
		t.agent.log.Error("logs of stopped tasks not pruned", "task", t.spec.ID, "cause", err)
	}
	t.known.StoppedAt = time.Now()
	t.setStatus(statusStopped)
}

func (t *task) closeSandbox() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := t.sandbox.Close(ctx); err != nil {
		t.agent.log.Error("sandbox not removed", "task", t.spec.ID, "cause", err)
	}
}

func (t *task) setStatus(status string) {
	t.known.Status = status
	t.report()
}

// report publishes what is known, if it is news.
func (t *task) report() {
	s := t.known
	s.Containers = make([]ContainerState, len(t.containers))
	for i, c := range t.containers {
		s.Containers[i] = c.state
	}
	s.Health = taskHealth(t.containers)
	if last := t.seen.Load(); last != nil && reflect.DeepEqual(*last, s) {
		return
	}
	t.seen.Store(&s)
	t.observe(s)
}
