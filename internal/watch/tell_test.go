package watch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
)

func TestPlainWords(t *testing.T) {
	for message, want := range map[string][2]string{
		"(service web, taskSet ecs-svc/80) has started 2 tasks: (task b70df92dd763fe7914d134d6136b8080) (task d2b0d3d08694f5fd538f315a6ac42f78).": {"ecs-svc/80", "has started 2 tasks: b70df92d, d2b0d3d0"},
		"(service web, taskSet ecs-svc/80) registered 1 targets in (target-group arn:aws-cn:elasticloadbalancing:cn-north-1:123456789012:targetgroup/web-green/5df2)": {
			"ecs-svc/80", "registered 1 target in target group web-green"},
		"(service web) has stopped 1 running tasks: (task b70df92dd763fe7914d134d6136b8080).": {"", "has stopped 1 running task: b70df92d"},
		"(service web) (deployment ecs-svc/91) deployment completed.":                         {"ecs-svc/91", "deployment completed"},
		"(service web) has started 11 tasks: (task b70df92dd763fe7914d134d6136b8080).":        {"", "has started 11 tasks: b70df92d"},
		"words of another kind (task 1 of 2)":                                                 {"", "words of another kind (task 1 of 2)"},
	} {
		if of, text := plain(message); of != want[0] || text != want[1] {
			t.Errorf("%s\n%q of %q", message, text, of)
		}
	}
}

func TestCountsAndHealth(t *testing.T) {
	for n, want := range map[[2]int64]string{
		{0, 0}: "no task runs", {1, 0}: "its last task is ending", {2, 0}: "its last 2 tasks are ending",
		{1, 2}: "1 of 2 tasks run", {3, 2}: "3 tasks run, 1 more than it should",
	} {
		if got := count(n[0], n[1]); got != want {
			t.Errorf("%v: %q", n, got)
		}
	}
	target := func(id string, state elbtypes.TargetHealthStateEnum, why string) elbtypes.TargetHealthDescription {
		return elbtypes.TargetHealthDescription{Target: &elbtypes.TargetDescription{Id: &id, Port: aws.Int32(80)}, TargetHealth: &elbtypes.TargetHealth{State: state, Description: &why}}
	}
	got := health([]elbtypes.TargetHealthDescription{target("10.0.0.1", "healthy", ""), target("10.0.0.2", "unhealthy", "codes: [404]"), target("10.0.0.3", "initial", "in progress")})
	if want := "the load balancer finds 1 of 3 targets healthy; 10.0.0.2:80 is unhealthy (codes: [404]), 10.0.0.3:80 is initial"; got != want {
		t.Errorf("%q", got)
	}
}

// rich is an account whose service speaks, and whose tasks have health checks.
type rich struct {
	*script
	messages func() []ecstypes.ServiceEvent
	refuse   error // of DescribeServices
	asked    int
	unwell   bool
}

func (r *rich) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	r.asked++
	if r.refuse != nil {
		return nil, r.refuse
	}
	return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{{Events: r.messages()}}}, nil
}

func (r *rich) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	if *in.StartedBy != "ecs-svc/green" {
		return nil, errors.New("asked for tasks of " + *in.StartedBy)
	}
	return &ecs.ListTasksOutput{TaskArns: []string{"t"}}, nil
}

func (r *rich) DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	h := ecstypes.HealthStatusHealthy
	if r.unwell {
		h = ecstypes.HealthStatusUnhealthy
	}
	return &ecs.DescribeTasksOutput{Tasks: []ecstypes.Task{{Containers: []ecstypes.Container{{Name: aws.String("web"), HealthStatus: h}}}}}, nil
}

func message(at time.Time, id, text string) ecstypes.ServiceEvent {
	return ecstypes.ServiceEvent{Id: &id, CreatedAt: &at, Message: &text}
}

