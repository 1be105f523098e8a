package codedeploy

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
)

func with(name string) func(*codedeploy.CreateDeploymentInput) {
	return func(in *codedeploy.CreateDeploymentInput) { in.DeploymentConfigName = &name }
}

func TestAllAtOnceWithTheSDKsWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		id := s.deploy(nil)
		began := time.Now()
		if err := codedeploy.NewDeploymentSuccessfulWaiter(s.Service).Wait(t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: &id}, time.Hour); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < 5*time.Minute || took > 8*time.Minute { // the waiter backs off to two minutes
			t.Errorf("took %v: 20 s of install and 5 min of termination wait", took)
		}
		if got := strings.Join(s.events(id), " "); got != "BeforeInstall:Succeeded Install:Succeeded AfterInstall:Succeeded BeforeAllowTraffic:Succeeded AllowTraffic:Succeeded AfterAllowTraffic:Succeeded" {
			t.Errorf("events %s", got)
		}
		if s.primary() != "ecs-svc/2" || strings.Join(s.drained, "") != "ecs-svc/1" || s.green(prodARN) != 100 {
			t.Errorf("primary %s, drained %v, green %d", s.primary(), s.drained, s.green(prodARN))
		}
		if w := weights(s.actions[prodARN]); len(w) != 2 || w[blueARN] != 0 {
			t.Errorf("the unused group must stay at weight 0: %v", w)
		}
		if s.role != "arn:aws:iam::123456789012:role/cd" {
			t.Errorf("acted as %q", s.role)
		}
		d := s.get(id)
		if d.DeploymentOverview == nil || d.DeploymentOverview.Succeeded != 1 || d.Revision.AppSpecContent.Content != nil || *d.Revision.AppSpecContent.Sha256 == "" {
			t.Errorf("deployment %+v", d)
		}
	})
}

func TestColoursSwapWithEachDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		for _, want := range []int32{100, 0, 100} {
			id := s.deploy(nil)
			time.Sleep(10 * time.Minute)
			if d := s.get(id); d.Status != types.DeploymentStatusSucceeded || s.green(prodARN) != want {
				t.Fatalf("%s, green has %d, want %d", d.Status, s.green(prodARN), want)
			}
		}
	})
}

func TestLinearMovesAtItsMinutesWithoutATrailingWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		id := s.deploy(with("CodeDeployDefault.ECSLinear10PercentEvery1Minutes"))
		time.Sleep(21 * time.Second)
		for i := range 10 {
			if got := s.green(prodARN); got != int32(10*(i+1)) {
				t.Fatalf("minute %d: green has %d", i, got)
			}
			if d := s.get(id); d.DeploymentOverview != nil {
				t.Error("deploymentOverview must be absent while it runs")
			}
			time.Sleep(time.Minute)
		}
		if got := strings.Join(s.moves, " "); got != "0 10 20 30 40 50 60 70 80 90 100" {
			t.Errorf("moves %s", got)
		}
	})
}

func TestCanaryMovesTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		s.deploy(with("CodeDeployDefault.ECSCanary10Percent5Minutes"))
		time.Sleep(20*time.Second + 5*time.Minute - time.Second)
		if s.green(prodARN) != 10 {
			t.Errorf("green has %d before the interval", s.green(prodARN))
		}
		time.Sleep(2 * time.Second)
		if s.green(prodARN) != 100 || strings.Join(s.moves, " ") != "0 10 100" {
			t.Errorf("green has %d after it, moves %v", s.green(prodARN), s.moves)
		}
	})
}

func TestRulesOfTheListenerMoveToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		s.rules = []elbtypes.Rule{{RuleArn: aws.String("rule/1"), Actions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: aws.String(blueARN)}}}}
		id := s.deploy(nil)
		time.Sleep(10 * time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusSucceeded || weights(s.rules[0].Actions)[greenARN] != 100 {
			t.Errorf("%s, rule %v", d.Status, weights(s.rules[0].Actions))
		}
	})
}

func TestAStaleRuleFailsBeforeAnyTaskSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		s.rules = []elbtypes.Rule{{RuleArn: aws.String("rule/1"), Actions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: aws.String(greenARN)}}}}
		id := s.deploy(nil)
		time.Sleep(time.Second)
		d := s.get(id)
		const want = "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener rule/1"
		if d.Status != types.DeploymentStatusFailed || *d.ErrorInformation.Message != want || s.count() != 1 {
			t.Errorf("%s, %+v, %d sets", d.Status, d.ErrorInformation, s.count())
		}
	})
}

// Ten seconds are ten hours on this scale, but pulling and starting are not scaled.
func TestAScaledHourBeginsWhenTasksHaveStarted(t *testing.T) {
	for steady, want := range map[time.Duration]types.DeploymentStatus{10500 * time.Millisecond: types.DeploymentStatusSucceeded, 12 * time.Second: types.DeploymentStatusFailed} {
		synctest.Test(t, func(t *testing.T) {
			s := setStage(t, nil, func(o *Options) { o.Clock = clock.New(3600) })
			s.change(func() { s.starting, s.steady = 10*time.Second, steady })
			id := s.deploy(nil)
			time.Sleep(20 * time.Second)
			if d := s.get(id); d.Status != want {
				t.Errorf("steady after %s: %s %+v", steady, d.Status, d.ErrorInformation)
			}
		})
	}
}

func TestANeverSteadySetTimesOutAndRollsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		s.steady = -1
		id := s.deploy(nil)
		time.Sleep(59 * time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusInProgress {
			t.Fatalf("%s after 59 minutes", d.Status)
		}
		time.Sleep(2 * time.Minute)
		d := s.get(id)
		if d.Status != types.DeploymentStatusFailed || !strings.Contains(*d.ErrorInformation.Message, "This time out period is 60 minutes.") {
			t.Fatalf("%s %+v", d.Status, d.ErrorInformation)
		}
		if got := strings.Join(s.events(id), " "); !strings.Contains(got, "Install:Failed AfterInstall:Skipped") {
			t.Errorf("events %s", got)
		}
		back := s.get(*d.RollbackInfo.RollbackDeploymentId)
		if back.Status != types.DeploymentStatusSucceeded || back.Creator != types.DeploymentCreatorCodeDeployRollback || *back.DeploymentConfigName != "CodeDeployDefault.ECSAllAtOnce" ||
			*back.RollbackInfo.RollbackMessage != "Deployment "+*back.DeploymentId+" is triggered to roll back deployment "+id+"." {
			t.Errorf("rollback %+v", back)
		}
		if s.primary() != "ecs-svc/1" || strings.Join(s.drained, "") != "ecs-svc/2" || s.green(prodARN) != 0 {
			t.Errorf("primary %s, drained %v, green %d", s.primary(), s.drained, s.green(prodARN))
		}
	})
}

func TestAnAlarmInTheMiddleStopsAndRollsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
			in.AlarmConfiguration = &types.AlarmConfiguration{Enabled: true, Alarms: []types.Alarm{{Name: aws.String("errors")}}}
		}, func(o *Options) {
			o.Alarms = func(context.Context, []string) (map[string]bool, error) {
				return map[string]bool{"errors": time.Since(began) > 2*time.Minute}, nil
			}
		})
		id := s.deploy(with("CodeDeployDefault.ECSCanary10Percent5Minutes"))
		time.Sleep(2*time.Minute + 15*time.Second)
		d := s.get(id)
		if d.Status != types.DeploymentStatusStopped || d.ErrorInformation.Code != types.ErrorCodeAlarmActive || !strings.HasSuffix(*d.ErrorInformation.Message, "Activated alarms: <errors>") {
			t.Fatalf("%s %+v", d.Status, d.ErrorInformation)
		}
		if s.green(prodARN) != 0 || s.get(*d.RollbackInfo.RollbackDeploymentId).Status != types.DeploymentStatusSucceeded {
			t.Errorf("green still has %d", s.green(prodARN))
		}
	})
}

func TestReadyWait(t *testing.T) {
	wait := func(in *codedeploy.CreateDeploymentGroupInput) {
		in.BlueGreenDeploymentConfiguration.DeploymentReadyOption = &types.DeploymentReadyOption{ActionOnTimeout: types.DeploymentReadyActionStopDeployment, WaitTimeInMinutes: 30}
	}
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, wait)
		id := s.deploy(nil)
		_, err := s.ContinueDeployment(t.Context(), &codedeploy.ContinueDeploymentInput{DeploymentId: &id, DeploymentWaitType: types.DeploymentWaitTypeReadyWait})
		var early *types.DeploymentIsNotInReadyStateException
		if !errors.As(err, &early) {
			t.Errorf("continued before it was ready: %v", err)
		}
		time.Sleep(time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusReady || s.green(prodARN) != 0 {
			t.Fatalf("%s", d.Status)
		}
		for _, w := range []types.DeploymentWaitType{types.DeploymentWaitTypeReadyWait, types.DeploymentWaitTypeTerminationWait} {
			if _, err := s.ContinueDeployment(t.Context(), &codedeploy.ContinueDeploymentInput{DeploymentId: &id, DeploymentWaitType: w}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
		}
		if d := s.get(id); d.Status != types.DeploymentStatusSucceeded {
			t.Errorf("%s: both waits were ended", d.Status)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, wait)
		id := s.deploy(nil)
		time.Sleep(31 * time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusStopped || *d.ErrorInformation.Message != "The deployment timed out while waiting for a notification to continue. This time out period is 30 minutes." {
			t.Errorf("%s %+v", d.Status, d.ErrorInformation)
		}
	})
}

