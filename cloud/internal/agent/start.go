package agent

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// advanceStart starts every container whose dependencies are there, and notes when all
// have been started.
func (t *task) advanceStart() {
	for _, c := range t.containers {
		if c.phase != waiting {
			continue
		}
		switch err := t.ready(c); {
		case err == nil:
			t.start(c)
		case !errors.Is(err, errWaiting):
			t.failed(c, startError(&runtime.StartError{Reason: err.Error(), Err: err}))
		}
	}
	if t.known.Status == statusPending && t.allBegan() {
		t.setStatus(statusActivating)
		t.known.StartedAt = time.Now()
		t.setStatus(statusRunning)
	}
}

// allBegan tells whether every container has been started or will never be.
func (t *task) allBegan() bool {
	for _, c := range t.containers {
		if c.phase < running && !c.began() {
			return false
		}
	}
	return t.stopping.Err() == nil
}

// failed marks a container that could not be started, or not again; the task ends with it
// if it is essential.
func (t *task) failed(c *container, err error) {
	c.end(err.Error())
	t.logs[c.name].finish()
	switch {
	case !c.essential:
	case c.began():
		t.Stop(types.TaskStopCodeEssentialContainerExited, reasonEssential)
	default:
		t.Stop(types.TaskStopCodeTaskFailedToStart, err.Error())
	}
}

func (t *task) start(c *container) {
	spec, err := t.containerSpec(c)
	if err != nil {
		t.failed(c, createError(err))
		return
	}
	c.phase = starting
	t.aside(func() func() {
		h, err := t.sandbox.Run(t.agent.force, spec)
		return func() { t.started(c, h, err) }
	})
}

func (t *task) started(c *container, h runtime.Container, err error) {
	if err != nil {
		t.failed(c, startError(err))
		return
	}
	c.process = newProcess(h)
	c.phase, c.runs, c.streak = running, c.runs+1, 0
	c.state.Status, c.state.RuntimeID = statusRunning, h.ID()
	c.state.ExitCode, c.state.Reason = nil, ""
	c.state.Health = types.HealthStatusUnknown
	if c.state.StartedAt.IsZero() {
		c.state.StartedAt = c.process.started
	}
	t.setHandle(c.name, h)
	t.await(c, c.process)
	t.limitStart(c, c.process)
	if c.check != nil {
		t.probe(c, c.process)
	}
}

// await has the exit of a process handed to the owner.
func (t *task) await(c *container, p *process) {
	t.aside(func() func() {
		exit, err := p.wait()
		return func() { t.exited(c, exit, err) }
	})
}

func (t *task) exited(c *container, exit runtime.Exit, err error) {
	t.setHandle(c.name, nil)
	if err == nil {
		c.state.ExitCode = aws.Int32(int32(exit.Code))
	}
	if t.stopping.Err() == nil && err == nil && c.mayRestart(exit.Code, t.agent.clock.Scale) {
		t.start(c)
		return
	}
	c.end(exitReason(exit, err))
	t.logs[c.name].finish()
	if !c.essential {
		return
	}
	if t.known.ExecutionEnded.IsZero() {
		t.known.ExecutionEnded = c.state.StoppedAt
	}
	t.Stop(types.TaskStopCodeEssentialContainerExited, reasonEssential)
}

// limitStart marks a container as overdue if it has not become what others wait for
// when its startTimeout is over.
func (t *task) limitStart(c *container, p *process) {
	limit := aws.ToInt32(c.def.StartTimeout)
	if limit <= 0 || len(t.dependents(c)) == 0 {
		return
	}
	t.aside(func() func() {
		if !t.pause(time.Duration(limit)*time.Second, p) {
			return func() {}
		}
		return func() { c.overdue = true }
	})
}

// pause waits for d; it returns false at once when the process exits or the task shall
// stop.
func (t *task) pause(d time.Duration, p *process) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.exited:
	case <-t.stopping.Done():
	}
	return false
}

func (t *task) setHandle(name string, h runtime.Container) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h == nil {
		delete(t.handles, name)
		return
	}
	t.handles[name] = h
}

// runName names a container for the driver: restarts get names of their own.
func (c *container) runName() string {
	if c.runs == 0 {
		return c.name
	}
	return fmt.Sprintf("%s-restart-%d", c.name, c.runs)
}
