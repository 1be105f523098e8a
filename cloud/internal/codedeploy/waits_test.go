package codedeploy

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

func TestEachHookDecides(t *testing.T) {
	all := []string{"BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"}
	for i, bad := range append(all, "") {
		t.Run("failing "+bad, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := make(chan call, 10)
				s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
					everything(in)
					in.BlueGreenDeploymentConfiguration.DeploymentReadyOption = nil
				}, hooked(calls))
				s.calls = calls
				id := s.deploy(withHooks(all...))
				s.pass(id, all[:i]...)
				if bad != "" {
					c := <-calls
					refused(t, s.verdict(c, types.LifecycleEventStatusSkipped), "InvalidLifecycleEventHookExecutionStatusException")
					refused(t, s.verdict(call{"", id, "other"}, types.LifecycleEventStatusFailed), "InvalidLifecycleEventHookExecutionIdException")
					time.Sleep(59 * time.Minute)
					if d := s.get(id); d.Status != types.DeploymentStatusInProgress {
						t.Fatalf("%s while %s runs", d.Status, bad)
					}
					if err := s.verdict(c, types.LifecycleEventStatusFailed); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					refused(t, s.verdict(c, types.LifecycleEventStatusSucceeded), "LifecycleEventAlreadyCompletedException")
				}
				time.Sleep(10 * time.Minute)
				d := s.get(id)
				if bad == "" {
					if d.Status != types.DeploymentStatusSucceeded || s.green(prodARN) != 100 {
						t.Errorf("%s %+v", d.Status, d.ErrorInformation)
					}
					return
				}
				if d.Status != types.DeploymentStatusFailed || d.ErrorInformation.Code != types.ErrorCodeHookExecutionFailure ||
					*d.ErrorInformation.Message != "The deployment failed because one or more of the lifecycle event validation functions failed." || !strings.HasSuffix(s.story(id), "!"+bad) {
					t.Errorf("%s %+v %s", d.Status, d.ErrorInformation, s.story(id))
				}
				if s.green(prodARN) != 0 || s.green(testARN) != 0 || s.primary() != "ecs-svc/1" || s.count() != 1 {
					t.Errorf("rolled back to %d and %d, primary %s", s.green(prodARN), s.green(testARN), s.primary())
				}
			})
		})
	}
}

func TestAHookHasAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := make(chan call, 10)
		s := setStage(t, nil, hooked(calls))
		id := s.deploy(withHooks("AfterAllowTraffic"))
		c := <-calls
		time.Sleep(time.Hour - time.Second)
		if d := s.get(id); d.Status != types.DeploymentStatusInProgress || s.green(prodARN) != 100 {
			t.Fatalf("%s, green has %d", d.Status, s.green(prodARN))
		}
		time.Sleep(2 * time.Second)
		d := s.get(id)
		const want = "The deployment timed out while waiting for a status callback. CodeDeploy expects a status callback within one hour after a deployment hook is invoked."
		if d.Status != types.DeploymentStatusFailed || *d.ErrorInformation.Message != want || s.green(prodARN) != 0 || s.primary() != "ecs-svc/1" {
			t.Errorf("%s %+v, green has %d", d.Status, d.ErrorInformation, s.green(prodARN))
		}
		refused(t, s.verdict(c, types.LifecycleEventStatusSucceeded), "LifecycleEventAlreadyCompletedException")
	})
}

// forbidden is what a role without lambda:InvokeFunction meets.
type forbidden struct{}

func (forbidden) Error() string    { return "no" }
func (forbidden) DeniedBy() string { return "AWSLambda" }

func TestAHookThatCannotBeInvoked(t *testing.T) {
	for code, err := range map[types.ErrorCode]error{types.ErrorCodeIamRolePermissions: forbidden{}, types.ErrorCodeHookExecutionFailure: errors.New("Function not found")} {
		synctest.Test(t, func(t *testing.T) {
			s := setStage(t, nil, func(o *Options) { o.Invoke = func(context.Context, string, []byte) error { return err } })
			id := s.deploy(withHooks("BeforeAllowTraffic"))
			time.Sleep(time.Minute)
			if d := s.get(id); d.Status != types.DeploymentStatusFailed || d.ErrorInformation.Code != code || d.RollbackInfo == nil {
				t.Errorf("%s %+v", d.Status, d.ErrorInformation)
			}
		})
	}
}

func TestContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, everything)
		id := s.deploy(nil)
		refused(t, s.goOn(id, types.DeploymentWaitTypeReadyWait), "DeploymentIsNotInReadyStateException")
		refused(t, s.goOn(id, types.DeploymentWaitTypeTerminationWait), "DeploymentIsNotInReadyStateException")
		refused(t, s.goOn("d-000000000", ""), "DeploymentDoesNotExistException")
		refused(t, s.goOn("d-1", ""), "InvalidDeploymentIdException")
		refused(t, s.goOn("", ""), "DeploymentIdRequiredException")
		time.Sleep(time.Minute)
		refused(t, s.goOn(id, "FOREVER"), "InvalidDeploymentWaitTypeException")
		if d := s.get(id); d.Status != types.DeploymentStatusReady || d.InstanceTerminationWaitTimeStarted {
			t.Fatalf("%+v", d)
		}
		if err := s.goOn(id, ""); err != nil { // READY_WAIT is what is meant
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if d := s.get(id); d.Status != types.DeploymentStatusInProgress || !d.InstanceTerminationWaitTimeStarted {
			t.Fatalf("%+v", d)
		}
		if err := s.goOn(id, types.DeploymentWaitTypeTerminationWait); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if d := s.get(id); d.Status != types.DeploymentStatusSucceeded {
			t.Errorf("%+v", d)
		}
		refused(t, s.goOn(id, types.DeploymentWaitTypeTerminationWait), "DeploymentAlreadyCompletedException")

		skip := func(id string) error {
			_, err := s.SkipWaitTimeForInstanceTermination(t.Context(), &codedeploy.SkipWaitTimeForInstanceTerminationInput{DeploymentId: &id})
			return err
		}
		refused(t, skip(id), "DeploymentAlreadyCompletedException")
		next := s.deploy(nil)
		time.Sleep(time.Minute)
		if err := errors.Join(skip(next), s.goOn(next, types.DeploymentWaitTypeReadyWait)); err != nil { // skipped ahead
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if d := s.get(next); d.Status != types.DeploymentStatusSucceeded {
			t.Errorf("%+v", d)
		}
	})
}

// A group that continues by itself has no ready wait, whatever its length.
func TestContinueDeploymentOnTimeoutDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
			in.BlueGreenDeploymentConfiguration.DeploymentReadyOption = &types.DeploymentReadyOption{ActionOnTimeout: types.DeploymentReadyActionContinueDeployment, WaitTimeInMinutes: 60}
		})
		id := s.deploy(nil)
		time.Sleep(10 * time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusSucceeded {
			t.Errorf("%s", d.Status)
		}
	})
}

func TestTheReadyWaitEndsInAStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, everything)
		id := s.deploy(nil)
		time.Sleep(30*time.Minute + 10*time.Second)
		if d := s.get(id); d.Status != types.DeploymentStatusReady {
			t.Fatalf("%s", d.Status)
		}
		time.Sleep(15 * time.Second)
		d := s.get(id)
		if d.Status != types.DeploymentStatusStopped || d.ErrorInformation.Code != types.ErrorCodeTimeout ||
			*d.ErrorInformation.Message != "The deployment timed out while waiting for a notification to continue. This time out period is 30 minutes." {
			t.Errorf("%s %+v", d.Status, d.ErrorInformation)
		}
	})
}

// watch is a group with an alarm whose state the test sets.
func watch(in *codedeploy.CreateDeploymentGroupInput) {
	in.AlarmConfiguration = &types.AlarmConfiguration{Enabled: true, Alarms: []types.Alarm{{Name: aws.String("errors")}, {Name: aws.String("latency")}}}
}

// alarmed rings alarms: their names, or "!" for a CloudWatch that does not answer.
func alarmed(ringing *atomic.Value) func(*Options) {
	return func(o *Options) {
		o.Alarms = func(_ context.Context, names []string) (map[string]bool, error) {
			now, _ := ringing.Load().(string)
			if now == "!" {
				return nil, errors.New("CloudWatch is out of order")
			}
			out := map[string]bool{}
			for _, n := range names {
				out[n] = strings.Contains(now, n)
			}
			return out, nil
		}
	}
}

