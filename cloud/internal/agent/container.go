package agent

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// phase is how far a container has come.
type phase int

const (
	waiting  phase = iota // for its image or its dependencies
	starting              // the driver is at it
	running
	stopped // for good
)

// container is what the owner of a task knows of one of its containers.
type container struct {
	name      string
	def       types.ContainerDefinition
	essential bool
	check     *healthCheck // nil without one
	image     runtime.Image

	phase   phase
	state   ContainerState
	process *process // the present or last one, nil before the first
	runs    int      // how often it was started
	streak  int      // failed health checks in a row
	overdue bool     // did not become what others wait for within its startTimeout
	stops   bool     // SIGTERM is on its way
}

// process is one run of a container; a restart makes a new one.
type process struct {
	handle  runtime.Container
	exited  chan struct{} // closed when it has exited, or is given up
	started time.Time
	life    context.Context // ends when its exit is no longer waited for, with a reason
	giveUp  context.CancelCauseFunc
}

func newProcess(h runtime.Container) *process {
	p := &process{handle: h, exited: make(chan struct{}), started: time.Now()}
	p.life, p.giveUp = context.WithCancelCause(context.Background())
	return p
}

// wait returns the exit, or why the process was given up.
func (p *process) wait() (runtime.Exit, error) {
	defer p.giveUp(nil)
	defer close(p.exited)
	exit, err := p.handle.Wait(p.life)
	if cause := context.Cause(p.life); cause != nil {
		return exit, cause
	}
	if err != nil {
		return exit, &reasonError{"CannotInspectContainerError", err}
	}
	return exit, nil
}

func newContainer(def types.ContainerDefinition) *container {
	return &container{
		name:      aws.ToString(def.Name),
		def:       def,
		essential: def.Essential == nil || *def.Essential,
		check:     newHealthCheck(def.HealthCheck),
		state: ContainerState{
			Name:   aws.ToString(def.Name),
			Image:  aws.ToString(def.Image),
			Status: statusPending,
			Health: types.HealthStatusUnknown,
		},
	}
}

// began tells whether the container has ever been running.
func (c *container) began() bool { return c.runs > 0 }

// end marks the container as stopped for good, with a reason or "".
func (c *container) end(reason string) {
	c.phase = stopped
	c.state.Status = statusStopped
	c.state.StoppedAt = time.Now()
	if reason != "" {
		c.state.Reason = reason
	}
}

// mayRestart applies the restart policy to an exit: the container must have run for a
// whole period, and its code must not be one to ignore.
func (c *container) mayRestart(code int, period func(time.Duration) time.Duration) bool {
	p := c.def.RestartPolicy
	if p == nil || !aws.ToBool(p.Enabled) {
		return false
	}
	for _, ignored := range p.IgnoredExitCodes {
		if int(ignored) == code {
			return false
		}
	}
	wait := 300 * time.Second
	if p.RestartAttemptPeriod != nil {
		wait = time.Duration(*p.RestartAttemptPeriod) * time.Second
	}
	return time.Since(c.process.started) >= period(wait)
}

func (t *task) allStopped() bool {
	for _, c := range t.containers {
		if c.phase != stopped {
			return false
		}
	}
	return true
}

func (t *task) container(name string) *container {
	for _, c := range t.containers {
		if c.name == name {
			return c
		}
	}
	return nil
}
