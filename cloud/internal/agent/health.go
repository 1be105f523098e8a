package agent

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

const (
	// minProbeInterval keeps a high time scale from spinning on health commands.
	minProbeInterval = 250 * time.Millisecond
	// bootTime is real time that a program gets to start before a scaled health check may
	// call it unhealthy: its start is not scaled. It never exceeds what ECS would grant.
	bootTime = 5 * time.Second
)

// healthCheck is a container's health check with ECS's defaults, in unscaled time. An
// image's own HEALTHCHECK is not used by ECS.
type healthCheck struct {
	argv                           []string
	interval, timeout, startPeriod time.Duration
	retries                        int
}

// newHealthCheck returns nil if there is nothing to check.
func newHealthCheck(h *types.HealthCheck) *healthCheck {
	if h == nil || len(h.Command) < 2 {
		return nil
	}
	c := &healthCheck{
		interval:    seconds(h.Interval, 30),
		timeout:     seconds(h.Timeout, 5),
		startPeriod: seconds(h.StartPeriod, 0),
		retries:     3,
	}
	if h.Retries != nil {
		c.retries = int(*h.Retries)
	}
	switch h.Command[0] {
	case "CMD":
		c.argv = h.Command[1:]
	case "CMD-SHELL":
		c.argv = []string{"/bin/sh", "-c", h.Command[1]}
	default:
		return nil
	}
	return c
}

func seconds(n *int32, otherwise int32) time.Duration {
	if n == nil {
		n = aws.Int32(otherwise)
	}
	return time.Duration(*n) * time.Second
}

// grace is how long after its start a container cannot be called unhealthy.
func (h *healthCheck) grace() time.Duration {
	return min(bootTime, h.startPeriod+time.Duration(h.retries)*h.interval)
}

// judge turns a check's outcome into the container's health and its streak of failures.
// age is how long ago the container started.
func (h *healthCheck) judge(now types.HealthStatus, streak int, ok bool, age time.Duration, c *clock.Clock) (types.HealthStatus, int) {
	if ok {
		return types.HealthStatusHealthy, 0
	}
	fresh := now == types.HealthStatusUnknown
	if fresh && age <= c.Scale(h.startPeriod) {
		return now, streak
	}
	streak++
	if streak < h.retries || (fresh && age < h.grace()) {
		return now, streak
	}
	return types.HealthStatusUnhealthy, streak
}

// probe makes the next health check of a process in its time, and those after it.
func (t *task) probe(c *container, p *process) {
	h := c.check
	t.aside(func() func() {
		if !t.pause(t.agent.clock.AtLeast(h.interval, minProbeInterval), p) {
			return func() {}
		}
		ok := h.run(t.stopping, p.handle)
		return func() { t.probed(c, p, ok) }
	})
}

func (t *task) probed(c *container, p *process, ok bool) {
	if c.process != p || c.phase != running || t.stopping.Err() != nil {
		return
	}
	c.state.Health, c.streak = c.check.judge(c.state.Health, c.streak, ok, time.Since(p.started), t.agent.clock)
	t.probe(c, p)
}

func (h *healthCheck) run(ctx context.Context, c runtime.Container) bool {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	code, err := c.Exec(ctx, runtime.ExecSpec{Argv: h.argv})
	return err == nil && code == 0
}

// taskHealth is the worst health of the essential containers that have a check.
func taskHealth(containers []*container) types.HealthStatus {
	seen := map[types.HealthStatus]bool{}
	for _, c := range containers {
		if c.check != nil && c.essential {
			seen[c.state.Health] = true
		}
	}
	switch {
	case seen[types.HealthStatusUnhealthy]:
		return types.HealthStatusUnhealthy
	case seen[types.HealthStatusUnknown] || len(seen) == 0:
		return types.HealthStatusUnknown
	}
	return types.HealthStatusHealthy
}
