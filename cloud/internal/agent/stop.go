package agent

import (
	"context"
	"errors"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	defaultStopTimeout = 30 * time.Second
	maxStopTimeout     = 120 * time.Second
	// killTimeout is how long a killed container may take to be gone.
	killTimeout = 30 * time.Second
)

// beginStop turns the task round: from now on everything ends. Calling it again does
// nothing.
func (t *task) beginStop() {
	if t.known.Status == statusStopping {
		return
	}
	var order *stopOrder
	if errors.As(context.Cause(t.stopping), &order) {
		t.known.StopCode, t.known.StoppedReason = order.code, order.reason
	}
	t.known.StoppingAt = time.Now()
	t.known.Status = statusStopping
	for _, c := range t.containers {
		if c.phase == waiting {
			c.end("")
			t.logs[c.name].finish()
		}
	}
}

// advanceStop stops every running container on which none that still runs depends.
func (t *task) advanceStop() {
	for _, c := range t.containers {
		if c.phase == running && !c.stops && !t.needed(c) {
			c.stops = true
			t.stop(c)
		}
	}
	if t.known.ExecutionEnded.IsZero() && t.allStopped() {
		t.known.ExecutionEnded = time.Now()
	}
}

// needed tells whether containers that depend on c are still there.
func (t *task) needed(c *container) bool {
	for _, d := range t.dependents(c) {
		if d.phase != stopped {
			return true
		}
	}
	return false
}

// stop sends the stop signal, waits for the stopTimeout and kills.
func (t *task) stop(c *container) {
	p, sig, patience := c.process, parseSignal(c.image.Config.StopSignal), stopTimeout(c.def.StopTimeout)
	t.aside(func() func() {
		t.terminate(p, sig, patience)
		return func() {}
	})
}

func (t *task) terminate(p *process, sig syscall.Signal, patience time.Duration) {
	err := p.handle.Signal(t.agent.force, sig)
	if err == nil && p.gone(patience, t.agent.force.Done()) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), killTimeout)
	defer cancel()
	if kill := p.handle.Signal(ctx, syscall.SIGKILL); kill != nil {
		p.giveUp(&reasonError{"CannotStopContainerError", errors.Join(err, kill)})
	}
	if !p.gone(killTimeout, nil) {
		p.giveUp(&reasonError{"CannotStopContainerError", errors.New("it is still there after SIGKILL")})
	}
}

// gone waits up to d for the exit, less if hurry is closed.
func (p *process) gone(d time.Duration, hurry <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
	case <-hurry:
	}
	return false
}

func stopTimeout(seconds *int32) time.Duration {
	if seconds == nil {
		return defaultStopTimeout
	}
	return min(time.Duration(aws.ToInt32(seconds))*time.Second, maxStopTimeout)
}