// Whatever the calls' order: the story is told in the order in which it happened, each
// message once, with the side that it is of.
func TestTheStoryIsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{began: time.Now(), steps: canary}
		r := &rich{script: s, unwell: true, messages: func() []ecstypes.ServiceEvent {
			all := []ecstypes.ServiceEvent{message(s.began.Add(-time.Hour), "0", "(service web) has reached a steady state.")}
			if at := s.began.Add(19 * time.Second); !time.Now().Before(at) {
				const two = "(service web, taskSet ecs-svc/green) registered 1 targets in (target-group arn:aws:elasticloadbalancing:r:1:targetgroup/g/5)"
				all = append(all, message(at, "2", two), message(at.Add(time.Millisecond), "1", two))
			}
			return all
		}}
		var last time.Time
		var story []string
		o := Options{CodeDeploy: r, ECS: r, Tasks: r, ID: "d-1", Cluster: "c", Service: "web", Told: &Memory{}, Emit: func(e Event) {
			if e.Time.Before(last) && time.Since(e.Time) < serviceEvery/2 { // what is heard of late cannot be told before
				t.Errorf("%s %s of %v told after %v", e.Kind, e.Message, e.Time, last)
			}
			last = e.Time
			story = append(story, strings.Join(strings.Fields(e.Name+" "+e.Status+" "+e.Message), " "))
		}}
		if _, err := Follow(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		all := strings.Join(story, "\n")
		for _, pair := range [][2]string{
			{"Created", "Install"}, {"green 2 of 2 tasks run", "Install Succeeded"}, {"green registered 1 target in target group g", "traffic: blue 90"},
			{"green container web's own health check fails in 1 of 1 tasks", "Install Succeeded"},
			{"traffic: blue 0 %, green 100 %", "AllowTraffic Succeeded"}, {"AllowTraffic Succeeded", "InProgress waiting before blue's"}, {"waiting before blue's", "\nSucceeded"},
		} {
			before, after := strings.Index(all, pair[0]), strings.Index(all, pair[1])
			if before < 0 || after < before {
				t.Errorf("%q is not told before %q:\n%s", pair[0], pair[1], all)
			}
		}
		if n := strings.Count(all, "registered 1 target"); n != 1 || strings.Contains(all, "steady") {
			t.Errorf("told %d times, or what was before:\n%s", n, all)
		}
		story = nil
		if out, err := Follow(t.Context(), o); err != nil || len(story) > 0 || !out.Shifted {
			t.Errorf("the story is told again: %v\n%q", err, story)
		}
	})
}

// A service that may not be asked is told of once; the deployment is followed all the same.
func TestWhatMayNotBeAskedIsAskedNoMore(t *testing.T) {
	for what, refuse := range map[string]error{
		"denied": &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"}, "broken": errors.New("half an answer"),
	} {
		synctest.Test(t, func(t *testing.T) {
			r := &rich{script: &script{began: time.Now(), steps: canary}, refuse: refuse}
			troubles := 0
			out, err := Follow(t.Context(), Options{CodeDeploy: r, ECS: r, ID: "d-1", Cluster: "c", Service: "web", Emit: func(e Event) {
				if e.Kind == Trouble {
					troubles++
				}
			}})
			if err != nil || !out.Succeeded(Done) {
				t.Errorf("%s: %+v, %v", what, out, err)
			}
			if denied := what == "denied"; denied != (troubles == 1) || denied != (r.asked == 1) || r.asked > 40 {
				t.Errorf("%s: asked %d times, told %d times", what, r.asked, troubles)
			}
		})
	}
}

// taking is a deployment that CodeDeploy rolls back after a while.
type taking struct {
	*script
	named time.Duration
	tries int
}

func (k *taking) GetDeployment(ctx context.Context, in *codedeploy.GetDeploymentInput, o ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	if *in.DeploymentId == "d-back" {
		return k.script.GetDeployment(ctx, in, o...)
	}
	if k.tries++; k.tries == 2 {
		return nil, throttle()
	}
	d := &types.DeploymentInfo{DeploymentId: in.DeploymentId, Status: types.DeploymentStatusFailed}
	if time.Since(k.began) >= k.named {
		d.RollbackInfo = &types.RollbackInfo{RollbackDeploymentId: aws.String("d-back")}
	}
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: d}, nil
}

func TestTheRollbackIsFollowed(t *testing.T) {
	for named, want := range map[time.Duration]string{2 * time.Second: "d-back Succeeded", time.Hour: ""} {
		synctest.Test(t, func(t *testing.T) {
			k := &taking{script: &script{began: time.Now(), steps: canary}, named: named}
			var story []string
			o := Options{CodeDeploy: k, Emit: func(e Event) {
				if e.Kind == Following || e.Kind == Status {
					story = append(story, strings.TrimSpace(e.Name+" "+e.Status))
				}
			}}
			id, status, err := FollowRollback(t.Context(), o, &types.DeploymentInfo{DeploymentId: aws.String("d-1"), Status: types.DeploymentStatusStopped}, true)
			if err != nil || strings.TrimSpace(id+" "+string(status)) != want {
				t.Errorf("%s %s, %v", id, status, err)
			}
			if want != "" && (len(story) < 3 || story[0] != "" || story[len(story)-1] != "rollback Succeeded") {
				t.Errorf("%q", story)
			}
		})
	}
}

