package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/term"
)

const (
	definitions = "arn:aws:ecs:eu-west-1:123456789012:task-definition/"
	groups      = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/"
	blue        = groups + "web-blue/0123456789abcdef"
	green       = groups + "web-green/0123456789abcdef"
	listener    = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/web/0/1"
)

// stage is a service in AWS, of which tests change what matters to them.
type stage struct {
	*awstest.Cloud
	*Control
	service     ecstypes.Service
	weights     map[string]int32 // by target group
	deployments map[string]*cdtypes.DeploymentInfo
	order       []string // their ids, newest first
	specs       map[string]string
	talk        bytes.Buffer
}

func newStage(t *testing.T, controller ecstypes.DeploymentControllerType) *stage {
	s := &stage{weights: map[string]int32{blue: 100, green: 0}, deployments: map[string]*cdtypes.DeploymentInfo{}, specs: map[string]string{}}
	s.service = ecstypes.Service{
		ServiceName: aws.String("web"), Status: aws.String("ACTIVE"), TaskDefinition: aws.String(definitions + "web:0"),
		DeploymentController: &ecstypes.DeploymentController{Type: controller},
		LoadBalancers:        []ecstypes.LoadBalancer{{TargetGroupArn: aws.String(blue), ContainerName: aws.String("web"), ContainerPort: aws.Int32(80)}},
	}
	clients, cloud := awstest.New(t,
		awstest.On(func(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
			return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{s.service}}, nil
		}),
		awstest.On(s.definition), awstest.On(s.listeners), awstest.On(s.groups), awstest.On(s.list), awstest.On(s.get), awstest.On(s.revision),
		awstest.Always[elb.DescribeRulesInput](&elb.DescribeRulesOutput{}),
		awstest.Always[codedeploy.ListDeploymentTargetsInput](&codedeploy.ListDeploymentTargetsOutput{}),
		awstest.Refused[codedeploy.GetDeploymentTargetInput, codedeploy.GetDeploymentTargetOutput](&cdtypes.DeploymentTargetDoesNotExistException{}),
		awstest.Always[elb.DescribeTargetHealthInput](&elb.DescribeTargetHealthOutput{}),
		awstest.Always[ecs.ListTasksInput](&ecs.ListTasksOutput{}),
	)
	s.Cloud = cloud
	s.Control = &Control{
		Subject: &subject.Subject{AWS: clients, Cluster: "shop", Service: "web", Info: s.service}, Report: term.NewReporter(&term.Streams{Out: &s.talk, Err: &s.talk}), Deadline: time.Hour,
	}
	if controller == ecstypes.DeploymentControllerTypeCodeDeploy {
		s.Subject.Group = &cdtypes.DeploymentGroupInfo{
			ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("group"),
			LoadBalancerInfo: &cdtypes.LoadBalancerInfo{TargetGroupPairInfoList: []cdtypes.TargetGroupPairInfo{{ProdTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{listener}}}}},
		}
		s.primary("web:2", blue)
	}
	return s
}

// primary makes a task set the primary one.
func (s *stage) primary(revision, group string) {
	s.service.TaskSets = []ecstypes.TaskSet{{
		Status: aws.String("PRIMARY"), TaskDefinition: aws.String(definitions + revision),
		LoadBalancers: []ecstypes.LoadBalancer{{TargetGroupArn: aws.String(group), ContainerName: aws.String("web"), ContainerPort: aws.Int32(80)}},
	}}
	s.Subject.Info = s.service
}

// deploy adds a deployment, the newest one.
func (s *stage) deploy(id string, status cdtypes.DeploymentStatus, revision string) *cdtypes.DeploymentInfo {
	d := &cdtypes.DeploymentInfo{DeploymentId: &id, ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("group"), Status: status, CreateTime: aws.Time(time.Now())}
	if revision != "" {
		sum := "sum of " + id
		d.Revision = &cdtypes.RevisionLocation{RevisionType: cdtypes.RevisionLocationTypeAppSpecContent, AppSpecContent: &cdtypes.AppSpecContent{Sha256: &sum}}
		s.specs[sum] = fmt.Sprintf(`{"version":0.0,"Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":%q,"LoadBalancerInfo":{"ContainerName":"web","ContainerPort":80}}}}]}`, definitions+revision)
	}
	s.deployments[id], s.order = d, append([]string{id}, s.order...)
	return d
}

func (s *stage) definition(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
	name := subject.Last(*in.TaskDefinition)
	d := &ecstypes.TaskDefinition{TaskDefinitionArn: aws.String(definitions + name), Status: ecstypes.TaskDefinitionStatusActive}
	switch name {
	case "web:99":
		return nil, &ecstypes.ClientException{Message: aws.String("Unable to describe task definition.")}
	case "web:13":
		d.Status = ecstypes.TaskDefinitionStatusInactive
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: d}, nil
}