func TestStop(t *testing.T) {
	for _, rollback := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := setStage(t, nil)
			id := s.deploy(with("CodeDeployDefault.ECSCanary10Percent5Minutes"))
			time.Sleep(time.Minute)
			if _, err := s.StopDeployment(t.Context(), &codedeploy.StopDeploymentInput{DeploymentId: &id, AutoRollbackEnabled: &rollback}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			d := s.get(id)
			want := map[bool]int32{false: 10, true: 0}[rollback]
			if d.Status != types.DeploymentStatusStopped || d.ErrorInformation.Code != types.ErrorCodeManualStop || s.green(prodARN) != want || (d.RollbackInfo != nil) != rollback {
				t.Errorf("rollback %v: %s, green %d, %+v", rollback, d.Status, s.green(prodARN), d.RollbackInfo)
			}
			_, err := s.StopDeployment(t.Context(), &codedeploy.StopDeploymentInput{DeploymentId: &id})
			var over *types.DeploymentAlreadyCompletedException
			if !errors.As(err, &over) {
				t.Errorf("a finished deployment was stopped: %v", err)
			}
		})
	}
}

func TestHooksAndTheTestListener(t *testing.T) {
	hooked := strings.TrimSuffix(spec, "}") + `,"Hooks":[{"AfterAllowTestTraffic":"check"}]}`
	for verdict, want := range map[string]types.DeploymentStatus{"Succeeded": types.DeploymentStatusSucceeded, "Failed": types.DeploymentStatusFailed, "": types.DeploymentStatusFailed} {
		synctest.Test(t, func(t *testing.T) {
			var s *stage
			s = setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
				in.LoadBalancerInfo.TargetGroupPairInfoList[0].TestTrafficRoute = &types.TrafficRoute{ListenerArns: []string{testARN}}
			}, func(o *Options) {
				o.Invoke = func(_ context.Context, function string, payload []byte) error {
					var p map[string]string
					if err := json.Unmarshal(payload, &p); err != nil || function != "check" || s.green(testARN) != 100 || s.green(prodARN) != 0 {
						t.Errorf("invoked %s with %s, test listener %d", function, payload, s.green(testARN))
					}
					if verdict == "" {
						return nil // it never calls back
					}
					go func() {
						time.Sleep(time.Minute)
						_, err := s.PutLifecycleEventHookExecutionStatus(t.Context(), &codedeploy.PutLifecycleEventHookExecutionStatusInput{
							DeploymentId: aws.String(p["DeploymentId"]), LifecycleEventHookExecutionId: aws.String(p["LifecycleEventHookExecutionId"]), Status: types.LifecycleEventStatus(verdict),
						})
						if err != nil {
							t.Error(err)
						}
					}()
					return nil
				}
			})
			id := s.deploy(func(in *codedeploy.CreateDeploymentInput) { in.Revision.AppSpecContent.Content = &hooked })
			time.Sleep(2 * time.Hour)
			d := s.get(id)
			if d.Status != want || len(s.events(id)) != 8 {
				t.Errorf("%q: %s %+v %v", verdict, d.Status, d.ErrorInformation, s.events(id))
			}
			if want == types.DeploymentStatusFailed && d.ErrorInformation.Code != types.ErrorCodeHookExecutionFailure {
				t.Errorf("%q: %+v", verdict, d.ErrorInformation)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		id := s.deploy(nil)
		_, err := s.CreateDeployment(t.Context(), &codedeploy.CreateDeploymentInput{ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("dg"), Revision: &types.RevisionLocation{AppSpecContent: &types.AppSpecContent{Content: aws.String(spec)}}})
		var active *types.DeploymentLimitExceededException
		if !errors.As(err, &active) || *active.Message != "The Deployment Group 'dg' already has an active Deployment '"+id+"'" {
			t.Errorf("a second deployment: %v", err)
		}
		time.Sleep(10 * time.Minute)
		for text, want := range map[string]types.ErrorCode{"not an appspec: [[": types.ErrorCodeInvalidRevision, strings.Replace(spec, `"web","C`, `"api","C`, 1): types.ErrorCodeEcsUpdateError} {
			id := s.deploy(func(in *codedeploy.CreateDeploymentInput) { in.Revision.AppSpecContent.Content = &text })
			time.Sleep(time.Second)
			if d := s.get(id); d.Status != types.DeploymentStatusFailed || d.ErrorInformation.Code != want {
				t.Errorf("%.20s: %s %+v", text, d.Status, d.ErrorInformation)
			}
		}
	})
}

// The AWS CLI and the GitHub action index the wait times without a guard.
func TestWaitTimesAreAlwaysNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
			in.BlueGreenDeploymentConfiguration = &types.BlueGreenDeploymentConfiguration{}
		})
		out, err := s.GetDeploymentGroup(t.Context(), &codedeploy.GetDeploymentGroupInput{ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("dg")})
		if err != nil {
			t.Fatal(err)
		}
		bg := out.DeploymentGroupInfo.BlueGreenDeploymentConfiguration
		if bg.DeploymentReadyOption == nil || bg.TerminateBlueInstancesOnDeploymentSuccess == nil || out.DeploymentGroupInfo.ComputePlatform != types.ComputePlatformEcs {
			t.Errorf("%+v", out.DeploymentGroupInfo)
		}
	})
}
