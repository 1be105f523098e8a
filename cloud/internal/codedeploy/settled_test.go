package codedeploy

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// unsettle makes the task sets that were made steady only after a time from their
// beginning, as if the service scaled; a negative time is never.
func (w *world) unsettle(steady time.Duration) { w.change(func() { w.steady = steady }) }

// A service that scales while traffic moves has five minutes to become steady again.
func TestScalingWhileTrafficMoves(t *testing.T) {
	for _, tt := range []struct {
		name  string
		at    time.Duration // from the beginning
		green int32         // its share then
		story string
	}{
		{"in the canary's interval", time.Minute, 10, "BeforeInstall Install AfterInstall BeforeAllowTraffic !AllowTraffic"},
		{"in the termination wait", 16 * time.Minute, 100, "BeforeInstall Install AfterInstall BeforeAllowTraffic AllowTraffic AfterAllowTraffic"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
					in.BlueGreenDeploymentConfiguration.TerminateBlueInstancesOnDeploymentSuccess.TerminationWaitTimeInMinutes = 60
				})
				id := s.deploy(with("CodeDeployDefault.ECSCanary10Percent15Minutes"))
				time.Sleep(tt.at)
				s.unsettle(-1)
				time.Sleep(5*time.Minute - 15*time.Second)
				if d := s.get(id); d.Status != types.DeploymentStatusInProgress || s.green(prodARN) != tt.green {
					t.Fatalf("%s before five minutes have passed, green has %d", d.Status, s.green(prodARN))
				}
				time.Sleep(30 * time.Second)
				d := s.get(id)
				if d.Status != types.DeploymentStatusFailed || d.ErrorInformation.Code != types.ErrorCodeTimeout ||
					!strings.HasSuffix(*d.ErrorInformation.Message, "This time out period is 5 minutes.") || s.story(id) != tt.story {
					t.Fatalf("%s %+v %s", d.Status, d.ErrorInformation, s.story(id))
				}
				time.Sleep(time.Second)
				if back := s.get(*d.RollbackInfo.RollbackDeploymentId); back.Status != types.DeploymentStatusSucceeded || s.green(prodARN) != 0 || s.primary() != "ecs-svc/1" || s.count() != 1 {
					t.Errorf("rolled back: %s, green has %d, primary %s of %d", back.Status, s.green(prodARN), s.primary(), s.count())
				}
			})
		})
	}
}

// What becomes steady in time fails nothing, and its time begins anew.
func TestScalingThatSettlesInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, nil)
		id := s.deploy(with("CodeDeployDefault.ECSCanary10Percent15Minutes"))
		time.Sleep(time.Minute)
		for range 3 {
			s.unsettle(-1)
			time.Sleep(4 * time.Minute)
			s.unsettle(0)
			time.Sleep(30 * time.Second)
		}
		time.Sleep(10 * time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusSucceeded {
			t.Errorf("%s %+v", d.Status, d.ErrorInformation)
		}
	})
}

// A group that does not roll back on failures keeps the weights as they stand.
func TestScalingWithoutRollbackLeavesTheTraffic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) { in.AutoRollbackConfiguration = nil })
		id := s.deploy(with("CodeDeployDefault.ECSCanary10Percent15Minutes"))
		time.Sleep(time.Minute)
		s.unsettle(-1)
		time.Sleep(6 * time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusFailed || d.RollbackInfo != nil || s.green(prodARN) != 10 || s.count() != 2 {
			t.Errorf("%s %+v, green has %d of %d sets", d.Status, d.RollbackInfo, s.green(prodARN), s.count())
		}
	})
}
