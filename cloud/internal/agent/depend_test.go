package agent

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const (
	onStart    = types.ContainerConditionStart
	onComplete = types.ContainerConditionComplete
	onSuccess  = types.ContainerConditionSuccess
	onHealthy  = types.ContainerConditionHealthy
)

func TestContainersStartWhenTheirDependenciesAllow(t *testing.T) {
	for _, c := range []struct {
		condition types.ContainerCondition
		start     string
	}{
		{onStart, "0s run app"},
		{onComplete, "20s run app"},
		{onSuccess, "20s run app"},
		{onHealthy, "10s run app"},
	} {
		t.Run(string(c.condition), func(t *testing.T) {
			story(t, 1, func(s *stage) { s.programs = map[string]program{"init": exits(20*time.Second, 0)} }, func(r *rig) {
				task := r.start(define(
					named("app", after("init", c.condition)),
					named("init", helper, checked(types.HealthCheck{Interval: aws.Int32(10)})),
				))
				r.pass(time.Minute)
				r.same("starts", r.stage.noted("run"), []string{"0s run init", c.start})
				r.same("status", r.now().Status, "RUNNING")
				task.Stop(types.TaskStopCodeUserInitiated, "")
				<-task.Done()
			})
		})
	}
}

func TestTheTaskIsPendingUntilAllHaveStarted(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"init": exits(20*time.Second, 0)} }, func(r *rig) {
		r.start(define(named("app", after("init", onSuccess)), named("init", helper)))
		r.pass(19 * time.Second)
		r.same("before", r.now().Status, "PENDING")
		r.pass(time.Second)
		r.same("after", r.now().Status, "RUNNING")
		r.same("StartedAt", r.now().StartedAt.Sub(r.stage.born), 20*time.Second)
	})
}

func TestDependenciesThatCanNoLongerBeMet(t *testing.T) {
	for _, c := range []struct {
		name, want string
		condition  types.ContainerCondition
		does       program
		check      bool
	}{
		{"failed", "(SUCCESS): it exited with code 2", onSuccess, exits(time.Second, 2), false},
		{"exited before it was healthy", "(HEALTHY): it exited", onHealthy, exits(time.Second, 0), true},
		{"too slow", "(COMPLETE): timed out after its startTimeout of 7 s", onComplete, serve, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, 1, func(s *stage) { s.programs = map[string]program{"init": c.does} }, func(r *rig) {
				init := named("init", helper, func(d *types.ContainerDefinition) { d.StartTimeout = aws.Int32(7) })
				if c.check {
					checked(types.HealthCheck{})(&init)
				}
				<-r.start(define(named("app", after("init", c.condition)), init)).Done()
				r.stopped(types.TaskStopCodeTaskFailedToStart, "CannotStartContainerError: dependency of container app on init "+c.want)
				r.same("starts", len(r.stage.noted("run")), 1)
			})
		})
	}
}

func TestAStartTimeoutThatWasKeptChangesNothing(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"init": exits(5*time.Second, 0)} }, func(r *rig) {
		r.start(define(
			named("app", after("init", onSuccess)),
			named("init", helper, func(d *types.ContainerDefinition) { d.StartTimeout = aws.Int32(6) }),
		))
		r.pass(time.Minute)
		r.same("status", r.now().Status, "RUNNING")
	})
}

func TestCheckDependencies(t *testing.T) {
	link := func(name string) func(*types.ContainerDefinition) {
		return func(d *types.ContainerDefinition) { d.Links = append(d.Links, name+":alias") }
	}
	for _, c := range []struct {
		name string
		defs []types.ContainerDefinition
		want string
	}{
		{"none", []types.ContainerDefinition{named("a"), named("b")}, ""},
		{"diamond", []types.ContainerDefinition{named("a", after("b", onStart), after("c", onStart)), named("b", after("d", onStart)), named("c", after("d", onStart)), named("d")}, ""},
		{"itself", []types.ContainerDefinition{named("a", after("a", onStart))}, "in a circle: a → a"},
		{"circle", []types.ContainerDefinition{named("a", after("b", onStart)), named("b", link("c")), named("c", after("a", onStart))}, "in a circle: a → b → c → a"},
		{"stranger", []types.ContainerDefinition{named("a", after("x", onStart))}, "container a depends on container x, which is not in the task"},
		{"health unknown", []types.ContainerDefinition{named("a", after("b", onHealthy)), named("b")}, "waits for the health of container b, which has no health check"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := CheckDependencies(c.defs)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasSuffix(err.Error(), c.want)) {
				t.Errorf("got %v, want …%s", err, c.want)
			}
		})
	}
}

func TestACircleFailsTheTask(t *testing.T) {
	story(t, 1, nil, func(r *rig) {
		<-r.start(define(named("a", after("b", onStart)), named("b", after("a", onStart)))).Done()
		r.stopped(types.TaskStopCodeTaskFailedToStart, "TaskDependencyError: containers depend on each other in a circle: a → b → a")
		r.same("journal", r.stage.noted(), []string(nil))
	})
}
