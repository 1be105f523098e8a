package survey

import (
	"bytes"
	"encoding/json"
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

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/term"
)

// scene is a service that runs in AWS, which tests change before it is surveyed.
type scene struct {
	*awstest.Cloud
	aws        *awsclient.Clients
	service    ecstypes.Service
	group      cdtypes.DeploymentGroupInfo
	groups     []elbtypes.TargetGroup
	attributes []elbtypes.TargetGroupAttribute
	listeners  []elbtypes.Listener
	rules      map[string][]elbtypes.Rule // by listener
	balancer   elbtypes.LoadBalancer
	image      string
}

func forward(to string) []elbtypes.Action {
	return []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: []elbtypes.TargetGroupTuple{{TargetGroupArn: &to}}}}}
}

func targetGroup(name string) elbtypes.TargetGroup {
	return elbtypes.TargetGroup{
		TargetGroupArn: aws.String("arn of " + name), TargetGroupName: &name, Protocol: elbtypes.ProtocolEnumHttp, VpcId: aws.String("vpc-1"), LoadBalancerArns: []string{"lb"},
		HealthCheckPath: aws.String("/up"), HealthCheckPort: aws.String("traffic-port"), HealthCheckIntervalSeconds: aws.Int32(15), HealthCheckTimeoutSeconds: aws.Int32(4),
		HealthyThresholdCount: aws.Int32(3), UnhealthyThresholdCount: aws.Int32(2), Matcher: &elbtypes.Matcher{HttpCode: aws.String("200-299")},
	}
}