func TestAnAlarmStopsAtAnyStage(t *testing.T) {
	for _, tt := range []struct {
		at    time.Duration // from the beginning
		story string
	}{
		{0, "!BeforeInstall"},
		{5 * time.Second, "BeforeInstall !Install"},
		{2 * time.Minute, "BeforeInstall Install AfterInstall BeforeAllowTraffic !AllowTraffic"},
		{7 * time.Minute, "BeforeInstall Install AfterInstall BeforeAllowTraffic AllowTraffic AfterAllowTraffic"}, // the termination wait
	} {
		t.Run(tt.at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ringing atomic.Value
				s := setStage(t, watch, alarmed(&ringing))
				if tt.at == 0 {
					ringing.Store("latency")
				}
				id := s.deploy(with("CodeDeployDefault.ECSCanary10Percent5Minutes"))
				time.Sleep(tt.at)
				ringing.Store("latency")
				time.Sleep(11 * time.Second)
				d := s.get(id)
				if d.Status != types.DeploymentStatusStopped || d.ErrorInformation.Code != types.ErrorCodeAlarmActive || s.story(id) != tt.story ||
					*d.ErrorInformation.Message != "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected deployments have been stopped. Activated alarms: <latency>" {
					t.Errorf("%s %+v %s", d.Status, d.ErrorInformation, s.story(id))
				}
				if s.green(prodARN) != 0 || s.primary() != "ecs-svc/1" || s.count() != 1 || s.get(*d.RollbackInfo.RollbackDeploymentId).Status != types.DeploymentStatusSucceeded {
					t.Errorf("green has %d, primary %s of %d", s.green(prodARN), s.primary(), s.count())
				}
			})
		})
	}
}

func TestAlarmsThatCannotBeSeen(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var ringing atomic.Value
			s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
				watch(in)
				in.AlarmConfiguration.IgnorePollAlarmFailure = ignore
			}, alarmed(&ringing))
			ringing.Store("!")
			id := s.deploy(nil)
			time.Sleep(10 * time.Minute)
			d := s.get(id)
			if ignore && d.Status != types.DeploymentStatusSucceeded {
				t.Errorf("ignored, but %s %+v", d.Status, d.ErrorInformation)
			}
			if !ignore && (d.Status != types.DeploymentStatusStopped || d.RollbackInfo == nil || !strings.Contains(*d.ErrorInformation.Message, "out of order")) {
				t.Errorf("%s %+v", d.Status, d.ErrorInformation)
			}
		})
	}
}

// What a deployment says of alarms and rollbacks holds for it alone.
func TestADeploymentOverridesItsGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ringing atomic.Value
		s := setStage(t, watch, alarmed(&ringing))
		ringing.Store("errors")
		id := s.deploy(func(in *codedeploy.CreateDeploymentInput) {
			in.OverrideAlarmConfiguration = &types.AlarmConfiguration{}
		})
		time.Sleep(10 * time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusSucceeded || d.OverrideAlarmConfiguration == nil {
			t.Errorf("without alarms: %s %+v", d.Status, d.ErrorInformation)
		}
		id = s.deploy(func(in *codedeploy.CreateDeploymentInput) {
			in.AutoRollbackConfiguration = &types.AutoRollbackConfiguration{}
		})
		time.Sleep(time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusStopped || d.RollbackInfo != nil || d.AutoRollbackConfiguration.Enabled || d.OverrideAlarmConfiguration != nil {
			t.Errorf("without rollback: %s %+v", d.Status, d.RollbackInfo)
		}
	})
}

// told counts what the engine asks of ECS, and tells it of changes.
type told struct {
	*world
	asked atomic.Int64
	c     chan struct{}
}

func (w *told) Subscribe() (<-chan struct{}, func()) { return w.c, func() {} }

func (w *told) DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, opts ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	w.asked.Add(1)
	return w.world.DescribeServices(ctx, in, opts...)
}

// An engine that is told of ECS's changes sees them at once, and asks seldom between them.
func TestTheEngineIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &told{c: make(chan struct{}, 1)}
		s := setStage(t, nil, func(o *Options) {
			w.world = o.ECS.(*world)
			o.ECS, o.Changed = w, w
		})
		s.change(func() { s.steady = 3*time.Minute + 3*time.Second })
		id := s.deploy(nil)
		time.Sleep(3*time.Minute + 2*time.Second)
		if n := w.asked.Load(); n < 18 || n > 60 {
			t.Errorf("ECS was asked %d times in three minutes", n)
		}
		time.Sleep(time.Second)
		w.c <- struct{}{}
		synctest.Wait()
		if s.green(prodARN) != 100 {
			t.Errorf("green has %d %% when ECS has told that it is steady: %v", s.green(prodARN), s.events(id))
		}
	})
}
