package agent

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	taskID  = "0123456789abcdef0123456789abcdef"
	taskARN = "arn:aws:ecs:eu-west-1:123456789012:task/shop/" + taskID
)

// rig is an agent on a stage, in a bubble of fake time.
type rig struct {
	*testing.T
	stage *stage
	agent *Agent
	dir   string
	end   context.CancelFunc

	mu     sync.Mutex
	states []State
}

// story runs f with a running agent, then ends the agent and looks that nothing is left.
// prepare may set the stage.
func story(t *testing.T, scale float64, prepare func(*stage), f func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{T: t, stage: newStage(), dir: t.TempDir()}
		if prepare != nil {
			prepare(r.stage)
		}
		r.agent = New(Options{Driver: r.stage, Clock: clock.New(scale), Dir: r.dir})
		ctx, cancel := context.WithCancel(t.Context())
		r.end = cancel
		ended := make(chan error)
		go func() { ended <- r.agent.Run(ctx) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run = %v", err)
			}
			if r.stage.open != 0 {
				t.Errorf("%d sandboxes left open", r.stage.open)
			}
		}()
		f(r)
	})
}

// define makes a task definition of containers.
func define(cs ...types.ContainerDefinition) types.TaskDefinition {
	for i := range cs {
		if cs[i].Image == nil {
			cs[i].Image = aws.String("web:1")
		}
	}
	return types.TaskDefinition{Family: aws.String("hello"), Revision: 3, ContainerDefinitions: cs}
}

// named is a container definition with changes applied.
func named(name string, changes ...func(*types.ContainerDefinition)) types.ContainerDefinition {
	d := types.ContainerDefinition{Name: aws.String(name)}
	for _, change := range changes {
		change(&d)
	}
	return d
}

func helper(d *types.ContainerDefinition) { d.Essential = aws.Bool(false) }

func after(name string, c types.ContainerCondition) func(*types.ContainerDefinition) {
	return func(d *types.ContainerDefinition) {
		d.DependsOn = append(d.DependsOn, types.ContainerDependency{ContainerName: aws.String(name), Condition: c})
	}
}

func checked(h types.HealthCheck) func(*types.ContainerDefinition) {
	return func(d *types.ContainerDefinition) {
		if h.Command == nil {
			h.Command = []string{"CMD-SHELL", "curl localhost"}
		}
		d.HealthCheck = &h
	}
}

// start begins a task of the definition and lets all happen that happens at once.
func (r *rig) start(d types.TaskDefinition, changes ...func(*Spec)) Task {
	spec := Spec{ID: taskID, ARN: taskARN, Cluster: "shop", Service: "web", Definition: d}
	for _, change := range changes {
		change(&spec)
	}
	task := r.agent.Start(spec, func(s State) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.states = append(r.states, s)
	})
	synctest.Wait()
	return task
}

// pass lets time go by.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// now is the last state reported.
func (r *rig) now() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.states[len(r.states)-1]
}

// path is the sequence of the task's statuses.
func (r *rig) path() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for _, s := range r.states {
		if len(got) == 0 || got[len(got)-1] != s.Status {
			got = append(got, s.Status)
		}
	}
	return got
}

func (r *rig) same(what string, got, want any) {
	r.Helper()
	if d := cmp.Diff(want, got); d != "" {
		r.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// stopped checks why the task stopped.
func (r *rig) stopped(code types.TaskStopCode, reason string) {
	r.Helper()
	s := r.now()
	if s.Status != "STOPPED" || s.StopCode != code || s.StoppedReason != reason {
		r.Errorf("task is %s, %s, %q; want STOPPED, %s, %q", s.Status, s.StopCode, s.StoppedReason, code, reason)
	}
}
