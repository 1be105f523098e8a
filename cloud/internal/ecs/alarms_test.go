package ecs

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// bells are metric alarms that look back over five minutes, and a composite one.
type bells struct {
	mu      sync.Mutex
	ringing []string
}

func (b *bells) ring(names ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ringing = names
}

func (b *bells) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := &cloudwatch.DescribeAlarmsOutput{}
	for _, n := range in.AlarmNames {
		state := cwtypes.StateValueOk
		if slices.Contains(b.ringing, n) {
			state = cwtypes.StateValueAlarm
		}
		if n == "any" {
			out.CompositeAlarms = append(out.CompositeAlarms, cwtypes.CompositeAlarm{AlarmName: &n, StateValue: state})
			continue
		}
		out.MetricAlarms = append(out.MetricAlarms, cwtypes.MetricAlarm{AlarmName: &n, StateValue: state, Period: aws.Int32(60), EvaluationPeriods: aws.Int32(5)})
	}
	return out, nil
}

// watched plays a story of a rolling service that three alarms watch.
func watched(t *testing.T, rollback bool, story func(*testing.T, *stage, *bells)) {
	t.Helper()
	b := &bells{}
	playWith(t, func(o *Options) { o.Alarms = b }, func(t *testing.T, s *stage) {
		s.create(rolling, func(in *ecs.CreateServiceInput) {
			in.DeploymentConfiguration = &types.DeploymentConfiguration{Alarms: &types.DeploymentAlarms{AlarmNames: []string{"errors", "slow", "any"}, Enable: true, Rollback: rollback}}
		})
		s.stable()
		time.Sleep(5 * time.Minute)
		if d := s.service().Deployments[0]; d.RolloutState != types.DeploymentRolloutStateCompleted {
			t.Fatalf("at first: %+v", d)
		}
		story(t, s, b)
	})
}

// rollout describes a service deployment.
func (s *stage) rollout(arn *string) types.ServiceDeployment {
	s.t.Helper()
	out, err := s.DescribeServiceDeployments(bg, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: []string{*arn}})
	return must(s.t, out, err).ServiceDeployments[0]
}

// begin starts a deployment, and returns its ids as service deployment and deployment.
func (s *stage) begin() (arn *string, id string) {
	second := s.register("web")
	s.update(&ecs.UpdateServiceInput{TaskDefinition: &second})
	v := s.service()
	return v.CurrentServiceDeployment, *v.Deployments[0].Id
}

// An alarm fails a deployment while it rolls, and when it is steady and only watched still.
func TestAnAlarmRollsADeploymentBack(t *testing.T) {
	for name, after := range map[string]time.Duration{"rolling": 3 * time.Second, "baking": 4 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			watched(t, true, func(t *testing.T, s *stage, b *bells) {
				good := s.service().Deployments[0]
				arn, failed := s.begin()
				time.Sleep(after)
				if d := s.service().Deployments[0]; d.RolloutState != types.DeploymentRolloutStateInProgress {
					t.Fatalf("before the alarm: %+v", d)
				}
				if a := s.rollout(arn).Alarms; a.Status != types.ServiceDeploymentRollbackMonitorsStatusMonitoring || len(a.AlarmNames) != 3 {
					t.Errorf("before the alarm: %+v", a)
				}
				b.ring("any", "slow")
				time.Sleep(10 * time.Second)
				v := s.service()
				back := v.Deployments[0]
				if *back.Id == failed || *back.TaskDefinition != *good.TaskDefinition || *back.RolloutStateReason != "ECS deployment alarms: rolling back to deploymentId "+*good.Id+"." {
					t.Errorf("the rollback: %+v %s", back, *back.RolloutStateReason)
				}
				if d := v.Deployments[1]; *d.Id != failed || d.RolloutState != types.DeploymentRolloutStateFailed || *d.RolloutStateReason != "ECS deployment alarms: alarm detected." {
					t.Errorf("the failed deployment: %+v", d)
				}
				s.stable() // though the alarm rings on: a rollback is not watched
				if v = s.service(); *v.TaskDefinition != *good.TaskDefinition || v.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted || v.RunningCount != 2 {
					t.Errorf("after the rollback: %+v", v)
				}
				s.wantEvents("(service s) (deployment "+failed+") deployment failed: alarm detected.", "(service s) rolling back to deployment "+*good.Id+".",
					"(service s) (deployment "+*back.Id+") deployment completed.")
				d := s.rollout(arn)
				if d.Status != types.ServiceDeploymentStatusRollbackSuccessful || d.Rollback.ServiceRevisionArn == nil ||
					d.Alarms.Status != types.ServiceDeploymentRollbackMonitorsStatusTriggered || !slices.Equal(d.Alarms.TriggeredAlarmNames, []string{"any", "slow"}) {
					t.Errorf("the service deployment: %+v, %+v", d, d.Alarms)
				}
			})
		})
	}
}