func newScene(t *testing.T) *scene {
	s := &scene{image: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/web:42@sha256:0123", rules: map[string][]elbtypes.Rule{}}
	s.service = ecstypes.Service{
		ServiceName: aws.String("web"), ServiceArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:service/shop/web"), Status: aws.String("ACTIVE"), DesiredCount: 3,
		HealthCheckGracePeriodSeconds: aws.Int32(30), DeploymentController: &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeCodeDeploy},
		TaskSets: []ecstypes.TaskSet{
			{Status: aws.String("ACTIVE"), TaskDefinition: aws.String("web:8"), LaunchType: "EC2"},
			{
				Status: aws.String("PRIMARY"), TaskDefinition: aws.String("web:7"), LaunchType: "FARGATE",
				LoadBalancers:        []ecstypes.LoadBalancer{{TargetGroupArn: aws.String("arn of blue"), ContainerName: aws.String("web"), ContainerPort: aws.Int32(8080)}},
				NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: []string{"subnet-1"}, SecurityGroups: []string{"sg-1"}, AssignPublicIp: "ENABLED"}},
			},
		},
	}
	s.group = cdtypes.DeploymentGroupInfo{
		ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("group"), DeploymentConfigName: aws.String("CodeDeployDefault.ECSAllAtOnce"), ServiceRoleArn: aws.String("arn:aws:iam::1:role/deployer"),
		EcsServices:               []cdtypes.ECSService{{ClusterName: aws.String("shop"), ServiceName: aws.String("web")}},
		AutoRollbackConfiguration: &cdtypes.AutoRollbackConfiguration{Enabled: true, Events: []cdtypes.AutoRollbackEvent{"DEPLOYMENT_FAILURE"}},
		BlueGreenDeploymentConfiguration: &cdtypes.BlueGreenDeploymentConfiguration{
			TerminateBlueInstancesOnDeploymentSuccess: &cdtypes.BlueInstanceTerminationOption{TerminationWaitTimeInMinutes: 20},
			DeploymentReadyOption:                     &cdtypes.DeploymentReadyOption{ActionOnTimeout: cdtypes.DeploymentReadyActionStopDeployment, WaitTimeInMinutes: 60},
		},
		LoadBalancerInfo: &cdtypes.LoadBalancerInfo{TargetGroupPairInfoList: []cdtypes.TargetGroupPairInfo{{
			TargetGroups:     []cdtypes.TargetGroupInfo{{Name: aws.String("blue")}, {Name: aws.String("green")}},
			ProdTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{"prod"}}, TestTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{"test"}},
		}}},
	}
	s.groups = []elbtypes.TargetGroup{targetGroup("green"), targetGroup("blue")} // as AWS likes
	s.attributes = []elbtypes.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("60")}, {Key: aws.String("stickiness.enabled"), Value: aws.String("false")}}
	s.listeners = []elbtypes.Listener{
		{ListenerArn: aws.String("test"), Port: aws.Int32(81), Protocol: elbtypes.ProtocolEnumHttp, LoadBalancerArn: aws.String("lb"), DefaultActions: forward("arn of green")},
		{ListenerArn: aws.String("prod"), Port: aws.Int32(443), Protocol: elbtypes.ProtocolEnumHttps, LoadBalancerArn: aws.String("lb"), DefaultActions: forward("arn of blue"), Certificates: []elbtypes.Certificate{{CertificateArn: aws.String("cert")}}},
	}
	s.balancer = elbtypes.LoadBalancer{LoadBalancerName: aws.String("front"), Type: elbtypes.LoadBalancerTypeEnumApplication, AvailabilityZones: []elbtypes.AvailabilityZone{{SubnetId: aws.String("subnet-9")}}}
	s.aws, s.Cloud = awstest.New(t,
		awstest.On(func(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
			return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{s.service}}, nil
		}),
		awstest.Wire(func(in *ecs.DescribeTaskDefinitionInput) string {
			return `{"taskDefinition":{"taskDefinitionArn":"` + *in.TaskDefinition + `","family":"web","revision":7,"status":"ACTIVE","volumes":[],"quantum":1.50,"containerDefinitions":[{"name":"side","image":"side:1","links":[]},{"name":"web","image":"` + s.image + `","cpu":0,"environment":[]}]}}`
		}),
		awstest.On(func(*codedeploy.GetDeploymentGroupInput) (*codedeploy.GetDeploymentGroupOutput, error) {
			return &codedeploy.GetDeploymentGroupOutput{DeploymentGroupInfo: &s.group}, nil
		}),
		awstest.On(func(in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
			out := &elb.DescribeTargetGroupsOutput{}
			for _, g := range s.groups {
				if slices.Contains(in.Names, *g.TargetGroupName) || slices.Contains(in.TargetGroupArns, *g.TargetGroupArn) {
					out.TargetGroups = append(out.TargetGroups, g)
				}
			}
			return out, nil
		}),
		awstest.On(func(*elb.DescribeTargetGroupAttributesInput) (*elb.DescribeTargetGroupAttributesOutput, error) {
			return &elb.DescribeTargetGroupAttributesOutput{Attributes: s.attributes}, nil
		}),
		awstest.On(func(in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
			out := &elb.DescribeListenersOutput{}
			for _, l := range s.listeners {
				if in.LoadBalancerArn != nil || slices.Contains(in.ListenerArns, *l.ListenerArn) {
					out.Listeners = append(out.Listeners, l)
				}
			}
			return out, nil
		}),
		awstest.On(func(in *elb.DescribeRulesInput) (*elb.DescribeRulesOutput, error) {
			return &elb.DescribeRulesOutput{Rules: append(s.rules[*in.ListenerArn], elbtypes.Rule{IsDefault: aws.Bool(true), Priority: aws.String("default")})}, nil
		}),
		awstest.On(func(*elb.DescribeLoadBalancersInput) (*elb.DescribeLoadBalancersOutput, error) {
			return &elb.DescribeLoadBalancersOutput{LoadBalancers: []elbtypes.LoadBalancer{s.balancer}}, nil
		}))
	return s
}

