package status

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/term"
)

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func arnOf(name string) string {
	return "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/" + name + "/0123"
}

func behind(name string) []ecstypes.LoadBalancer {
	return []ecstypes.LoadBalancer{{TargetGroupArn: aws.String(arnOf(name))}}
}

// forward is a listener's action: to each target group its weight.
func forward(weights map[string]int32) []elbtypes.Action {
	c := &elbtypes.ForwardActionConfig{}
	for name, w := range weights {
		c.TargetGroups = append(c.TargetGroups, elbtypes.TargetGroupTuple{TargetGroupArn: aws.String(arnOf(name)), Weight: &w})
	}
	return []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, ForwardConfig: c}}
}

// scene is a service as AWS tells of it.
type scene struct {
	*awstest.Cloud
	*Reader
	service    ecstypes.Service
	listeners  []elbtypes.Listener
	deployment cdtypes.DeploymentInfo
}

func newScene(t *testing.T, controller ecstypes.DeploymentControllerType) *scene {
	s := &scene{service: ecstypes.Service{ServiceName: aws.String("web"), Status: aws.String("ACTIVE"), DeploymentController: &ecstypes.DeploymentController{Type: controller}}}
	s.Reader = &Reader{Events: 2, Subject: &subject.Subject{Cluster: "arn:…:cluster/shop", Service: "web"}}
	s.Subject.AWS, s.Cloud = awstest.New(t,
		awstest.On(func(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
			return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{s.service}}, nil
		}),
		awstest.On(func(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
			return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("web"), Image: aws.String("image of " + *in.TaskDefinition)}}}}, nil
		}),
		awstest.On(func(in *elb.DescribeTargetHealthInput) (*elb.DescribeTargetHealthOutput, error) {
			target := func(id, state, reason, description string) elbtypes.TargetHealthDescription {
				h := &elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnum(state), Reason: elbtypes.TargetHealthReasonEnum(reason)}
				if description != "" {
					h.Description = &description
				}
				return elbtypes.TargetHealthDescription{Target: &elbtypes.TargetDescription{Id: &id, Port: aws.Int32(80)}, TargetHealth: h}
			}
			return &elb.DescribeTargetHealthOutput{TargetHealthDescriptions: []elbtypes.TargetHealthDescription{
				target("10.0.0.2", "unhealthy", "Target.FailedHealthChecks", "Health checks failed"), target("10.0.0.1", "healthy", "", ""), target("10.0.0.3", "initial", "Elb.RegistrationInProgress", ""),
			}}, nil
		}),
		awstest.Always[elb.DescribeTargetGroupsInput](&elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{{LoadBalancerArns: []string{"lb"}}}}),
		awstest.Always[elb.DescribeRulesInput](&elb.DescribeRulesOutput{}),
		awstest.On(func(in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
			out := &elb.DescribeListenersOutput{}
			for _, l := range s.listeners {
				if len(in.ListenerArns) == 0 || slices.Contains(in.ListenerArns, *l.ListenerArn) {
					out.Listeners = append(out.Listeners, l)
				}
			}
			return out, nil
		}),
		awstest.Always[codedeploy.ListDeploymentsInput](&codedeploy.ListDeploymentsOutput{Deployments: []string{"d-1"}}),
		awstest.On(func(*codedeploy.GetDeploymentInput) (*codedeploy.GetDeploymentOutput, error) {
			return &codedeploy.GetDeploymentOutput{DeploymentInfo: &s.deployment}, nil
		}),
		awstest.Always[codedeploy.ListDeploymentTargetsInput](&codedeploy.ListDeploymentTargetsOutput{}),
	)
	if controller == ecstypes.DeploymentControllerTypeCodeDeploy {
		s.Subject.Group = &cdtypes.DeploymentGroupInfo{
			ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("group"),
			LoadBalancerInfo: &cdtypes.LoadBalancerInfo{TargetGroupPairInfoList: []cdtypes.TargetGroupPairInfo{{
				ProdTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{"prod"}}, TestTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{"test"}},
			}}},
		}
		s.service.TaskSets = []ecstypes.TaskSet{
			{Id: aws.String("blue"), Status: aws.String("PRIMARY"), TaskDefinition: aws.String("web:1"), LoadBalancers: behind("blue"), LaunchType: "FARGATE", CreatedAt: &noon},
			{Id: aws.String("green"), Status: aws.String("ACTIVE"), TaskDefinition: aws.String("web:2"), LoadBalancers: behind("green"), LaunchType: "EC2", CreatedAt: aws.Time(noon.Add(time.Hour))},
		}
		s.listeners = []elbtypes.Listener{
			{ListenerArn: aws.String("prod"), Port: aws.Int32(80), DefaultActions: forward(map[string]int32{"blue": 9, "green": 1})},
			{ListenerArn: aws.String("test"), Port: aws.Int32(81), DefaultActions: forward(map[string]int32{"green": 1})},
		}
		s.deployment = cdtypes.DeploymentInfo{Status: cdtypes.DeploymentStatusInProgress}
	}
	return s
}