func (s *stage) listeners(*elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
	var to []elbtypes.TargetGroupTuple
	for _, g := range []string{blue, green} {
		to = append(to, elbtypes.TargetGroupTuple{TargetGroupArn: &g, Weight: aws.Int32(s.weights[g])})
	}
	return &elb.DescribeListenersOutput{Listeners: []elbtypes.Listener{{
		ListenerArn: aws.String(listener), Port: aws.Int32(80), DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: to}}},
	}}}, nil
}

func (s *stage) groups(*elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
	return &elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{{TargetGroupArn: aws.String(blue), LoadBalancerArns: []string{"lb"}}}}, nil
}

// list gives two deployments a page, as AWS may.
func (s *stage) list(in *codedeploy.ListDeploymentsInput) (*codedeploy.ListDeploymentsOutput, error) {
	out := &codedeploy.ListDeploymentsOutput{}
	var all []string
	for _, id := range s.order {
		if len(in.IncludeOnlyStatuses) == 0 || slices.Contains(in.IncludeOnlyStatuses, s.deployments[id].Status) {
			all = append(all, id)
		}
	}
	if at := slices.Index(all, aws.ToString(in.NextToken)) + 1; at < len(all) {
		end := min(at+2, len(all))
		if out.Deployments = all[at:end]; end < len(all) {
			out.NextToken = &all[end-1]
		}
	}
	return out, nil
}

func (s *stage) get(in *codedeploy.GetDeploymentInput) (*codedeploy.GetDeploymentOutput, error) {
	d := s.deployments[*in.DeploymentId]
	if d == nil {
		return nil, &cdtypes.DeploymentDoesNotExistException{}
	}
	now := *d
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: &now}, nil
}

func (s *stage) revision(in *codedeploy.GetApplicationRevisionInput) (*codedeploy.GetApplicationRevisionOutput, error) {
	if in.Revision.AppSpecContent == nil {
		return &codedeploy.GetApplicationRevisionOutput{Revision: in.Revision}, nil
	}
	text, ok := s.specs[*in.Revision.AppSpecContent.Sha256]
	if !ok {
		return nil, &cdtypes.RevisionDoesNotExistException{}
	}
	return &codedeploy.GetApplicationRevisionOutput{Revision: &cdtypes.RevisionLocation{AppSpecContent: &cdtypes.AppSpecContent{Content: &text}}}, nil
}

// stops has StopDeployment stop a deployment, and CodeDeploy name the one that takes it
// back a moment later, when it is to.
func (s *stage) stops() {
	s.Set(awstest.On(func(in *codedeploy.StopDeploymentInput) (*codedeploy.StopDeploymentOutput, error) {
		d := s.deployments[*in.DeploymentId]
		d.Status = cdtypes.DeploymentStatusStopped
		if aws.ToBool(in.AutoRollbackEnabled) {
			s.After(2*time.Second, func() {
				s.deploy("d-BACK", cdtypes.DeploymentStatusSucceeded, "web:2")
				d.RollbackInfo = &cdtypes.RollbackInfo{RollbackDeploymentId: aws.String("d-BACK")}
				s.weights = map[string]int32{blue: 100, green: 0}
			})
		}
		return &codedeploy.StopDeploymentOutput{}, nil
	}))
}

// creates has CreateDeployment bring the revision of its document to green.
func (s *stage) creates(then cdtypes.DeploymentStatus) (made func() []string) {
	var all []string
	s.Set(awstest.On(func(in *codedeploy.CreateDeploymentInput) (*codedeploy.CreateDeploymentOutput, error) {
		_, rest, _ := strings.Cut(*in.Revision.AppSpecContent.Content, `"TaskDefinition":"`)
		arn, _, _ := strings.Cut(rest, `"`)
		all = append(all, subject.Last(arn)+" by "+*in.DeploymentConfigName)
		id := fmt.Sprintf("d-NEW%d", len(all))
		s.deploy(id, then, subject.Last(arn)).Description = in.Description
		if then == cdtypes.DeploymentStatusSucceeded {
			s.primary(subject.Last(arn), green)
			s.weights = map[string]int32{green: 100}
		}
		return &codedeploy.CreateDeploymentOutput{DeploymentId: &id}, nil
	}))
	return func() []string { return all }
}

// wants checks an error's exit code and words, "" for no error.
func wants(t *testing.T, err error, code int, words string) {
	t.Helper()
	if fault.Code(err) != code || (err == nil) != (words == "") || err != nil && !strings.Contains(err.Error(), words) {
		t.Errorf("exit code %d, %v; want %d, %q", fault.Code(err), err, code, words)
	}
}

