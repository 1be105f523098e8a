package codedeploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// everything is a group with a test listener, a ready wait of half an hour and a
// termination wait of five minutes.
func everything(in *codedeploy.CreateDeploymentGroupInput) {
	in.LoadBalancerInfo.TargetGroupPairInfoList[0].TestTrafficRoute = &types.TrafficRoute{ListenerArns: []string{testARN}}
	in.BlueGreenDeploymentConfiguration.DeploymentReadyOption = &types.DeploymentReadyOption{ActionOnTimeout: types.DeploymentReadyActionStopDeployment, WaitTimeInMinutes: 30}
}

// call is one invocation of a hook.
type call struct{ function, deployment, id string }

// hooked makes Invoke hand out its calls; nobody answers them but the test.
func hooked(calls chan call) func(*Options) {
	return func(o *Options) {
		o.Invoke = func(_ context.Context, function string, payload []byte) error {
			var p struct{ DeploymentId, LifecycleEventHookExecutionId string } //nolint:revive,staticcheck // AWS's names
			if err := json.Unmarshal(payload, &p); err != nil {
				return err
			}
			calls <- call{function, p.DeploymentId, p.LifecycleEventHookExecutionId}
			return nil
		}
	}
}

// withHooks asks for a function at each of the events, named after it.
func withHooks(events ...string) func(*codedeploy.CreateDeploymentInput) {
	var list []string
	for _, e := range events {
		list = append(list, fmt.Sprintf("{%q:%q}", e, e))
	}
	text := strings.TrimSuffix(spec, "}") + `,"Hooks":[` + strings.Join(list, ",") + "]}"
	return func(in *codedeploy.CreateDeploymentInput) { in.Revision.AppSpecContent.Content = &text }
}

func (s *stage) verdict(c call, v types.LifecycleEventStatus) error {
	_, err := s.PutLifecycleEventHookExecutionStatus(s.t.Context(), &codedeploy.PutLifecycleEventHookExecutionStatusInput{DeploymentId: &c.deployment, LifecycleEventHookExecutionId: &c.id, Status: v})
	return err
}

func (s *stage) goOn(id string, w types.DeploymentWaitType) error {
	_, err := s.ContinueDeployment(s.t.Context(), &codedeploy.ContinueDeploymentInput{DeploymentId: &id, DeploymentWaitType: w})
	return err
}

// story is what happened in a deployment, in one line: its events up to the one that
// failed.
func (s *stage) story(id string) string {
	var out []string
	for _, e := range s.events(id) {
		n, st, _ := strings.Cut(e, ":")
		switch st {
		case "Succeeded":
			out = append(out, n)
		case "Failed":
			out = append(out, "!"+n)
		case "Skipped":
		default:
			out = append(out, "?"+e)
		}
	}
	return strings.Join(out, " ")
}

// stops are the stages at which a deployment is stopped.
var stops = []struct {
	name  string
	reach func(s *stage, id string) // from the beginning
	story string
	green int32 // its traffic when it is stopped
	test  int32
}{
	{"created", func(*stage, string) {}, "!BeforeInstall", 0, 0},
	{"before install", func(*stage, string) { time.Sleep(time.Minute) }, "!BeforeInstall", 0, 0},
	{"installing", func(s *stage, id string) { s.pass(id, "BeforeInstall"); time.Sleep(10 * time.Second) }, "BeforeInstall !Install", 0, 0},
	{"test traffic", func(s *stage, id string) { s.pass(id, "BeforeInstall"); time.Sleep(time.Minute) }, "BeforeInstall Install AfterInstall AllowTestTraffic !AfterAllowTestTraffic", 0, 100},
	{"ready", func(s *stage, id string) {
		s.pass(id, "BeforeInstall", "AfterAllowTestTraffic")
		time.Sleep(time.Minute)
	}, "BeforeInstall Install AfterInstall AllowTestTraffic AfterAllowTestTraffic", 0, 100},
	{"shifting", func(s *stage, id string) {
		s.pass(id, "BeforeInstall", "AfterAllowTestTraffic", "")
		time.Sleep(time.Minute)
	}, "BeforeInstall Install AfterInstall AllowTestTraffic AfterAllowTestTraffic BeforeAllowTraffic !AllowTraffic", 10, 100},
	{"shifted", func(s *stage, id string) {
		s.pass(id, "BeforeInstall", "AfterAllowTestTraffic", "")
		time.Sleep(6 * time.Minute)
	}, "BeforeInstall Install AfterInstall AllowTestTraffic AfterAllowTestTraffic BeforeAllowTraffic AllowTraffic AfterAllowTraffic", 100, 100},
}

// pass lets hooks succeed, each in its turn; "" is the ready wait.
func (s *stage) pass(id string, hooks ...string) {
	s.t.Helper()
	for _, h := range hooks {
		if h == "" {
			time.Sleep(time.Second)
			if err := s.goOn(id, types.DeploymentWaitTypeReadyWait); err != nil {
				s.t.Fatal(err)
			}
			continue
		}
		c := <-s.calls
		if c.function != h || c.deployment != id {
			s.t.Fatalf("called %+v, want %s", c, h)
		}
		if err := s.verdict(c, types.LifecycleEventStatusSucceeded); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestStopAtEveryStage(t *testing.T) {
	for _, tt := range stops {
		for _, rollback := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, rollback %t", tt.name, rollback), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					calls := make(chan call, 10)
					s := setStage(t, everything, hooked(calls))
					s.calls = calls
					id := s.deploy(func(in *codedeploy.CreateDeploymentInput) {
						withHooks("BeforeInstall", "AfterAllowTestTraffic")(in)
						in.DeploymentConfigName = aws.String("CodeDeployDefault.ECSCanary10Percent5Minutes")
					})
					tt.reach(s, id)
					out, err := s.StopDeployment(t.Context(), &codedeploy.StopDeploymentInput{DeploymentId: &id, AutoRollbackEnabled: &rollback})
					if err != nil || out.Status != types.StopStatusSucceeded || *out.StatusMessage != "No more commands will be scheduled for execution in the deployment instances" {
						t.Fatalf("%v %+v", err, out)
					}
					time.Sleep(time.Second)
					s.stopped(id, tt.story, rollback, tt.green, tt.test)
					for len(s.calls) > 0 {
						<-s.calls
					}
					s.afterwards()
				})
			})
		}
	}
}