func (s *scene) read(t *testing.T) *Status {
	t.Helper()
	st, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

const (
	byCodeDeploy = ecstypes.DeploymentControllerTypeCodeDeploy
	byECS        = ecstypes.DeploymentControllerTypeEcs
)

func TestTaskSetsWithTheirSharesOfTraffic(t *testing.T) {
	s := newScene(t, byCodeDeploy)
	st := s.read(t)
	if len(st.Missing) > 0 || len(st.Parts) != 2 || st.Revision != "web:1" || st.LaunchType != "FARGATE" || st.Cluster != "shop" || len(st.Routes) != 2 || !st.Routes[1].Test {
		t.Fatalf("%+v", st)
	}
	blue, green := st.Parts[0], st.Parts[1] // the primary one first
	if *blue.Weight != 90 || *green.Weight != 10 || blue.Images[0].Image != "image of web:1" {
		t.Errorf("%+v, %+v", blue, green)
	}
	want := []Target{{"10.0.0.1:80", "healthy", ""}, {"10.0.0.2:80", "unhealthy", "Target.FailedHealthChecks: Health checks failed"}, {"10.0.0.3:80", "initial", "Elb.RegistrationInProgress"}}
	if !slices.Equal(blue.Targets, want) {
		t.Errorf("%+v", blue.Targets)
	}
	s.read(t)
	if n := s.Count("DescribeTaskDefinition"); n != 2 { // what cannot change is read once
		t.Errorf("asked %d times for definitions", n)
	}
}

func TestWhatADeploymentWaitsFor(t *testing.T) {
	events := func(c *scene) {
		c.Set(awstest.Always[codedeploy.ListDeploymentTargetsInput](&codedeploy.ListDeploymentTargetsOutput{TargetIds: []string{"shop:web"}}),
			awstest.Always[codedeploy.GetDeploymentTargetInput](&codedeploy.GetDeploymentTargetOutput{DeploymentTarget: &cdtypes.DeploymentTarget{EcsTarget: &cdtypes.ECSTarget{LifecycleEvents: []cdtypes.LifecycleEvent{
				{LifecycleEventName: aws.String("Install"), Status: cdtypes.LifecycleEventStatusSucceeded, StartTime: &noon, EndTime: aws.Time(noon.Add(time.Minute))},
				{LifecycleEventName: aws.String("AllowTraffic"), Status: cdtypes.LifecycleEventStatusPending},
			}}}}))
	}
	for name, c := range map[string]struct {
		set    func(*scene)
		status cdtypes.DeploymentStatus
		active bool
		waits  string
		steps  int
	}{
		"ready":                {events, cdtypes.DeploymentStatusReady, true, WaitsReady, 2},
		"termination":          {func(s *scene) { events(s); s.deployment.InstanceTerminationWaitTimeStarted = true }, cdtypes.DeploymentStatusInProgress, true, WaitsTermination, 2},
		"it moves":             {events, cdtypes.DeploymentStatusInProgress, true, "", 2},
		"it has no target yet": {func(*scene) {}, cdtypes.DeploymentStatusInProgress, true, "", 0},
		"it has not started": {func(s *scene) {
			s.Set(awstest.Refused[codedeploy.ListDeploymentTargetsInput, codedeploy.ListDeploymentTargetsOutput](&cdtypes.DeploymentNotStartedException{}))
		}, cdtypes.DeploymentStatusQueued, true, "", 0},
		"it ended in a wait": {func(s *scene) { s.deployment.InstanceTerminationWaitTimeStarted = true }, cdtypes.DeploymentStatusStopped, false, "", 0},
		"a target of no service": {func(s *scene) {
			events(s)
			s.Set(awstest.Always[codedeploy.GetDeploymentTargetInput](&codedeploy.GetDeploymentTargetOutput{DeploymentTarget: &cdtypes.DeploymentTarget{}}))
		}, cdtypes.DeploymentStatusInProgress, true, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, byCodeDeploy)
			c.set(s)
			s.deployment.Status = c.status
			st := s.read(t)
			if d := st.Deployment; d == nil || d.Active != c.active || d.Waits != c.waits || len(d.Lifecycle) != c.steps || len(st.Missing) > 0 {
				t.Errorf("%+v, %q", d, st.Missing)
			}
			if c.steps > 0 && (st.Deployment.Lifecycle[0].Took != time.Minute || st.Deployment.Lifecycle[1].Took != 0) {
				t.Errorf("%+v", st.Deployment.Lifecycle)
			}
		})
	}
}

