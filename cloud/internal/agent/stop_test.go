package agent

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func TestStopGoesThroughTermTimeoutKill(t *testing.T) {
	for _, c := range []struct {
		name    string
		timeout *int32
		kill    string
	}{
		{"default", nil, "30s signal app 9"},
		{"own", aws.Int32(2), "2s signal app 9"},
		{"at most two minutes", aws.Int32(600), "2m0s signal app 9"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// The scale changes nothing: what is stopped is real.
			story(t, 60, func(s *stage) { s.programs = map[string]program{"app": stubborn} }, func(r *rig) {
				task := r.start(define(named("app", func(d *types.ContainerDefinition) { d.StopTimeout = c.timeout })))
				task.Stop(types.TaskStopCodeUserInitiated, "bye")
				<-task.Done()
				r.same("signals", r.stage.noted("signal"), []string{"0s signal app 15", c.kill})
				r.same("exit code", *r.now().Containers[0].ExitCode, int32(137))
			})
		})
	}
}

func TestDependentsStopFirst(t *testing.T) {
	leave := func(takes time.Duration) program {
		return func(a *actor) runtime.Exit {
			<-a.signals
			time.Sleep(takes)
			return runtime.Exit{}
		}
	}
	story(t, 1, func(s *stage) {
		s.programs = map[string]program{"app": leave(2 * time.Second), "proxy": leave(3 * time.Second), "other": leave(time.Second)}
	}, func(r *rig) {
		task := r.start(define(
			named("db"),
			named("app", after("db", types.ContainerConditionStart)),
			named("proxy", after("app", types.ContainerConditionStart)),
			named("other"),
		))
		task.Stop(types.TaskStopCodeUserInitiated, "")
		<-task.Done()
		var order []string
		order = append(order, r.stage.noted("signal")...)
		r.same("order", order[2:], []string{"3s signal app 15", "5s signal db 15"})
	})
}

func TestTheImageChoosesTheStopSignal(t *testing.T) {
	story(t, 1, func(s *stage) {
		s.images = map[string]runtime.Image{"nginx": {ID: "n", Config: runtime.ImageConfig{StopSignal: "SIGQUIT"}}}
		s.programs = map[string]program{"app": func(a *actor) runtime.Exit { return a.lasts(forever, 3) }}
	}, func(r *rig) {
		d := define(named("app"))
		d.ContainerDefinitions[0].Image = aws.String("nginx")
		task := r.start(d)
		task.Stop(types.TaskStopCodeUserInitiated, "")
		<-task.Done()
		r.same("signals", r.stage.noted("signal"), []string{"0s signal app 3"})
	})
}

func TestTheFirstOrderToStopStays(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"app": stubborn} }, func(r *rig) {
		task := r.start(define(named("app")))
		task.Stop(types.TaskStopCodeServiceSchedulerInitiated, "first")
		task.Stop(types.TaskStopCodeUserInitiated, "second")
		<-task.Done()
		r.stopped(types.TaskStopCodeServiceSchedulerInitiated, "first")
	})
}

func TestStopDuringThePull(t *testing.T) {
	story(t, 1, func(s *stage) { s.pullTime = time.Hour }, func(r *rig) {
		task := r.start(define(named("app")))
		r.pass(time.Second)
		task.Stop(types.TaskStopCodeUserInitiated, "changed my mind")
		<-task.Done()
		r.stopped(types.TaskStopCodeUserInitiated, "changed my mind")
		r.same("reason", r.now().Containers[0].Reason, "")
		r.same("journal", r.stage.noted(), []string{"0s pull web:1"})
	})
}

func TestAnUnkillableContainerIsGivenUp(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"app": immortal} }, func(r *rig) {
		task := r.start(define(named("app")))
		task.Stop(types.TaskStopCodeUserInitiated, "")
		<-task.Done()
		c := r.now().Containers[0]
		r.same("reason", c.Reason, "CannotStopContainerError: it is still there after SIGKILL")
		r.same("exit code", c.ExitCode, (*int32)(nil))
		r.same("time", r.now().StoppedAt.Sub(r.stage.born), time.Minute)
	})
}

func TestTheEndOfTheAgentLimitsThePatience(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"app": stubborn} }, func(r *rig) {
		task := r.start(define(named("app")))
		r.end()
		<-task.Done()
		r.same("signals", r.stage.noted("signal"), []string{"0s signal app 15", "5s signal app 9"})
		r.stopped(types.TaskStopCodeTerminationNotice, "The local cloud is shutting down")
	})
}
