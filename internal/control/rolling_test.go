package control

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/fault"
)

const rollouts = "arn:aws:ecs:eu-west-1:123456789012:service-deployment/shop/web/"

// rolls makes what the service goes to.
func (s *stage) rolls(id, revision string, state ecstypes.DeploymentRolloutState) {
	s.service.Deployments = []ecstypes.Deployment{{
		Id: &id, Status: aws.String("PRIMARY"), TaskDefinition: aws.String(definitions + revision), RolloutState: state, RunningCount: 1, DesiredCount: 1,
	}}
	s.Subject.Info = s.service
}

// goesBack has StopServiceDeployment bring web:1 back, in a while.
func (s *stage) goesBack(end ecstypes.ServiceDeploymentStatus) {
	status := ecstypes.ServiceDeploymentStatusRollbackInProgress
	s.Set(awstest.On(func(*ecs.StopServiceDeploymentInput) (*ecs.StopServiceDeploymentOutput, error) {
		s.After(20*time.Second, func() {
			if status = end; end == ecstypes.ServiceDeploymentStatusRollbackSuccessful {
				s.rolls("ecs-svc/1", "web:1", ecstypes.DeploymentRolloutStateCompleted)
			}
		})
		return &ecs.StopServiceDeploymentOutput{}, nil
	}), awstest.On(func(in *ecs.DescribeServiceDeploymentsInput) (*ecs.DescribeServiceDeploymentsOutput, error) {
		return &ecs.DescribeServiceDeploymentsOutput{ServiceDeployments: []ecstypes.ServiceDeployment{{Status: status, StatusReason: aws.String("because")}}}, nil
	}), awstest.On(func(in *ecs.ListServiceDeploymentsInput) (*ecs.ListServiceDeploymentsOutput, error) {
		return &ecs.ListServiceDeploymentsOutput{ServiceDeployments: []ecstypes.ServiceDeploymentBrief{{ServiceDeploymentArn: aws.String(rollouts + "abc")}}}, nil
	}))
}

func TestWhichRollingDeploymentIsStopped(t *testing.T) {
	for name, c := range map[string]struct {
		id    string
		back  bool
		state ecstypes.DeploymentRolloutState
		code  int
		words string
	}{
		"the active one":               {"", true, ecstypes.DeploymentRolloutStateInProgress, 0, ""},
		"by its id":                    {"ecs-svc/2", true, ecstypes.DeploymentRolloutStateInProgress, 0, ""},
		"by history's id":              {"abc", true, ecstypes.DeploymentRolloutStateInProgress, 0, ""},
		"by its ARN":                   {rollouts + "abc", true, ecstypes.DeploymentRolloutStateInProgress, 0, ""},
		"another one, by mistake":      {"ecs-svc/1", true, ecstypes.DeploymentRolloutStateInProgress, fault.Usage, "deployment ecs-svc/1 of service web is not under way"},
		"it cannot stand still":        {"", false, ecstypes.DeploymentRolloutStateInProgress, fault.Usage, "a rolling deployment cannot stand still"},
		"none is":                      {"", true, ecstypes.DeploymentRolloutStateCompleted, fault.Usage, "no deployment of service web is under way"},
		"none is, though one is named": {"ecs-svc/2", true, ecstypes.DeploymentRolloutStateCompleted, fault.Usage, "no deployment of service web is under way"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, byECS, func(t *testing.T, s *stage) {
				s.rolls("ecs-svc/2", "web:2", c.state)
				s.goesBack(ecstypes.ServiceDeploymentStatusRollbackSuccessful)
				o, err := s.Stop(t.Context(), c.id, c.back)
				wants(t, err, c.code, c.words)
				if c.words == "" && (o.DeploymentID != "ecs-svc/2" || o.RollbackID != "abc" || o.Status != "ROLLBACK_SUCCESSFUL" || o.Revision != definitions+"web:1") {
					t.Errorf("%+v", o)
				}
				if stopped := s.Count("StopServiceDeployment") > 0; stopped != (c.words == "") {
					t.Errorf("stopped: %v", stopped)
				}
			})
		})
	}
}

func TestARollbackOfECSThatFails(t *testing.T) {
	inTime(t, byECS, func(t *testing.T, s *stage) {
		s.rolls("ecs-svc/2", "web:2", ecstypes.DeploymentRolloutStateInProgress)
		s.goesBack(ecstypes.ServiceDeploymentStatusRollbackFailed)
		_, err := s.Stop(t.Context(), "", true)
		wants(t, err, fault.Deployment, "deployment ecs-svc/2 ended ROLLBACK_FAILED: because; traffic:")
	})
}

// A throttled look at a deployment is made again.
func TestThrottlingIsWaitedOut(t *testing.T) {
	inTime(t, byECS, func(t *testing.T, s *stage) {
		s.rolls("ecs-svc/2", "web:2", ecstypes.DeploymentRolloutStateInProgress)
		s.goesBack(ecstypes.ServiceDeploymentStatusRollbackSuccessful)
		n := 0
		s.Set(awstest.On(func(*ecs.DescribeServiceDeploymentsInput) (*ecs.DescribeServiceDeploymentsOutput, error) {
			if n++; n < 4 {
				return nil, awstest.Throttled
			}
			s.rolls("ecs-svc/1", "web:1", ecstypes.DeploymentRolloutStateCompleted)
			return &ecs.DescribeServiceDeploymentsOutput{ServiceDeployments: []ecstypes.ServiceDeployment{{Status: ecstypes.ServiceDeploymentStatusRollbackSuccessful}}}, nil
		}))
		_, err := s.Stop(t.Context(), "", true)
		wants(t, err, 0, "")
	})
}