// What may not be read is left out and named; the rest is shown.
func TestWhatCannotBeReadIsNamed(t *testing.T) {
	s := newScene(t, byCodeDeploy)
	s.Set(
		awstest.Refused[elb.DescribeListenersInput, elb.DescribeListenersOutput](awstest.Denied),
		awstest.Refused[elb.DescribeTargetHealthInput, elb.DescribeTargetHealthOutput](awstest.Denied),
		awstest.Refused[ecs.DescribeTaskDefinitionInput, ecs.DescribeTaskDefinitionOutput](awstest.Denied),
		awstest.Refused[codedeploy.ListDeploymentTargetsInput, codedeploy.ListDeploymentTargetsOutput](awstest.Denied),
	)
	st := s.read(t)
	var named []string
	for _, m := range st.Missing {
		what, why, _ := strings.Cut(m, ": ")
		if !strings.Contains(why, "AccessDenied") {
			t.Error(m)
		}
		named = append(named, what)
	}
	if !slices.Equal(named, []string{"the listeners' weights", "the targets' health", "the images", "the deployment"}) {
		t.Errorf("%q", named)
	}
	if st.Parts[0].Weight != nil || st.Routes == nil || st.Deployment == nil || !st.Deployment.Active { // unknown is not 0
		t.Errorf("%+v, %+v", st.Parts[0], st.Deployment)
	}
}

func TestAServiceThatIsGone(t *testing.T) {
	s := newScene(t, byECS)
	s.service.Status = aws.String("INACTIVE")
	if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no service web") {
		t.Error(err)
	}
}

func TestARollingService(t *testing.T) {
	s := newScene(t, byECS)
	s.service.Deployments = []ecstypes.Deployment{
		{Id: aws.String("ecs-svc/1"), Status: aws.String("ACTIVE"), TaskDefinition: aws.String("web:1"), CreatedAt: aws.Time(noon.Add(time.Hour)), RunningCount: 1},
		{Id: aws.String("ecs-svc/2"), Status: aws.String("PRIMARY"), TaskDefinition: aws.String("web:2"), CreatedAt: &noon, RolloutState: ecstypes.DeploymentRolloutStateFailed, RolloutStateReason: aws.String("unwell"), FailedTasks: 3},
	}
	s.service.DeploymentConfiguration = &ecstypes.DeploymentConfiguration{Strategy: ecstypes.DeploymentStrategyRolling}
	s.service.CapacityProviderStrategy = []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT")}}
	// Behind two load balancers, of which the first listener belongs to the other one.
	s.service.LoadBalancers = append(behind("web"), behind("admin")...)
	s.listeners = []elbtypes.Listener{
		{ListenerArn: aws.String("admin"), DefaultActions: forward(map[string]int32{"admin": 1})},
		{ListenerArn: aws.String("redirect"), DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumRedirect}}},
		{ListenerArn: aws.String("web"), DefaultActions: forward(map[string]int32{"web": 3, "another service's": 1})},
	}
	st := s.read(t)
	if st.Strategy != "ROLLING" || st.LaunchType != "FARGATE_SPOT" || len(st.Missing) > 0 || len(st.Routes) != 2 {
		t.Errorf("%+v", st)
	}
	p := st.Parts[0]
	if p.ID != "ecs-svc/2" || p.Weight == nil || *p.Weight != 75 || len(p.Targets) != 3 || p.Failed != 3 || st.Parts[1].Weight != nil || st.Parts[1].Targets != nil {
		t.Errorf("%+v", st.Parts)
	}
	if d := st.Deployment; d.ID != "ecs-svc/2" || d.Active || d.Error != "unwell" {
		t.Errorf("%+v", d)
	}
}