func (s *scene) read(t *testing.T) *Survey {
	t.Helper()
	var talk bytes.Buffer
	c, err := config.Parse("turnout.yml", []byte("service: web\ncluster: shop\n"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := Read(t.Context(), s.aws, c, term.NewReporter(&term.Streams{Out: &talk, Err: &talk}))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestABlueGreenServiceIsDescribed(t *testing.T) {
	s := newScene(t).read(t)
	in := s.Config.Infrastructure
	if in.DesiredCount != 3 || in.LaunchType != "FARGATE" || in.HealthGrace != 30*time.Second || in.DeregistrationDelay != time.Minute || in.VPC != "vpc-1" ||
		in.TerminationWait != 20*time.Minute || in.ReadyWait != time.Hour || !slices.Equal(in.Rollback, []string{"DEPLOYMENT_FAILURE"}) || in.Roles.CodeDeploy != "deployer" ||
		!slices.Equal(in.TargetGroups, []string{"blue", "green"}) || !slices.Equal(in.Subnets, []string{"subnet-1"}) {
		t.Errorf("%+v", in)
	}
	if want := (config.Health{Path: "/up", Interval: 15 * time.Second, Timeout: 4 * time.Second, Healthy: 3, Unhealthy: 2, Matcher: "200-299"}); in.Health != want {
		t.Errorf("%+v", in.Health)
	}
	if want := (config.LoadBalancer{Name: "front", Port: 443, TestPort: 81}); in.LoadBalancer != want {
		t.Errorf("%+v", in.LoadBalancer)
	}
	if s.Account != "123456789012" || s.Container != "web" || s.Port != 8080 || s.Certificate != "cert" || !s.PublicIP || s.Config.Image.Repository != "team/web" || s.Config.CodeDeploy.Application != "app" || s.Config.Region != awstest.Region {
		t.Errorf("%+v, %+v", s, s.Config)
	}
	if want := []string{"the production listener speaks HTTPS: the local one speaks HTTP on the same port"}; !slices.Equal(s.Notes, want) {
		t.Errorf("%q", s.Notes)
	}
	var got, want any
	if err := json.Unmarshal(s.TaskDefinition, &got); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal([]byte(`{"family":"web","quantum":1.50,"containerDefinitions":[{"name":"side","image":"side:1"},{"name":"web","image":"<IMAGE>","cpu":0}]}`), &want)
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if !bytes.Equal(a, b) || !bytes.Contains(s.TaskDefinition, []byte("1.50")) || !bytes.Contains(s.TaskDefinition, []byte("<IMAGE>")) {
		t.Errorf("%s", s.TaskDefinition)
	}
}

// What a turnout.yml has no words for is noted, never passed over.
func TestWhatCannotBeSaidIsNoted(t *testing.T) {
	for want, set := range map[string]func(*scene){
		"the service is scaled to no tasks": func(s *scene) { s.service.DesiredCount = 0 },
		"capacity provider FARGATE_SPOT": func(s *scene) {
			s.service.TaskSets[1].CapacityProviderStrategy = []ecstypes.CapacityProviderStrategyItem{{CapacityProvider: aws.String("FARGATE_SPOT")}}
		},
		"the image web:1 is not of ECR":                 func(s *scene) { s.image = "web:1" },
		"the deployment configuration Slow is your own": func(s *scene) { s.group.DeploymentConfigName = aws.String("Slow") },
		"2 alarms stop this group's deployments": func(s *scene) {
			s.group.AlarmConfiguration = &cdtypes.AlarmConfiguration{Enabled: true, Alarms: make([]cdtypes.Alarm, 2)}
		},
		"1 notification triggers of the group":                                        func(s *scene) { s.group.TriggerConfigurations = make([]cdtypes.TriggerConfig, 1) },
		"the two target groups differ; the health check and delay of blue were taken": func(s *scene) { s.groups[0].HealthCheckPath = aws.String("/other") },
		"target group blue has the protocol HTTPS":                                    func(s *scene) { s.groups[1].Protocol = elbtypes.ProtocolEnumHttps },
		"target group green is checked on port 9000":                                  func(s *scene) { s.groups[0].HealthCheckPort = aws.String("9000") },
		"target group blue has stickiness.enabled=true":                               func(s *scene) { s.attributes[1].Value = aws.String("true") },
		"the production listener has rules (priorities 10, 20)": func(s *scene) {
			s.rules["prod"] = []elbtypes.Rule{{Priority: aws.String("10")}, {Priority: aws.String("20")}}
		},
		"the load balancer is of the type network": func(s *scene) { s.balancer.Type = elbtypes.LoadBalancerTypeEnumNetwork },
		"the group has 2 production listeners: the first one is described": func(s *scene) {
			s.group.LoadBalancerInfo.TargetGroupPairInfoList[0].ProdTrafficRoute.ListenerArns = []string{"prod", "prod-2"}
		},
		"the group has 2 pairs of target groups": func(s *scene) {
			l := s.group.LoadBalancerInfo
			l.TargetGroupPairInfoList = append(l.TargetGroupPairInfoList, cdtypes.TargetGroupPairInfo{})
		},
		"the service stands behind 2 target groups: the one of web:8080 is described": func(s *scene) {
			s.service.TaskSets[1].LoadBalancers = append(s.service.TaskSets[1].LoadBalancers, ecstypes.LoadBalancer{TargetGroupArn: aws.String("arn of admin")})
		},
		"the service has no load balancer": func(s *scene) {
			s.service.TaskSets[1].LoadBalancers, s.group.LoadBalancerInfo = nil, nil
		},
	} {
		s := newScene(t)
		set(s)
		if notes := s.read(t).Notes; !slices.ContainsFunc(notes, func(n string) bool { return strings.HasPrefix(n, want) }) {
			t.Errorf("%q, want %q", notes, want)
		}
	}
}

// A rolling service is reached by the listener that forwards to it, by its default action
// or by a rule: load balancers are shared.
func TestTheListenerOfARollingService(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*scene)
		port int
		note string
	}{
		"by its default action": {func(*scene) {}, 443, ""},
		"by a rule": {func(s *scene) {
			s.listeners[1].DefaultActions = forward("arn of another")
			s.listeners = append(s.listeners, elbtypes.Listener{ListenerArn: aws.String("shared"), Port: aws.Int32(8443), Protocol: elbtypes.ProtocolEnumHttp, DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumFixedResponse}}})
			s.rules["shared"] = []elbtypes.Rule{{Priority: aws.String("1"), Actions: forward("arn of another")}, {Priority: aws.String("2"), Actions: []elbtypes.Action{{TargetGroupArn: aws.String("arn of blue")}}}}
		}, 8443, "the production listener has rules (priorities 1, 2)"},
		"by none":                 {func(s *scene) { s.listeners = s.listeners[:1] }, 80, "no listener of the load balancer forwards to the target group"},
		"without a load balancer": {func(s *scene) { s.groups[1].LoadBalancerArns = nil }, 80, "the target group stands behind no load balancer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.service.DeploymentController, s.service.TaskDefinition = nil, aws.String("web:7")
			s.service.LoadBalancers, s.service.LaunchType = s.service.TaskSets[1].LoadBalancers, "FARGATE"
			s.service.TaskSets = nil
			c.set(s)
			out := s.read(t)
			if got := out.Config.Infrastructure.LoadBalancer.Port; got != c.port {
				t.Errorf("port %d, want %d", got, c.port)
			}
			if !slices.ContainsFunc(out.Notes, func(n string) bool { return strings.HasPrefix(n, "the service is rolling") }) || c.note != "" && !slices.ContainsFunc(out.Notes, func(n string) bool { return strings.HasPrefix(n, c.note) }) {
				t.Errorf("%q, want %q", out.Notes, c.note)
			}
		})
	}
}

func TestRepositories(t *testing.T) {
	for image, want := range map[string]string{
		"1.dkr.ecr.eu-west-1.amazonaws.com/web":                   "web",
		"1.dkr.ecr.eu-west-1.amazonaws.com/team/web:1":            "team/web",
		"1.dkr.ecr.eu-west-1.amazonaws.com/team/web:1@sha256:0":   "team/web",
		"1.dkr.ecr-fips.us-gov-west-1.amazonaws.com/web@sha256:0": "web",
		"1.dkr-ecr.eu-west-1.on.aws/web:1":                        "web",
		"1.dkr.ecr.cn-north-1.amazonaws.com.cn/web:1":             "web",
		"web:1":                      "",
		"public.ecr.aws/nginx/nginx": "",
	} {
		if got, ok := repositoryOf(image); got != want || ok != (want != "") {
			t.Errorf("%s: %q", image, got)
		}
	}
}