// The next rollback goes back to what the last one went back to.
func TestARollbackAfterARollback(t *testing.T) {
	watched(t, true, func(t *testing.T, s *stage, b *bells) {
		good := *s.service().TaskDefinition
		for range 2 {
			s.begin()
			time.Sleep(3 * time.Second)
			b.ring("errors")
			time.Sleep(10 * time.Second)
			b.ring()
			s.stable()
			if v := s.service(); *v.TaskDefinition != good || v.Deployments[0].RolloutState != types.DeploymentRolloutStateCompleted {
				t.Fatalf("%s, %+v", *v.TaskDefinition, v.Deployments)
			}
		}
	})
}

func TestAnAlarmWithoutRollbackOnlyFails(t *testing.T) {
	watched(t, false, func(t *testing.T, s *stage, b *bells) {
		arn, failed := s.begin()
		time.Sleep(3 * time.Second)
		b.ring("errors")
		time.Sleep(time.Minute)
		if d := s.service().Deployments[0]; *d.Id != failed || d.RolloutState != types.DeploymentRolloutStateFailed || d.DesiredCount != 0 {
			t.Errorf("%+v", d)
		}
		if d := s.rollout(arn); d.Status != types.ServiceDeploymentStatusStopped {
			t.Errorf("%+v", d)
		}
	})
}

// Alarms that ring before a deployment begins do not watch it.
func TestAlarmsThatRingAlreadyAreNotHeeded(t *testing.T) {
	watched(t, true, func(t *testing.T, s *stage, b *bells) {
		b.ring("errors")
		arn, id := s.begin()
		s.stable()
		if d := s.service().Deployments[0]; *d.Id != id || d.RolloutState != types.DeploymentRolloutStateCompleted {
			t.Errorf("%+v", d)
		}
		if d := s.rollout(arn); d.Status != types.ServiceDeploymentStatusSuccessful || d.Alarms.Status != types.ServiceDeploymentRollbackMonitorsStatusDisabled {
			t.Errorf("%+v, %+v", d, d.Alarms)
		}
	})
}

// A deployment is complete when it was steady for as long as its alarms look back.
func TestADeploymentBakes(t *testing.T) {
	watched(t, true, func(t *testing.T, s *stage, _ *bells) {
		arn, _ := s.begin()
		s.stable()
		time.Sleep(4 * time.Minute)
		if d := s.service().Deployments[0]; d.RolloutState != types.DeploymentRolloutStateInProgress {
			t.Errorf("after four minutes: %+v", d)
		}
		time.Sleep(65 * time.Second)
		if d := s.rollout(arn); d.Status != types.ServiceDeploymentStatusSuccessful || d.Alarms.Status != types.ServiceDeploymentRollbackMonitorsStatusMonitoringComplete {
			t.Errorf("%+v, %+v", d, d.Alarms)
		}
	})
}
