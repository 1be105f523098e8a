package watch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// settling is an ECS whose service becomes stable after a while.
type settling struct {
	began time.Time
	after time.Duration
	calls int
}

func (s *settling) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	s.calls++
	svc := types.Service{Status: aws.String("ACTIVE"), DesiredCount: 2, RunningCount: 2}
	if time.Since(s.began) < s.after {
		svc.RunningCount = 1
	}
	return &ecs.DescribeServicesOutput{Services: []types.Service{svc}}, nil
}

func TestStable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &settling{began: time.Now(), after: time.Minute}
		var told []string
		err := UntilStable(t.Context(), s, "c", "s", Pace{}, 0, func(m string) { told = append(told, m) })
		if took := time.Since(s.began); err != nil || took < time.Minute || took > 62*time.Second {
			t.Errorf("%v after %v", err, took)
		}
		if strings.Join(told, ";") != "1 of 2 tasks are running" {
			t.Errorf("%q", told)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := &settling{began: time.Now(), after: time.Hour}
		err := UntilStable(t.Context(), s, "c", "s", Pace{}, time.Minute, func(string) {})
		if !errors.Is(err, ErrDeadline) || !strings.Contains(err.Error(), "1 of 2 tasks are running") {
			t.Error(err)
		}
	})
}

func TestUnsteady(t *testing.T) {
	set := func(status string, desired int32, stability types.StabilityStatus) types.TaskSet {
		return types.TaskSet{Id: aws.String("ts"), Status: &status, ComputedDesiredCount: desired, StabilityStatus: stability}
	}
	dep := func(status string, state types.DeploymentRolloutState) types.Deployment {
		return types.Deployment{Id: aws.String("d"), Status: &status, RolloutState: state}
	}
	active := types.Service{Status: aws.String("ACTIVE"), DesiredCount: 1, RunningCount: 1}
	for want, change := range map[string]func(*types.Service){
		"": func(s *types.Service) {
			s.TaskSets = []types.TaskSet{set("PRIMARY", 1, types.StabilityStatusSteadyState)}
		},
		"it is DRAINING":           func(s *types.Service) { s.Status = aws.String("DRAINING") },
		"2 tasks are pending":      func(s *types.Service) { s.PendingCount = 2 },
		"1 of 3 tasks are running": func(s *types.Service) { s.DesiredCount = 3 },
		"task set ts is STABILIZING": func(s *types.Service) {
			s.TaskSets = []types.TaskSet{set("PRIMARY", 1, types.StabilityStatusStabilizing)}
		},
		"task set ts is ACTIVE beside the primary one": func(s *types.Service) {
			s.TaskSets = []types.TaskSet{set("PRIMARY", 1, types.StabilityStatusSteadyState), set("ACTIVE", 1, types.StabilityStatusSteadyState)}
		},
		"deployment d is IN_PROGRESS": func(s *types.Service) {
			s.Deployments = []types.Deployment{dep("PRIMARY", types.DeploymentRolloutStateInProgress)}
		},
		"deployment d is ACTIVE beside the primary one": func(s *types.Service) {
			s.Deployments = []types.Deployment{dep("PRIMARY", types.DeploymentRolloutStateCompleted), dep("ACTIVE", types.DeploymentRolloutStateCompleted)}
		},
	} {
		s := active
		change(&s)
		if got := Unsteady(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A service that is stable because its deployment was rolled back is no success, with
// task sets and with deployments; one that only sits out the termination wait is.
func TestStableOnAnotherRevision(t *testing.T) {
	at := time.Unix(1000, 0)
	set := func(status, revision string, age time.Duration, stability types.StabilityStatus) types.TaskSet {
		return types.TaskSet{Status: &status, TaskDefinition: &revision, CreatedAt: aws.Time(at.Add(-age)), ComputedDesiredCount: 1, StabilityStatus: stability}
	}
	dep := func(status, revision string, age time.Duration, state types.DeploymentRolloutState) types.Deployment {
		return types.Deployment{Status: &status, TaskDefinition: &revision, CreatedAt: aws.Time(at.Add(-age)), RolloutState: state}
	}
	const steady, moving = types.StabilityStatusSteadyState, types.StabilityStatusStabilizing
	for name, tt := range map[string]struct {
		before, after types.Service
		want          bool
	}{
		"rolled back by CodeDeploy":  {types.Service{TaskSets: []types.TaskSet{set("PRIMARY", "web:1", time.Hour, steady), set("ACTIVE", "web:2", 0, moving)}}, types.Service{TaskSets: []types.TaskSet{set("PRIMARY", "web:1", time.Hour, steady)}}, false},
		"shifted":                    {types.Service{TaskSets: []types.TaskSet{set("PRIMARY", "web:1", time.Hour, steady), set("ACTIVE", "web:2", 0, moving)}}, types.Service{TaskSets: []types.TaskSet{set("PRIMARY", "web:2", 0, steady)}}, true},
		"old tasks that end":         {types.Service{TaskSets: []types.TaskSet{set("ACTIVE", "web:1", time.Hour, steady), set("PRIMARY", "web:2", 0, steady)}}, types.Service{TaskSets: []types.TaskSet{set("PRIMARY", "web:2", 0, steady)}}, true},
		"rolled back by the breaker": {types.Service{Deployments: []types.Deployment{dep("PRIMARY", "web:2", 0, "IN_PROGRESS"), dep("ACTIVE", "web:1", time.Hour, "COMPLETED")}}, types.Service{Deployments: []types.Deployment{dep("PRIMARY", "web:1", -time.Minute, "COMPLETED")}}, false},
		"rolled out":                 {types.Service{Deployments: []types.Deployment{dep("PRIMARY", "web:2", 0, "IN_PROGRESS"), dep("ACTIVE", "web:1", time.Hour, "COMPLETED")}}, types.Service{Deployments: []types.Deployment{dep("PRIMARY", "web:2", 0, "COMPLETED")}}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			err := UntilStable(t.Context(), &turning{began: time.Now(), before: tt.before, after: tt.after}, "c", "web", Pace{}, 0, func(string) {})
			if (err == nil) != tt.want || (err != nil && !errors.Is(err, ErrOther)) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// turning is a service that turns from one state to another after a minute.
type turning struct {
	began         time.Time
	before, after types.Service
}

func (s *turning) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	svc := s.before
	if time.Since(s.began) >= time.Minute {
		svc = s.after
	}
	svc.Status = aws.String("ACTIVE")
	return &ecs.DescribeServicesOutput{Services: []types.Service{svc}}, nil
}
