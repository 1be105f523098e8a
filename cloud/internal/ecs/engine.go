package ecs

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	// resync is the net under the signals: how often a service is looked at anyway.
	resync      = 5 * time.Second
	leastResync = 250 * time.Millisecond
	// poll is resync where no feed tells of target health.
	poll      = time.Second
	leastPoll = 100 * time.Millisecond
)

// engine runs a keeper for each service, a goroutine that alone moves the service's tasks
// from what is known to what is desired, and holds the tasks that run.
type engine struct {
	s *Service

	mu      sync.Mutex
	ctx     context.Context // of Run; nil when it is not running
	wg      sync.WaitGroup
	keepers map[string]chan struct{} // by service key: wakes its keeper
	live    map[string]*handle       // by task id
}

// Run schedules until ctx ends. Tasks of an earlier process have died with it: they are
// marked so, and their services start replacements. It returns when its goroutines have
// ended; the tasks themselves are the runner's to stop.
func (s *Service) Run(ctx context.Context) error {
	if err := s.bury(ctx); err != nil {
		return err
	}
	e := &s.engine
	e.mu.Lock()
	e.ctx = ctx
	e.mu.Unlock()
	for _, key := range s.unfinished() {
		e.wake(key)
	}
	e.listen(ctx)
	e.mu.Lock()
	e.ctx = nil
	e.mu.Unlock()
	e.wg.Wait()
	return nil
}

// unfinished are the keys of the services that need a keeper.
func (s *Service) unfinished() []string {
	var keys []string
	s.Store.View(func(tx *store.Tx) {
		for key, v := range s.t.services.All(tx, "") {
			if v.Status != inactive {
				keys = append(keys, key)
			}
		}
	})
	return keys
}

// listen wakes all keepers when target health changes, and sweeps, until ctx ends.
func (e *engine) listen(ctx context.Context) {
	var health <-chan struct{}
	if e.s.HealthChanged != nil {
		c, stop := e.s.HealthChanged.Subscribe()
		defer stop()
		health = c
	}
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-health:
			e.wakeAll()
		case <-sweep.C:
			if err := e.s.sweep(); err != nil {
				e.s.Log.Error("forget what has ended", "error", err)
			}
		}
	}
}

// wake has the service's keeper look at it, starting one if need be.
func (e *engine) wake(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c := e.keepers[key]; c != nil {
		signal(c)
		return
	}
	if e.ctx == nil || e.ctx.Err() != nil {
		return
	}
	c := make(chan struct{}, 1)
	signal(c)
	e.keepers[key] = c
	ctx := e.ctx
	e.wg.Go(func() { e.keep(ctx, key, c) })
}

func (e *engine) wakeAll() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.keepers {
		signal(c)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// keep looks at a service whenever it is woken, until the service has ended.
func (e *engine) keep(ctx context.Context, key string, woken chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			e.retire(key, nil)
			return
		case <-woken:
		case <-timer.C:
		}
		again, over, err := e.s.pass(ctx, key)
		if err != nil && ctx.Err() == nil {
			e.s.Log.Error("schedule a service", "service", key, "error", err)
		}
		if over && e.retire(key, woken) {
			return
		}
		timer.Reset(again)
	}
}

// retire ends a keeper, unless it was woken meanwhile: the name may have been given to a
// new service.
func (e *engine) retire(key string, woken chan struct{}) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(woken) > 0 {
		return false
	}
	delete(e.keepers, key)
	return true
}

// idle is how long a keeper sleeps when nothing wakes it.
func (s *Service) idle() time.Duration {
	if s.HealthChanged == nil {
		return s.Clock.AtLeast(poll, leastPoll)
	}
	return s.Clock.AtLeast(resync, leastResync)
}

// handle is a task that was begun: the runner's, once it has been given to it.
type handle struct {
	mu     sync.Mutex
	cancel context.CancelFunc // of its preparation
	halted bool
	code   types.TaskStopCode
	reason string
	task   agent.Task
}

// stop ends the task. The first reason stays.
func (h *handle) stop(code types.TaskStopCode, reason string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.halted {
		return
	}
	h.halted, h.code, h.reason = true, code, reason
	h.cancel()
	if h.task != nil {
		h.task.Stop(code, reason)
	}
}

// begin prepares a task and gives it to the runner, unless the engine does not run: then
// the task is buried when it does.
func (e *engine) begin(t task) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.ctx == nil || e.ctx.Err() != nil || e.live[t.ID] != nil {
		return
	}
	h := &handle{}
	var ctx context.Context
	ctx, h.cancel = context.WithCancel(e.ctx)
	e.live[t.ID] = h
	e.wg.Go(func() { e.start(ctx, t, h) })
}

func (e *engine) start(ctx context.Context, t task, h *handle) {
	key := t.key()
	spec, err := e.s.spec(ctx, t)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.halted:
		e.s.observe(key, ended(h.code, h.reason))
	case err != nil:
		e.s.observe(key, ended(types.TaskStopCodeTaskFailedToStart, cause(err)))
	default:
		h.task = e.s.Runner.Start(spec, func(st agent.State) { e.s.observe(key, st) })
	}
}

// ended is the state of a task that the runner never saw.
func ended(code types.TaskStopCode, reason string) agent.State {
	now := time.Now()
	return agent.State{Status: stopped, Health: types.HealthStatusUnknown, StopCode: code, StoppedReason: reason, StoppingAt: now, StoppedAt: now}
}

// halt stops a task that was begun.
func (e *engine) halt(t task) {
	e.mu.Lock()
	h := e.live[t.ID]
	e.mu.Unlock()
	if h != nil {
		h.stop(t.StopCode, t.Reason)
	}
}

// task is the runner's task of an id, nil if it was not given one.
func (e *engine) task(id string) agent.Task {
	e.mu.Lock()
	h := e.live[id]
	e.mu.Unlock()
	if h == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.task
}

// forget ends the life of a task in the engine's books.
func (e *engine) forget(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h := e.live[id]; h != nil {
		h.cancel()
		delete(e.live, id)
	}
}

// Subscribe returns a channel that gets a signal when services, task sets or tasks may have
// changed, and a function that ends it. Signals are coalesced.
func (s *Service) Subscribe() (<-chan struct{}, func()) {
	sub := s.Store.Subscribe(s.t.services.Name(), s.t.sets.Name(), s.t.tasks.Name())
	return sub.C, sub.Close
}