// past answers with the revisions of successful deployments, newest first, each on a page
// of its own.
func (s *stage) past(revisions ...string) {
	s.Set(awstest.On(func(in *ecs.ListServiceDeploymentsInput) (*ecs.ListServiceDeploymentsOutput, error) {
		at := len(aws.ToString(in.NextToken))
		out := &ecs.ListServiceDeploymentsOutput{}
		if at < len(revisions) {
			out.ServiceDeployments = []ecstypes.ServiceDeploymentBrief{{TargetServiceRevisionArn: &revisions[at]}}
			out.NextToken = aws.String("xxxxxxxxxx"[:at+1])
		}
		return out, nil
	}), awstest.On(func(in *ecs.DescribeServiceRevisionsInput) (*ecs.DescribeServiceRevisionsOutput, error) {
		if in.ServiceRevisionArns[0] == "gone" {
			return &ecs.DescribeServiceRevisionsOutput{}, nil
		}
		return &ecs.DescribeServiceRevisionsOutput{ServiceRevisions: []ecstypes.ServiceRevision{{TaskDefinition: aws.String(definitions + in.ServiceRevisionArns[0])}}}, nil
	}), awstest.On(func(in *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
		s.rolls("ecs-svc/3", "web:"+(*in.TaskDefinition)[len(definitions+"web:"):], ecstypes.DeploymentRolloutStateCompleted)
		svc := s.service
		return &ecs.UpdateServiceOutput{Service: &svc}, nil
	}))
}

func TestRollbackOfARollingService(t *testing.T) {
	for name, c := range map[string]struct {
		to    string
		past  []string
		want  string
		code  int
		words string
	}{
		"the one before, pages away":  {"", []string{"web:2", "web:2", "gone", "web:1"}, "web:1", 0, ""},
		"nothing came before":         {"", []string{"web:2"}, "", fault.Usage, "no successful deployment of service web brought another revision than web:2"},
		"a named one":                 {"7", nil, "web:7", 0, ""},
		"a named one that serves":     {"2", nil, "web:2", 0, ""},
		"a named one that is no more": {"13", nil, "", fault.Usage, "revision web:13 was deregistered"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, byECS, func(t *testing.T, s *stage) {
				s.rolls("ecs-svc/2", "web:2", ecstypes.DeploymentRolloutStateCompleted)
				s.past(c.past...)
				o, err := s.Rollback(t.Context(), c.to, "")
				wants(t, err, c.code, c.words)
				if c.want != "" && o.Revision != definitions+c.want {
					t.Errorf("%+v", o)
				}
				if updated := s.Count("UpdateService") > 0; updated != (c.want != "" && c.want != "web:2") {
					t.Errorf("updated: %v", updated)
				}
			})
		})
	}
}

func TestARollingRollbackThatFails(t *testing.T) {
	inTime(t, byECS, func(t *testing.T, s *stage) {
		s.rolls("ecs-svc/2", "web:2", ecstypes.DeploymentRolloutStateCompleted)
		s.past("web:1")
		s.Set(awstest.On(func(*ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
			s.rolls("ecs-svc/3", "web:1", ecstypes.DeploymentRolloutStateFailed)
			svc := s.service
			return &ecs.UpdateServiceOutput{Service: &svc}, nil
		}))
		_, err := s.Rollback(t.Context(), "", "")
		wants(t, err, fault.Deployment, "deployment ecs-svc/3 FAILED, not rolled back")
	})
}

// A rolling service may stand behind several target groups, and share a listener with
// others: neither keeps a rollback from being a success.
func TestWeightsDoNotJudgeARollingService(t *testing.T) {
	inTime(t, byECS, func(t *testing.T, s *stage) {
		admin := groups + "web-admin/0123456789abcdef"
		s.service.LoadBalancers = append(s.service.LoadBalancers, ecstypes.LoadBalancer{TargetGroupArn: &admin})
		s.Set(awstest.On(func(in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
			forward := func(listener string, to ...elbtypes.TargetGroupTuple) elbtypes.Listener {
				return elbtypes.Listener{ListenerArn: &listener, DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: to}}}}
			}
			all := []elbtypes.Listener{
				forward("admin", elbtypes.TargetGroupTuple{TargetGroupArn: &admin}),
				forward("web", elbtypes.TargetGroupTuple{TargetGroupArn: aws.String(blue), Weight: aws.Int32(1)}, elbtypes.TargetGroupTuple{TargetGroupArn: aws.String("another service's"), Weight: aws.Int32(1)}),
			}
			if len(in.ListenerArns) == 1 && in.ListenerArns[0] == "web" {
				return &elb.DescribeListenersOutput{Listeners: all[1:]}, nil
			}
			return &elb.DescribeListenersOutput{Listeners: all}, nil
		}))
		s.rolls("ecs-svc/2", "web:2", ecstypes.DeploymentRolloutStateCompleted)
		s.past("web:1")
		o, err := s.Rollback(t.Context(), "", "")
		wants(t, err, 0, "")
		if o.Split() || len(o.Routes) != 2 {
			t.Errorf("%+v", o)
		}
	})
}