// inTime runs a test where waits take no time.
func inTime(t *testing.T, controller ecstypes.DeploymentControllerType, f func(*testing.T, *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newStage(t, controller)) })
}

const (
	byCodeDeploy = ecstypes.DeploymentControllerTypeCodeDeploy
	byECS        = ecstypes.DeploymentControllerTypeEcs
)

func TestOnlyAnActiveDeploymentOfTheServiceIsStopped(t *testing.T) {
	for _, c := range []struct{ id, words string }{
		{"", "no deployment of service web is under way"},
		{"d-NONE", "there is no deployment d-NONE (region eu-west-1)"},
		{"d-OVER", "deployment d-OVER has ended: Succeeded"},
		{"d-OTHER", "deployment d-OTHER is of other/group, which does not deploy service web"},
	} {
		inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
			s.deploy("d-OVER", cdtypes.DeploymentStatusSucceeded, "web:2")
			s.deploy("d-OTHER", cdtypes.DeploymentStatusInProgress, "web:2").ApplicationName = aws.String("other")
			s.order = nil // the group's list knows nothing of it
			_, err := s.Stop(t.Context(), c.id, false)
			wants(t, err, fault.Usage, c.words)
			if s.Count("StopDeployment") > 0 {
				t.Error("it was stopped")
			}
		})
	}
}

func TestStopLeavesTrafficWhereItStands(t *testing.T) {
	inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
		s.deploy("d-1", cdtypes.DeploymentStatusInProgress, "web:3") // without a target yet
		s.weights = map[string]int32{blue: 90, green: 10}
		s.stops()
		o, err := s.Stop(t.Context(), "", false)
		wants(t, err, 0, "")
		if o.Status != "Stopped" || !o.Split() || o.Traffic() != "traffic: web-blue 90 %, web-green 10 %" || o.RollbackID != "" {
			t.Errorf("%+v", o)
		}
	})
}

func TestStopWithRollbackWaitsForTheWayBack(t *testing.T) {
	inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
		s.deploy("d-1", cdtypes.DeploymentStatusInProgress, "web:3")
		s.weights = map[string]int32{blue: 90, green: 10}
		s.stops()
		o, err := s.Stop(t.Context(), "d-1", true)
		wants(t, err, 0, "")
		if o.RollbackID != "d-BACK" || o.RollbackStatus != "Succeeded" || o.Split() || o.Revision != definitions+"web:2" {
			t.Errorf("%+v", o)
		}
	})
}

func TestStopThatDoesNotBringTrafficBackIsNoSuccess(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*stage)
		words  string
	}{
		"it had succeeded": {func(s *stage) {
			s.Set(awstest.On(func(in *codedeploy.StopDeploymentInput) (*codedeploy.StopDeploymentOutput, error) {
				s.deployments["d-1"].Status = cdtypes.DeploymentStatusSucceeded
				return nil, &cdtypes.DeploymentAlreadyCompletedException{}
			}))
		}, "had succeeded before it could be stopped; traffic: web-blue 90 %"},
		"no rollback is made": {func(s *stage) {
			s.Set(awstest.On(func(in *codedeploy.StopDeploymentInput) (*codedeploy.StopDeploymentOutput, error) {
				s.deployments["d-1"].Status = cdtypes.DeploymentStatusStopped
				return &codedeploy.StopDeploymentOutput{}, nil
			}))
		}, "CodeDeploy made no deployment that rolls it back"},
		"the rollback fails": {func(s *stage) {
			s.Set(awstest.On(func(in *codedeploy.StopDeploymentInput) (*codedeploy.StopDeploymentOutput, error) {
				s.deployments["d-1"].Status = cdtypes.DeploymentStatusStopped
				s.deployments["d-1"].RollbackInfo = &cdtypes.RollbackInfo{RollbackDeploymentId: aws.String("d-BACK")}
				s.deploy("d-BACK", cdtypes.DeploymentStatusFailed, "web:2")
				return &codedeploy.StopDeploymentOutput{}, nil
			}))
		}, "the rollback d-BACK Failed; traffic: web-blue 90 %, web-green 10 %"},
		"traffic stays divided": {func(s *stage) {
			s.stops()
			s.Set(awstest.On(func(in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
				s.weights = map[string]int32{blue: 90, green: 10}
				return s.listeners(in)
			}))
		}, "web-blue, which web:2 serves from, has 90 % of the traffic"},
		"the listener may not be read": {func(s *stage) {
			s.stops()
			s.Set(awstest.Refused[elb.DescribeListenersInput, elb.DescribeListenersOutput](awstest.Denied))
		}, "deployment d-1 has ended, but where traffic stands cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
				s.deploy("d-1", cdtypes.DeploymentStatusInProgress, "web:3")
				s.weights = map[string]int32{blue: 90, green: 10}
				c.change(s)
				_, err := s.Stop(t.Context(), "d-1", true)
				if err == nil || fault.Code(err) == 0 || !strings.Contains(err.Error(), c.words) {
					t.Errorf("%v, want %q", err, c.words)
				}
			})
		})
	}
}

