package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func TestATaskPassesAllStatuses(t *testing.T) {
	story(t, 1, func(s *stage) { s.pullTime = 2 * time.Second }, func(r *rig) {
		born := time.Now()
		task := r.start(define(named("app")))
		r.pass(10 * time.Second)
		task.Stop(types.TaskStopCodeUserInitiated, "enough")
		<-task.Done()

		r.same("statuses", r.path(), []string{"PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "STOPPING", "DEPROVISIONING", "STOPPED"})
		r.stopped(types.TaskStopCodeUserInitiated, "enough")
		s := r.now()
		r.same("times", []time.Duration{
			s.PullStartedAt.Sub(born), s.PullStoppedAt.Sub(born), s.StartedAt.Sub(born),
			s.StoppingAt.Sub(born), s.ExecutionEnded.Sub(born), s.StoppedAt.Sub(born),
		}, []time.Duration{0, 2 * time.Second, 2 * time.Second, 10 * time.Second, 10 * time.Second, 10 * time.Second})
		c := s.Containers[0]
		r.same("container", []any{c.Name, c.Status, *c.ExitCode, c.Reason, c.Image, c.ImageDigest, c.RuntimeID},
			[]any{"app", "STOPPED", int32(143), "", "web:1", "sha256:web", "runtime-app"})
	})
}

func TestReportsAreNewsAndNeverChange(t *testing.T) {
	story(t, 1, nil, func(r *rig) {
		task := r.start(define(named("app"), named("log", helper)))
		first := r.states[0].Containers[0]
		task.Stop(types.TaskStopCodeUserInitiated, "")
		<-task.Done()
		r.same("first report's container", first.Status, "PENDING")
		for i := 1; i < len(r.states); i++ {
			if &r.states[i].Containers[0] == &r.states[i-1].Containers[0] {
				t.Errorf("reports %d and %d share their containers", i-1, i)
			}
		}
	})
}

func TestAnEssentialContainersExitStopsTheTask(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"app": exits(5*time.Second, 3)} }, func(r *rig) {
		task := r.start(define(named("app"), named("proxy", after("app", types.ContainerConditionStart))))
		<-task.Done()
		r.stopped(types.TaskStopCodeEssentialContainerExited, "Essential container in task exited")
		r.same("exit codes", []int32{*r.now().Containers[0].ExitCode, *r.now().Containers[1].ExitCode}, []int32{3, 143})
	})
}

func TestAHelpersExitDoesNot(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"init": exits(time.Second, 1)} }, func(r *rig) {
		r.start(define(named("app"), named("init", helper)))
		r.pass(time.Minute)
		s := r.now()
		r.same("statuses", []string{s.Status, s.Containers[0].Status, s.Containers[1].Status}, []string{"RUNNING", "RUNNING", "STOPPED"})
	})
}

func TestOutOfMemoryAndRuntimeFailuresAreReasons(t *testing.T) {
	for want, exit := range map[string]runtime.Exit{
		"OutOfMemoryError: Container killed due to memory usage": {Code: 137, OOMKilled: true},
		"ContainerRuntimeError: the disk is gone":                {Code: 1, Error: "the disk is gone"},
	} {
		story(t, 1, func(s *stage) {
			s.programs = map[string]program{"app": func(*actor) runtime.Exit { return exit }}
		}, func(r *rig) {
			<-r.start(define(named("app"))).Done()
			r.same("reason", r.now().Containers[0].Reason, want)
		})
	}
}

func TestRestartPolicy(t *testing.T) {
	policy := func(d *types.ContainerDefinition) {
		d.RestartPolicy = &types.ContainerRestartPolicy{Enabled: aws.Bool(true), IgnoredExitCodes: []int32{9}, RestartAttemptPeriod: aws.Int32(60)}
	}
	for _, c := range []struct {
		name string
		does program
		runs int
	}{
		{"after a whole period", exits(60*time.Second, 1), 3},
		{"not when it ran too short", exits(59*time.Second, 1), 1},
		{"not after an ignored code", exits(60*time.Second, 9), 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, 1, func(s *stage) { s.programs = map[string]program{"app": c.does} }, func(r *rig) {
				r.start(define(named("app", policy)))
				r.pass(150 * time.Second)
				r.same("runs", len(r.stage.noted("run")), c.runs)
				r.same("status", r.now().Status == "RUNNING", c.runs > 1)
			})
		})
	}
}