// stopped checks what a stop has left.
func (s *stage) stopped(id, story string, rollback bool, green, test int32) {
	s.t.Helper()
	d := s.get(id)
	if d.Status != types.DeploymentStatusStopped || d.ErrorInformation.Code != types.ErrorCodeManualStop || d.CompleteTime == nil || d.DeploymentOverview == nil {
		s.t.Errorf("%s %+v", d.Status, d.ErrorInformation)
	}
	if got := s.story(id); got != story {
		s.t.Errorf("events: %s, want %s", got, story)
	}
	if !rollback {
		if d.RollbackInfo != nil || s.green(prodARN) != green || s.green(testARN) != test {
			s.t.Errorf("left green with %d and %d, %+v; want %d and %d", s.green(prodARN), s.green(testARN), d.RollbackInfo, green, test)
		}
		return
	}
	back := s.get(*d.RollbackInfo.RollbackDeploymentId)
	if back.Status != types.DeploymentStatusSucceeded || *back.RollbackInfo.RollbackTriggeringDeploymentId != id || *d.RollbackInfo.RollbackMessage != "Deployment "+id+" terminated. Automatic rollback is triggered with a DeploymentId "+*back.DeploymentId+"." {
		s.t.Errorf("rollback %s %+v", back.Status, back.RollbackInfo)
	}
	if s.green(prodARN) != 0 || s.green(testARN) != 0 || s.primary() != "ecs-svc/1" || s.count() != 1 {
		s.t.Errorf("rolled back to %d and %d, primary %s of %d", s.green(prodARN), s.green(testARN), s.primary(), s.count())
	}
}

// afterwards deploys once more, whatever was left.
func (s *stage) afterwards() {
	s.t.Helper()
	id := s.deploy(nil)
	time.Sleep(time.Minute)
	if err := s.goOn(id, types.DeploymentWaitTypeReadyWait); err != nil {
		s.t.Fatal(err)
	}
	time.Sleep(10 * time.Minute)
	if d := s.get(id); d.Status != types.DeploymentStatusSucceeded || s.count() != 1 {
		s.t.Errorf("the next one: %s %+v, %d task sets", d.Status, d.ErrorInformation, s.count())
	}
}

func TestStopOnRequestIsTheGroupsToDecide(t *testing.T) {
	for _, on := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
				if on {
					in.AutoRollbackConfiguration.Events = append(in.AutoRollbackConfiguration.Events, types.AutoRollbackEventDeploymentStopOnRequest)
				}
			})
			id := s.deploy(nil)
			time.Sleep(time.Minute)
			if _, err := s.StopDeployment(t.Context(), &codedeploy.StopDeploymentInput{DeploymentId: &id}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if d := s.get(id); (d.RollbackInfo != nil) != on {
				t.Errorf("stop on request %t: %+v", on, d.RollbackInfo)
			}
		})
	}
}

// While the rollback runs it is the group's active deployment. It goes to the last good
// revision, and is not itself rolled back.
func TestRollbacks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		good := s.deploy(nil)
		time.Sleep(10 * time.Minute)
		s.change(func() { s.slow, s.steady = time.Minute, -1 })
		other := spec + " "
		bad := s.deploy(func(in *codedeploy.CreateDeploymentInput) { in.Revision.AppSpecContent.Content = &other })
		time.Sleep(60*time.Minute + time.Second)
		back := *s.get(bad).RollbackInfo.RollbackDeploymentId
		_, err := s.CreateDeployment(t.Context(), s.request(nil))
		refused(t, err, "DeploymentLimitExceededException: The Deployment Group 'dg' already has an active Deployment '"+back+"'")
		refused(t, s.goOn(back, types.DeploymentWaitTypeTerminationWait), "UnsupportedActionForDeploymentTypeException")
		s.change(func() { s.stuck = errors.New("ECS is out of order") })
		time.Sleep(time.Minute)
		d := s.get(back)
		if d.Status != types.DeploymentStatusFailed || d.RollbackInfo.RollbackDeploymentId != nil || *d.Revision.AppSpecContent.Sha256 != *s.get(good).Revision.AppSpecContent.Sha256 {
			t.Errorf("%s %+v %+v", d.Status, d.RollbackInfo, d.Revision.AppSpecContent)
		}
		out, err := s.ListDeployments(t.Context(), &codedeploy.ListDeploymentsInput{ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("dg")})
		if err != nil || len(out.Deployments) != 3 || out.Deployments[0] != back {
			t.Errorf("%v %v", out, err)
		}
	})
}

func TestKeptBlueIsClearedByTheNextDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
			in.BlueGreenDeploymentConfiguration.TerminateBlueInstancesOnDeploymentSuccess.Action = types.InstanceActionKeepAlive
		})
		for i := range 3 {
			id := s.deploy(nil)
			time.Sleep(10 * time.Minute)
			if d := s.get(id); d.Status != types.DeploymentStatusSucceeded || s.count() != 2 || s.primary() != fmt.Sprintf("ecs-svc/%d", i+2) {
				t.Fatalf("%s %+v, %d sets, primary %s", d.Status, d.ErrorInformation, s.count(), s.primary())
			}
		}
	})
}