func TestWaitsThatEndEarlySayThatItGoesOn(t *testing.T) {
	inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
		s.deploy("d-1", cdtypes.DeploymentStatusInProgress, "web:3")
		s.Set(awstest.Always[codedeploy.StopDeploymentInput](&codedeploy.StopDeploymentOutput{}))
		s.Deadline = time.Minute
		_, err := s.Stop(t.Context(), "d-1", false)
		wants(t, err, fault.TimedOut, "deployment d-1: the deadline passed")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Second, cancel)
		_, err = s.Stop(ctx, "d-1", false)
		wants(t, err, fault.Interrupted, "deployment d-1: context canceled")
	})
}

func TestContinueFindsOutWhichWaitItIs(t *testing.T) {
	for name, c := range map[string]struct {
		status  cdtypes.DeploymentStatus
		waiting bool
		wait    cdtypes.DeploymentWaitType
		code    int
		words   string
	}{
		"ready":        {cdtypes.DeploymentStatusReady, false, cdtypes.DeploymentWaitTypeReadyWait, 0, ""},
		"termination":  {cdtypes.DeploymentStatusInProgress, true, cdtypes.DeploymentWaitTypeTerminationWait, 0, ""},
		"it moves":     {cdtypes.DeploymentStatusInProgress, false, "", fault.Usage, "deployment d-1 does not wait: it is InProgress"},
		"it has ended": {cdtypes.DeploymentStatusStopped, true, "", fault.Usage, "deployment d-1 has ended: Stopped"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
				s.deploy("d-1", c.status, "web:2").InstanceTerminationWaitTimeStarted = c.waiting
				var wait cdtypes.DeploymentWaitType
				s.Set(awstest.On(func(in *codedeploy.ContinueDeploymentInput) (*codedeploy.ContinueDeploymentOutput, error) {
					wait, s.deployments["d-1"].Status = in.DeploymentWaitType, cdtypes.DeploymentStatusSucceeded
					return &codedeploy.ContinueDeploymentOutput{}, nil
				}))
				_, err := s.Continue(t.Context(), "d-1", "")
				wants(t, err, c.code, c.words)
				if wait != c.wait {
					t.Errorf("continued the %q wait, not %q", wait, c.wait)
				}
			})
		})
	}
}

// A deployment that fails after it was continued is followed to the end of its rollback.
func TestContinueIntoAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		auto  bool
		code  int
		words string
	}{
		"rolled back":     {true, fault.RolledBack, "deployment d-1 Failed, rolled back by d-BACK; traffic: web-blue 100 %"},
		"not rolled back": {false, fault.Deployment, "deployment d-1 Failed, not rolled back; traffic: web-blue 100 %"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
				d := s.deploy("d-1", cdtypes.DeploymentStatusReady, "web:3")
				d.AutoRollbackConfiguration = &cdtypes.AutoRollbackConfiguration{Enabled: c.auto}
				s.Set(awstest.On(func(in *codedeploy.ContinueDeploymentInput) (*codedeploy.ContinueDeploymentOutput, error) {
					d.Status = cdtypes.DeploymentStatusFailed
					if c.auto {
						s.deploy("d-BACK", cdtypes.DeploymentStatusSucceeded, "web:2")
						d.RollbackInfo = &cdtypes.RollbackInfo{RollbackDeploymentId: aws.String("d-BACK")}
					}
					return &codedeploy.ContinueDeploymentOutput{}, nil
				}))
				_, err := s.Continue(t.Context(), "", "")
				wants(t, err, c.code, c.words)
			})
		})
	}
}

func TestContinueOfARollingService(t *testing.T) {
	inTime(t, byECS, func(t *testing.T, s *stage) {
		_, err := s.Continue(t.Context(), "", "")
		wants(t, err, fault.Usage, "service web rolls; its deployments wait for nobody")
	})
}

// What CodeDeploy's group does not say is said: there is nothing to act on then.
func TestWithoutADeploymentGroup(t *testing.T) {
	inTime(t, byCodeDeploy, func(t *testing.T, s *stage) {
		s.Subject.Group, s.Subject.NoGroup = nil, errors.New("deployment group gone")
		_, err := s.Stop(t.Context(), "", true)
		wants(t, err, fault.Failed, "deployment group gone")
		_, err = s.Rollback(t.Context(), "", "")
		wants(t, err, fault.Failed, "deployment group gone")
	})
}