func TestMessagesNewestFirst(t *testing.T) {
	s := ecstypes.Service{Events: []ecstypes.ServiceEvent{
		{Message: aws.String("b"), CreatedAt: aws.Time(noon.Add(time.Second))}, {Message: aws.String("c"), CreatedAt: aws.Time(noon.Add(time.Minute))}, {Message: aws.String("a"), CreatedAt: &noon}, {},
	}}
	for n, want := range map[int]string{0: "", 2: "cb", 10: "cba"} {
		got := ""
		for _, e := range events(s, n) {
			got += e.Message
		}
		if got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestTheScreen(t *testing.T) {
	full, none := 100.0, 0.0
	var b bytes.Buffer
	Print(&term.Streams{Out: &b, Err: &b}, &Status{
		Time: noon, Region: "eu-west-1", Cluster: "shop", Service: "web", State: "ACTIVE", Controller: "CODE_DEPLOY", LaunchType: "FARGATE", Desired: 2, Running: 1, Pending: 1,
		Routes: []subject.Route{{Port: 80, Weights: []subject.Weight{{Name: "blue", Percent: 100}}}, {Port: 81, Test: true}},
		Deployment: &Deployment{
			ID: "d-1", Active: true, Status: "InProgress", Creator: "user", Config: "AllAtOnce", Created: noon.Add(-90 * time.Second), Waits: WaitsTermination, Error: "odd",
			Lifecycle: []Step{{"BeforeInstall", "Skipped", 0}, {"Install", "Succeeded", time.Minute}, {"AllowTraffic", "InProgress", 0}, {"AfterAllowTraffic", "Pending", 0}, {"X", "Failed", 0}},
		},
		Parts: []Part{
			{Role: "PRIMARY", Revision: "arn:…/web:1", Running: 1, Desired: 2, Pending: 1, State: "STABILIZING", Weight: &full, TargetGroup: arnOf("blue"), Images: []Image{{"web", "r/web@sha256:0123456789abcdef0123456789abcdef"}},
				Targets: []Target{{"10.0.0.1:80", "healthy", ""}, {"10.0.0.2:80", "unhealthy", "Target.Timeout"}, {"10.0.0.3:80", "healthy", ""}}},
			{Role: "ACTIVE", Revision: "web:2", State: "FAILED", Reason: "unwell", Failed: 3, Weight: &none},
		},
		Events: []Event{
			{noon.Add(-3 * time.Hour), "(service web, taskSet ecs-svc/1) registered 1 targets in (target-group arn:aws:elasticloadbalancing:r:1:targetgroup/blue/0)"},
			{noon.Add(-3 * time.Hour), "(service web, taskSet ecs-svc/1) registered 1 targets in (target-group arn:aws:elasticloadbalancing:r:1:targetgroup/blue/0)"},
		},
		Missing: []string{"the images: denied"},
	})
	want := `web  cluster shop · eu-west-1 · CODE_DEPLOY · FARGATE
  ● ACTIVE, 1 of 2 tasks running, 1 pending
    traffic on port 80: blue 100 %
    test traffic on port 81: no target group of the service

  ▸ d-1 InProgress for 1m  AllAtOnce · by user
    –BeforeInstall ✓Install 1m0s ▸AllowTraffic ·AfterAllowTraffic ✗X
    waits before the old tasks are ended: turnout continue ends the wait, turnout rollback goes back
    odd

  BAR 100 %  PRIMARY  web:1  ▸ STABILIZING  1/2 tasks, 1 pending
    web          r/web@sha256:0123456789ab…
    blue         2 healthy, 1 unhealthy
      ✗ 10.0.0.2:80 unhealthy  Target.Timeout

  BAR   0 %  ACTIVE   web:2  ✗ FAILED  0/0 tasks, 3 failed
    unwell

    3h ago  registered 1 target in target group blue
  not read: the images: denied
`
	s := &term.Streams{}
	want = strings.Replace(strings.Replace(want, "BAR", s.Bar(100, barWidth), 1), "BAR", s.Bar(0, barWidth), 1)
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestAges(t *testing.T) {
	for want, d := range map[string]time.Duration{"0s": -time.Second, "59s": 59 * time.Second, "1m": 119 * time.Second, "47h": 47*time.Hour + time.Minute, "2d": 48 * time.Hour} {
		if got := Age(d); got != want {
			t.Errorf("%s is %s, want %s", d, got, want)
		}
	}
}
