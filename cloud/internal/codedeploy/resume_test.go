package codedeploy

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// An engine that is halted anywhere goes on where it was: no second task set, no event
// twice, no weight back, and clocks that have run on meanwhile.
func TestTheEngineGoesOnWhereItWas(t *testing.T) {
	for _, at := range []time.Duration{0, time.Millisecond, 10 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute} {
		t.Run(at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := make(chan call, 10)
				s := setStage(t, everything, hooked(calls))
				id := s.deploy(func(in *codedeploy.CreateDeploymentInput) {
					withHooks("AfterInstall")(in)
					in.DeploymentConfigName = aws.String("CodeDeployDefault.ECSCanary10Percent5Minutes")
				})
				go func() { // what happens outside, whether the engine runs or not
					c := <-calls
					time.Sleep(time.Minute)
					if err := s.verdict(c, types.LifecycleEventStatusSucceeded); err != nil {
						t.Error(err)
					}
					for s.goOn(id, types.DeploymentWaitTypeReadyWait) != nil {
						time.Sleep(time.Second)
					}
				}()
				time.Sleep(at)
				s.halt()
				time.Sleep(15 * time.Second)
				s.again()
				time.Sleep(20 * time.Minute)
				d := s.get(id)
				if d.Status != types.DeploymentStatusSucceeded || s.count() != 1 || s.primary() != "ecs-svc/2" || len(s.events(id)) != 8 {
					t.Errorf("%s %+v, %d task sets, primary %s, %v", d.Status, d.ErrorInformation, s.count(), s.primary(), s.events(id))
				}
				if got := strings.Join(s.moves, " "); got != "0 10 100" {
					t.Errorf("weights %s", got)
				}
				if took := d.CompleteTime.Sub(*d.CreateTime); took > 13*time.Minute {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

// When the process ends just after blue has been deleted, nothing leads back to it: neither
// an alarm nor a request to stop moves traffic to where nobody is.
func TestThereIsNoWayBackOnceBlueIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ringing atomic.Value
		s := setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
			in.AlarmConfiguration = &types.AlarmConfiguration{Enabled: true, Alarms: []types.Alarm{{Name: aws.String("errors")}}}
		}, alarmed(&ringing))
		s.change(func() { s.slow, s.dying = time.Second, context.Canceled })
		id := s.deploy(nil)
		time.Sleep(5*time.Minute + 20*time.Second + 500*time.Millisecond)
		s.halt()
		if d := s.get(id); d.Status != types.DeploymentStatusInProgress || strings.Join(s.drained, "") != "ecs-svc/1" {
			t.Fatalf("%s, drained %v", d.Status, s.drained)
		}
		ringing.Store("errors")
		if _, err := s.StopDeployment(t.Context(), &codedeploy.StopDeploymentInput{DeploymentId: &id, AutoRollbackEnabled: aws.Bool(true)}); err != nil {
			t.Fatal(err)
		}
		s.again()
		time.Sleep(time.Minute)
		if d := s.get(id); d.Status != types.DeploymentStatusSucceeded || s.green(prodARN) != 100 || s.primary() != "ecs-svc/2" {
			t.Errorf("%s %+v, green has %d, primary %s", d.Status, d.ErrorInformation, s.green(prodARN), s.primary())
		}
	})
}
