package watch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/smithy-go"
)

// script is a CodeDeploy whose one deployment goes through states by the clock.
type script struct {
	began time.Time
	polls int
	fault func() error // of GetDeployment
	steps []step
}

// step holds from at on.
type step struct {
	at     time.Duration
	status types.DeploymentStatus
	events string // "Install=InProgress …"
	green  float64
}

func (s *script) now() step {
	s.polls++
	cur := s.steps[0]
	for _, st := range s.steps {
		if time.Since(s.began) >= st.at {
			cur = st
		}
	}
	return cur
}

func (s *script) GetDeployment(context.Context, *codedeploy.GetDeploymentInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	if s.fault != nil {
		if err := s.fault(); err != nil {
			return nil, err
		}
	}
	st := s.now()
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: &types.DeploymentInfo{
		Status: st.status, CreateTime: &s.began, InstanceTerminationWaitTimeStarted: st.green == 100,
		BlueGreenDeploymentConfiguration: &types.BlueGreenDeploymentConfiguration{
			TerminateBlueInstancesOnDeploymentSuccess: &types.BlueInstanceTerminationOption{TerminationWaitTimeInMinutes: 5},
		},
	}}, nil
}

func (s *script) ListDeploymentTargets(context.Context, *codedeploy.ListDeploymentTargetsInput, ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentTargetsOutput, error) {
	if s.now().status == types.DeploymentStatusCreated {
		return nil, &types.DeploymentNotStartedException{}
	}
	return &codedeploy.ListDeploymentTargetsOutput{TargetIds: []string{"c:s"}}, nil
}

func (s *script) GetDeploymentTarget(context.Context, *codedeploy.GetDeploymentTargetInput, ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentTargetOutput, error) {
	st := s.now()
	t := &types.ECSTarget{TaskSetsInfo: []types.ECSTaskSet{
		{TaskSetLabel: types.TargetLabelBlue, TrafficWeight: 100 - st.green, RunningCount: 2, DesiredCount: 2},
		{TaskSetLabel: types.TargetLabelGreen, Identifer: aws.String("ecs-svc/green"), TrafficWeight: st.green, RunningCount: 2, DesiredCount: 2},
	}}
	for _, e := range strings.Fields(st.events) {
		name, status, _ := strings.Cut(e, "=")
		t.LifecycleEvents = append(t.LifecycleEvents, types.LifecycleEvent{
			LifecycleEventName: &name, Status: types.LifecycleEventStatus(status), StartTime: aws.Time(s.ended(name + "=InProgress")), EndTime: aws.Time(s.ended(e)),
		})
	}
	return &codedeploy.GetDeploymentTargetOutput{DeploymentTarget: &types.DeploymentTarget{EcsTarget: t}}, nil
}

// ended is when an event came to the state that it has.
func (s *script) ended(event string) time.Time {
	for _, st := range s.steps {
		if strings.Contains(st.events, event) {
			return s.began.Add(st.at)
		}
	}
	return s.began
}

var canary = []step{
	{0, types.DeploymentStatusCreated, "", 0},
	{1 * time.Second, types.DeploymentStatusInProgress, "Install=InProgress AllowTraffic=Pending", 0},
	{20 * time.Second, types.DeploymentStatusInProgress, "Install=Succeeded AllowTraffic=InProgress", 10},
	{5 * time.Minute, types.DeploymentStatusInProgress, "Install=Succeeded AllowTraffic=Succeeded", 100},
	{10 * time.Minute, types.DeploymentStatusSucceeded, "Install=Succeeded AllowTraffic=Succeeded", 100},
}

// follow plays steps and returns the story as lines.
func follow(t *testing.T, steps []step, o Options) (string, Outcome, error, *script, time.Duration) {
	t.Helper()
	s := &script{began: time.Now(), steps: steps}
	var b strings.Builder
	o.CodeDeploy, o.ID = s, "d-1"
	o.Emit = func(e Event) {
		switch e.Kind {
		case Weights:
			fmt.Fprintf(&b, "%.0f/%.0f ", e.Blue, e.Green)
		case Began, Ended, Status:
			fmt.Fprintf(&b, "%s:%s%s ", e.Kind, e.Name, e.Status)
		}
	}
	out, err := Follow(context.Background(), o)
	return strings.TrimSpace(b.String()), out, err, s, time.Since(s.began)
}

func TestTheWholeStoryOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		story, out, err, s, took := follow(t, canary, Options{})
		if err != nil || !out.Succeeded(Done) {
			t.Fatalf("%+v, %v", out, err)
		}
		want := "status:Created began:Install status:InProgress 100/0 ended:InstallSucceeded began:AllowTraffic 90/10 0/100 ended:AllowTrafficSucceeded status:InProgress status:Succeeded"
		if story != want {
			t.Errorf("story\n%s\nwant\n%s", story, want)
		}
		if late := took - 10*time.Minute; late > time.Second {
			t.Errorf("told %v after the end", late)
		}
		// Two calls a second while traffic moves, two in five while the wait is known.
		if most := 5*60*2*11/10 + 5*60/5*2*12/10 + 20; s.polls > most {
			t.Errorf("%d calls in ten minutes, at most %d", s.polls, most)
		}
	})
}

func TestShiftedDoesNotSitThroughTheTerminationWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, out, err, _, took := follow(t, canary, Options{Until: Shifted})
		if err != nil || !out.Succeeded(Shifted) || took > 5*time.Minute+3*time.Second {
			t.Errorf("%+v, %v after %v", out.Shifted, err, took)
		}
	})
}

func TestAFailedDeploymentIsNeverASuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := append(canary[:3:3], step{30 * time.Second, types.DeploymentStatusFailed, "Install=Succeeded AllowTraffic=Failed", 0})
		for _, until := range []Until{Done, Shifted, Stable} {
			story, out, err, _, _ := follow(t, steps, Options{Until: until})
			if err != nil || out.Succeeded(until) || !strings.Contains(story, "ended:AllowTrafficFailed") {
				t.Errorf("%s: %+v, %v\n%s", until, out, err, story)
			}
		}
	})
}

func TestDeadlineAndCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, err, _, took := follow(t, canary, Options{Deadline: time.Minute})
		if !errors.Is(err, ErrDeadline) || took > time.Minute+time.Second {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// throttle is the error that AWS answers a caller with who asks too often.
func throttle() error {
	return &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
}

func TestThrottlingSlowsDownAndNeverReachesTheUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{began: time.Now(), steps: canary}
		refused, troubles := 0, 0
		s.fault = func() error {
			if since := time.Since(s.began); since > 10*time.Second && since < 70*time.Second {
				refused++
				return throttle()
			}
			return nil
		}
		out, err := Follow(t.Context(), Options{CodeDeploy: s, ID: "d-1", Emit: func(e Event) {
			if e.Kind == Trouble {
				troubles++
			}
		}})
		if err != nil || !out.Succeeded(Done) {
			t.Fatalf("%+v, %v", out, err)
		}
		if refused > 8 || troubles != refused {
			t.Errorf("asked %d times in a minute of throttling, told %d times", refused, troubles)
		}
	})
}

func TestAFaultThatLastsEndsIt(t *testing.T) {
	for what, fault := range map[string]error{
		"throttled for ever": throttle(),
		"not allowed":        &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "no"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &script{began: time.Now(), steps: canary, fault: func() error { return fault }}
			_, err := Follow(t.Context(), Options{CodeDeploy: s, ID: "d-1"})
			if !errors.Is(err, fault) {
				t.Errorf("%s: %v", what, err)
			}
			if took := time.Since(s.began); (took > queueing) != Throttled(fault) || took > queueing+slowestEver {
				t.Errorf("%s: ended after %v", what, took)
			}
		})
	}
}

func TestOneThatEndedBeforeIsAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, out, err, s, took := follow(t, canary[4:], Options{Brief: true})
		if err != nil || !out.Succeeded(Done) || s.polls != 1 || took != 0 {
			t.Errorf("%v after %v and %d calls", err, took, s.polls)
		}
	})
}
