package agent

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
)

// ailing answers health checks with the codes in turn, then with the last.
func ailing(codes ...int) func(string) (int, time.Duration) {
	return func(string) (int, time.Duration) {
		code := codes[0]
		if len(codes) > 1 {
			codes = codes[1:]
		}
		return code, 0
	}
}

func TestHealthFollowsTheChecks(t *testing.T) {
	story(t, 1, func(s *stage) { s.health = ailing(1, 0, 1, 1, 0, 1, 1, 1, 0) }, func(r *rig) {
		r.start(define(named("app", checked(types.HealthCheck{Interval: aws.Int32(10)}))))
		var got []string
		for range 9 {
			r.pass(10 * time.Second)
			got = append(got, string(r.now().Health))
		}
		r.same("health every 10 s", got, []string{
			"UNKNOWN", "HEALTHY", "HEALTHY", "HEALTHY", "HEALTHY", "HEALTHY", "HEALTHY", "UNHEALTHY", "HEALTHY",
		})
		r.same("commands", r.stage.noted("exec")[0], "10s exec app /bin/sh -c curl localhost")
	})
}

func TestHealthDefaultsAreThoseOfECS(t *testing.T) {
	got := newHealthCheck(&types.HealthCheck{Command: []string{"CMD", "check", "-q"}})
	want := &healthCheck{argv: []string{"check", "-q"}, interval: 30 * time.Second, timeout: 5 * time.Second, retries: 3}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(healthCheck{})); d != "" {
		t.Error(d)
	}
	for _, none := range []*types.HealthCheck{nil, {}, {Command: []string{"NONE"}}, {Command: []string{"NONE", "x"}}} {
		if newHealthCheck(none) != nil {
			t.Errorf("%v gives a check", none)
		}
	}
}

func TestJudge(t *testing.T) {
	const unknown, healthy, unhealthy = types.HealthStatusUnknown, types.HealthStatusHealthy, types.HealthStatusUnhealthy
	h := &healthCheck{interval: 10 * time.Second, startPeriod: 60 * time.Second, retries: 2}
	for _, c := range []struct {
		name   string
		now    types.HealthStatus
		streak int
		ok     bool
		age    time.Duration
		scale  float64
		want   types.HealthStatus
		left   int
	}{
		{"first success", unknown, 1, true, time.Second, 1, healthy, 0},
		{"failure in the start period", unknown, 0, false, 60 * time.Second, 1, unknown, 0},
		{"failure after it", unknown, 0, false, 61 * time.Second, 1, unknown, 1},
		{"the last allowed failure", unknown, 1, false, 80 * time.Second, 1, unhealthy, 2},
		{"failure of a healthy one in the start period", healthy, 1, false, 20 * time.Second, 1, unhealthy, 2},
		{"recovery", unhealthy, 5, true, time.Hour, 1, healthy, 0},
		{"still ill", unhealthy, 5, false, time.Hour, 1, unhealthy, 6},
		{"scaled: it may still be starting", unknown, 7, false, 4 * time.Second, 60, unknown, 8},
		{"scaled: it had its real time", unknown, 7, false, 5 * time.Second, 60, unhealthy, 8},
		{"scaled: the start period ends early", unknown, 0, false, 2 * time.Second, 60, unknown, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, left := h.judge(c.now, c.streak, c.ok, c.age, clock.New(c.scale))
			if got != c.want || left != c.left {
				t.Errorf("got %s, %d; want %s, %d", got, left, c.want, c.left)
			}
		})
	}
}

func TestASlowCheckFailsAtItsTimeoutWhateverTheScale(t *testing.T) {
	story(t, 10, func(s *stage) {
		s.health = func(string) (int, time.Duration) { return 0, 3 * time.Second }
	}, func(r *rig) {
		r.start(define(named("app", checked(types.HealthCheck{Interval: aws.Int32(10), Timeout: aws.Int32(2), Retries: aws.Int32(2)}))))
		r.pass(20 * time.Second)
		r.same("checks", r.stage.noted("exec")[:2], []string{"1s exec app /bin/sh -c curl localhost", "4s exec app /bin/sh -c curl localhost"})
		r.same("health", r.now().Health, types.HealthStatusUnhealthy)
	})
}

func TestTaskHealthIsTheWorstOfEssentialContainers(t *testing.T) {
	const unknown, healthy, unhealthy = types.HealthStatusUnknown, types.HealthStatusHealthy, types.HealthStatusUnhealthy
	of := func(essential, check bool, h types.HealthStatus) *container {
		c := &container{essential: essential, state: ContainerState{Health: h}}
		if check {
			c.check = &healthCheck{}
		}
		return c
	}
	for _, c := range []struct {
		name string
		cs   []*container
		want types.HealthStatus
	}{
		{"no check", []*container{of(true, false, unknown)}, unknown},
		{"all healthy", []*container{of(true, true, healthy), of(true, false, unknown)}, healthy},
		{"one unknown", []*container{of(true, true, healthy), of(true, true, unknown)}, unknown},
		{"one unhealthy", []*container{of(true, true, unknown), of(true, true, unhealthy), of(true, true, healthy)}, unhealthy},
		{"an unhealthy helper", []*container{of(true, true, healthy), of(false, true, unhealthy)}, healthy},
		{"only a helper", []*container{of(true, false, unknown), of(false, true, healthy)}, unknown},
	} {
		if got := taskHealth(c.cs); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestARestartedContainersHealthStartsAfresh(t *testing.T) {
	story(t, 1, func(s *stage) {
		s.programs = map[string]program{"app": exits(65*time.Second, 1)}
	}, func(r *rig) {
		r.start(define(named("app", checked(types.HealthCheck{}), func(d *types.ContainerDefinition) {
			d.RestartPolicy = &types.ContainerRestartPolicy{Enabled: aws.Bool(true), RestartAttemptPeriod: aws.Int32(60)}
		})))
		r.pass(60 * time.Second)
		r.same("before", r.now().Health, types.HealthStatusHealthy)
		r.pass(10 * time.Second)
		r.same("restarted", r.now().Health, types.HealthStatusUnknown)
		r.pass(30 * time.Second)
		r.same("after", r.now().Health, types.HealthStatusHealthy)
		r.same("checks", r.stage.noted("exec"), []string{
			"30s exec app /bin/sh -c curl localhost", "1m0s exec app /bin/sh -c curl localhost", "1m35s exec app-restart-1 /bin/sh -c curl localhost",
		})
	})
}