// How long a rollback is waited for depends on whether one is to come: a job that failed
// for good does not pay for one that never will.
func TestARollbackIsWaitedForWhereOneIsToCome(t *testing.T) {
	both := []types.AutoRollbackEvent{types.AutoRollbackEventDeploymentFailure, types.AutoRollbackEventDeploymentStopOnAlarm}
	for _, tt := range []struct {
		name   string
		status types.DeploymentStatus
		code   types.ErrorCode
		events []types.AutoRollbackEvent
		asked  bool
		want   int
	}{
		{"a failure", types.DeploymentStatusFailed, types.ErrorCodeTimeout, both, false, expectedTries},
		{"a failure, and only alarms roll back", types.DeploymentStatusFailed, types.ErrorCodeTimeout, both[1:], false, 0},
		{"an alarm", types.DeploymentStatusStopped, types.ErrorCodeAlarmActive, both, false, expectedTries},
		{"an alarm, and only failures roll back", types.DeploymentStatusStopped, types.ErrorCodeAlarmActive, both[:1], false, 0},
		{"stopped by somebody", types.DeploymentStatusStopped, types.ErrorCodeManualStop, both, false, possibleTries},
		{"stopped, as asked", types.DeploymentStatusStopped, types.ErrorCodeManualStop, nil, true, expectedTries},
		{"nothing rolls back", types.DeploymentStatusFailed, types.ErrorCodeTimeout, nil, false, 0},
	} {
		d := &types.DeploymentInfo{
			Status: tt.status, ErrorInformation: &types.ErrorInformation{Code: tt.code},
			AutoRollbackConfiguration: &types.AutoRollbackConfiguration{Enabled: true, Events: tt.events},
		}
		if got := rollbackTries(d, tt.asked); got != tt.want {
			t.Errorf("%s: %d tries, want %d", tt.name, got, tt.want)
		}
	}
}

// stopping is rich whose tasks of green end again and again.
type stopping struct{ *rich }

func (s stopping) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	if in.DesiredStatus != ecstypes.DesiredStatusStopped || in.StartedBy != nil || *in.ServiceName != "s" {
		return nil, errors.New("StartedBy stands alone; stopped tasks are the service's")
	}
	return &ecs.ListTasksOutput{TaskArns: []string{"a", "b", "c"}}, nil
}

func (s stopping) DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	one := func(set, reason string, code int32) ecstypes.Task {
		return ecstypes.Task{
			LastStatus: aws.String("STOPPED"), StartedBy: &set, StoppedReason: &reason, StoppedAt: aws.Time(s.began.Add(10 * time.Second)),
			Containers: []ecstypes.Container{{Name: aws.String("web"), ExitCode: &code}},
		}
	}
	return &ecs.DescribeTasksOutput{Tasks: []ecstypes.Task{
		one("ecs-svc/green", "Essential container in task exited", 3), one("ecs-svc/green", "Essential container in task exited", 3), one("ecs-svc/blue", "of another", 1),
	}}, nil
}

// Why tasks end is told while they still are started again, once for each reason.
func TestWhyTasksEndIsToldAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{began: time.Now(), steps: canary}
		r := stopping{&rich{script: s, messages: func() []ecstypes.ServiceEvent {
			const m = "(service web, taskSet ecs-svc/green) has started 1 tasks: (task b70df92dd763fe7914d134d6136b8080)."
			return []ecstypes.ServiceEvent{message(s.began, "1", m), message(s.began.Add(time.Second), "2", m)}
		}}}
		var told []string
		_, err := Follow(t.Context(), Options{CodeDeploy: r, ECS: r, Tasks: r, ID: "d-1", Cluster: "c", Service: "web", Emit: func(e Event) {
			if e.Kind == Health {
				told = append(told, e.Name+": "+e.Message)
			}
		}})
		if want := []string{"green: a task ended: Essential container in task exited; container web exited with code 3"}; err != nil || !slices.Equal(told, want) {
			t.Errorf("%q, %v", told, err)
		}
	})
}