func TestAFailedRestartIsAnExit(t *testing.T) {
	story(t, 1, func(s *stage) { s.programs = map[string]program{"app": exits(time.Hour, 0)} }, func(r *rig) {
		task := r.start(define(named("app", func(d *types.ContainerDefinition) {
			d.RestartPolicy = &types.ContainerRestartPolicy{Enabled: aws.Bool(true)}
		})))
		r.stage.mu.Lock()
		r.stage.runErr = map[string]error{"app": errors.New("no space left on device")}
		r.stage.mu.Unlock()
		<-task.Done()
		r.stopped(types.TaskStopCodeEssentialContainerExited, "Essential container in task exited")
	})
}

func TestContainersThatCannotStart(t *testing.T) {
	refused := &runtime.StartError{Reason: `exec: "/nope": no such file`}
	for _, c := range []struct {
		name       string
		err        error
		want       string
		essential  bool
		taskStatus string
	}{
		{"essential, refused", refused, `CannotStartContainerError: exec: "/nope": no such file`, true, "STOPPED"},
		{"essential, not made", errors.New("disk full"), "CannotCreateContainerError: disk full", true, "STOPPED"},
		{"helper", refused, `CannotStartContainerError: exec: "/nope": no such file`, false, "RUNNING"},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, 1, func(s *stage) { s.runErr = map[string]error{"bad": c.err} }, func(r *rig) {
				r.start(define(named("app"), named("bad", func(d *types.ContainerDefinition) { d.Essential = &c.essential })))
				s := r.now()
				r.same("status and reason", []string{s.Status, s.Containers[1].Reason}, []string{c.taskStatus, c.want})
				if c.essential {
					r.stopped(types.TaskStopCodeTaskFailedToStart, c.want)
				}
			})
		})
	}
}

func TestASandboxThatCannotBeMade(t *testing.T) {
	story(t, 1, func(s *stage) { s.createErr = errors.New("no addresses left") }, func(r *rig) {
		<-r.start(define(named("app"))).Done()
		r.stopped(types.TaskStopCodeTaskFailedToStart, "ResourceInitializationError: task network: no addresses left")
		r.same("statuses", r.path(), []string{"PROVISIONING", "STOPPING", "DEPROVISIONING", "STOPPED"})
	})
}

func TestTasksWaitForTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{Driver: newStage(), Dir: t.TempDir()})
		var last State
		task := a.Start(Spec{ID: taskID, Definition: define(named("app"))}, func(s State) { last = s })
		time.Sleep(time.Hour)
		synctest.Wait()
		if last.Status != "PROVISIONING" {
			t.Errorf("task is %s before Run", last.Status)
		}
		a.Close(t.Context())
		<-task.Done()
		if last.StoppedReason != "The local cloud is shutting down" {
			t.Errorf("reason = %q", last.StoppedReason)
		}
	})
}

func TestAFailedSweepEndsTheAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.sweepErr = errors.New("daemon away")
		a := New(Options{Driver: s, Dir: t.TempDir()})
		if err := a.Run(t.Context()); !errors.Is(err, s.sweepErr) {
			t.Errorf("Run = %v", err)
		}
		var last State
		<-a.Start(Spec{ID: taskID, Definition: define(named("app"))}, func(s State) { last = s }).Done()
		if last.Status != "STOPPED" || len(s.noted("run")) > 0 {
			t.Errorf("a task started later is %s; %v", last.Status, s.noted())
		}
	})
}

func TestThatServicesAreMissingIsNotedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		s := newStage()
		s.createErr = fmt.Errorf("no root: %w", runtime.ErrNoServices)
		a := New(Options{Driver: s, Dir: t.TempDir(), Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		services := map[netip.AddrPort]func(net.Conn){MetadataAddr: func(c net.Conn) { c.Close() }}
		for _, id := range []string{"a", "b"} {
			a.Start(Spec{ID: id, Definition: define(named("app")), Services: services}, func(State) {})
			synctest.Wait()
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := strings.Count(log.String(), "no root"); n != 1 {
			t.Errorf("noted %d times:\n%s", n, log.String())
		}
	})
}
