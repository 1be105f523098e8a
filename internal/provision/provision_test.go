package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
)

const (
	definitionText = `{"family":"web","executionRoleArn":"arn:aws:iam::1:role/team/exec","containerDefinitions":[{"name":"web","image":"w","logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"/ecs/web"}}},{"name":"side","image":"s","logConfiguration":{"logDriver":"awslogs","options":{"awslogs-group":"/ecs/web"}}},{"name":"far","image":"s","logConfiguration":{"logDriver":"splunk"}}]}`
	specText       = `{"version":0.0,"Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":"<TASK_DEFINITION>","LoadBalancerInfo":{"ContainerName":"web","ContainerPort":8080}}}}]}`
)

// newProvisioner is one of the service web in cluster shop, and what it has told.
func newProvisioner(t *testing.T, answers ...awstest.Answer) (*Provisioner, *awstest.Cloud, *[]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"taskdef.json": definitionText, "appspec.json": specText} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Parse(filepath.Join(dir, "turnout.yml"), []byte("service: web\ncluster: shop\ninfrastructure:\n  subnets: [subnet-1, subnet-2]\n  vpc: vpc-1\n  load_balancer:\n    test_port: 81\n"))
	if err != nil {
		t.Fatal(err)
	}
	c.Dir, c.TaskDef, c.AppSpec = dir, "taskdef.json", "appspec.json"
	var told []string
	p := &Provisioner{Config: c, Tell: func(kind, name string, made bool) { told = append(told, fmt.Sprintf("%s %s %v", kind, name, made)) }}
	var cloud *awstest.Cloud
	p.AWS, cloud = awstest.New(t, answers...)
	return p, cloud, &told
}

// world is an account in which provisioning has made nothing yet, or everything.
type world struct {
	roles     map[string]*iamtypes.Role
	policies  map[string][]string // attached and inline ones, by role
	balancer  elbtypes.LoadBalancerStateEnum
	began     time.Time         // when the load balancer was made
	groups    map[string]string // ARNs by name
	listeners map[int32]elbtypes.Listener
	delay     string
	cluster   string // status
}

func newWorld() *world {
	return &world{roles: map[string]*iamtypes.Role{}, policies: map[string][]string{}, groups: map[string]string{}, listeners: map[int32]elbtypes.Listener{}}
}

func (w *world) answers() []awstest.Answer {
	return []awstest.Answer{
		awstest.Always[ecr.CreateRepositoryInput](&ecr.CreateRepositoryOutput{}),
		awstest.Always[cloudwatchlogs.CreateLogGroupInput](&cloudwatchlogs.CreateLogGroupOutput{}),
		awstest.On(func(in *iam.GetRoleInput) (*iam.GetRoleOutput, error) {
			if r := w.roles[*in.RoleName]; r != nil {
				return &iam.GetRoleOutput{Role: r}, nil
			}
			return nil, &iamtypes.NoSuchEntityException{}
		}),
		awstest.On(func(in *iam.CreateRoleInput) (*iam.CreateRoleOutput, error) {
			r := &iamtypes.Role{RoleName: in.RoleName, Arn: aws.String("arn:aws:iam::1:role" + cmp.Or(aws.ToString(in.Path), "/") + *in.RoleName), Tags: in.Tags}
			w.roles[*in.RoleName] = r
			return &iam.CreateRoleOutput{Role: r}, nil
		}),
		awstest.On(func(in *iam.AttachRolePolicyInput) (*iam.AttachRolePolicyOutput, error) {
			w.policies[*in.RoleName] = append(w.policies[*in.RoleName], *in.PolicyArn)
			return &iam.AttachRolePolicyOutput{}, nil
		}),
		awstest.On(func(in *iam.PutRolePolicyInput) (*iam.PutRolePolicyOutput, error) {
			w.policies[*in.RoleName] = append(w.policies[*in.RoleName], *in.PolicyName)
			return &iam.PutRolePolicyOutput{}, nil
		}),
		awstest.On(func(in *iam.ListAttachedRolePoliciesInput) (*iam.ListAttachedRolePoliciesOutput, error) {
			out := &iam.ListAttachedRolePoliciesOutput{}
			for _, p := range w.policies[*in.RoleName] {
				if strings.HasPrefix(p, "arn:") {
					out.AttachedPolicies = append(out.AttachedPolicies, iamtypes.AttachedPolicy{PolicyArn: &p})
				}
			}
			return out, nil
		}),
		awstest.On(func(in *ecs.DescribeClustersInput) (*ecs.DescribeClustersOutput, error) {
			out := &ecs.DescribeClustersOutput{}
			if w.cluster != "" {
				out.Clusters = []ecstypes.Cluster{{Status: &w.cluster}}
			}
			return out, nil
		}),
		awstest.On(func(in *ecs.CreateClusterInput) (*ecs.CreateClusterOutput, error) {
			w.cluster = "ACTIVE"
			return &ecs.CreateClusterOutput{}, nil
		}),
		awstest.On(func(in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
			arn := w.groups[in.Names[0]]
			if arn == "" {
				return nil, &elbtypes.TargetGroupNotFoundException{}
			}
			return &elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{{TargetGroupArn: &arn}}}, nil
		}),
		awstest.On(func(in *elb.CreateTargetGroupInput) (*elb.CreateTargetGroupOutput, error) {
			if *in.VpcId != "vpc-1" || *in.Port != 8080 {
				return nil, errors.New("no such VPC")
			}
			w.groups[*in.Name] = "arn of " + *in.Name
			return &elb.CreateTargetGroupOutput{TargetGroups: []elbtypes.TargetGroup{{TargetGroupArn: aws.String(w.groups[*in.Name])}}}, nil
		}),
		awstest.On(func(in *elb.ModifyTargetGroupAttributesInput) (*elb.ModifyTargetGroupAttributesOutput, error) {
			w.delay += *in.Attributes[0].Value + " "
			return &elb.ModifyTargetGroupAttributesOutput{}, nil
		}),
		awstest.On(func(in *elb.DescribeLoadBalancersInput) (*elb.DescribeLoadBalancersOutput, error) {
			if w.balancer == "" {
				return nil, &elbtypes.LoadBalancerNotFoundException{}
			}
			if time.Since(w.began) > 2*time.Minute {
				w.balancer = elbtypes.LoadBalancerStateEnumActive
			}
			return &elb.DescribeLoadBalancersOutput{LoadBalancers: []elbtypes.LoadBalancer{{LoadBalancerArn: aws.String("lb"), State: &elbtypes.LoadBalancerState{Code: w.balancer}}}}, nil
		}),
		awstest.On(func(in *elb.CreateLoadBalancerInput) (*elb.CreateLoadBalancerOutput, error) {
			w.balancer, w.began = elbtypes.LoadBalancerStateEnumProvisioning, time.Now()
			return &elb.CreateLoadBalancerOutput{LoadBalancers: []elbtypes.LoadBalancer{{LoadBalancerArn: aws.String("lb")}}}, nil
		}),
		awstest.On(func(in *elb.DescribeListenersInput) (*elb.DescribeListenersOutput, error) {
			out := &elb.DescribeListenersOutput{}
			for _, l := range w.listeners {
				out.Listeners = append(out.Listeners, l)
			}
			return out, nil
		}),
		awstest.On(func(in *elb.CreateListenerInput) (*elb.CreateListenerOutput, error) {
			l := elbtypes.Listener{ListenerArn: aws.String(fmt.Sprintf("listener %d", *in.Port)), Port: in.Port, DefaultActions: in.DefaultActions}
			w.listeners[*in.Port] = l
			return &elb.CreateListenerOutput{Listeners: []elbtypes.Listener{l}}, nil
		}),
	}
}

func TestTheBaseIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p, cloud, told := newProvisioner(t, w.answers()...)
		if err := p.Base(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []string{
			"repository web true", "role exec true", "role web-codedeploy true", "log group /ecs/web true", "cluster shop true",
			"target group web-blue true", "target group web-green true", "load balancer web true", "listener web:80 true", "listener web:81 true",
		}
		if !slices.Equal(*told, want) {
			t.Errorf("%q", *told)
		}
		if w.balancer != elbtypes.LoadBalancerStateEnumActive || p.deployRole != "arn:aws:iam::1:role/web-codedeploy" || *w.roles["exec"].Arn != "arn:aws:iam::1:role/team/exec" || w.delay != "300 300 " {
			t.Errorf("%+v, %+v", w, p)
		}
		if to := w.listeners[80].DefaultActions[0].ForwardConfig.TargetGroups; *to[0].Weight != 100 || *to[1].Weight != 0 || *to[1].TargetGroupArn != "arn of web-green" {
			t.Errorf("%+v", to)
		}
		before := len(cloud.Calls())
		if err := p.Base(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, call := range cloud.Calls()[before:] { // the two that say themselves that a thing exists
			if !strings.HasPrefix(call, "Describe") && !strings.HasPrefix(call, "Get") && !strings.HasPrefix(call, "List") && call != "CreateRepository" && call != "CreateLogGroup" {
				t.Errorf("the second time %s was called", call)
			}
		}
	})
}

// A run that was interrupted between a role and its policies is finished by the next one; a
// role of somebody else's, or one that was given other policies, stays as it is.
func TestARoleThatWasLeftUnfinished(t *testing.T) {
	ours := []iamtypes.Tag{{Key: aws.String(ownerTag), Value: aws.String("shop/web")}}
	for name, c := range map[string]struct {
		tags     []iamtypes.Tag
		policies []string
		want     []string
	}{
		"ours, without any":      {ours, nil, []string{"turnout", deployPolicy}},
		"ours, with one of two":  {ours, []string{"turnout"}, []string{"turnout", "turnout", deployPolicy}},
		"ours, whole":            {ours, []string{"turnout", deployPolicy}, []string{"turnout", deployPolicy}},
		"ours, with another one": {ours, []string{"arn:own"}, []string{"arn:own"}},
		"somebody else's":        {nil, nil, nil},
		"another service's":      {[]iamtypes.Tag{{Key: aws.String(ownerTag), Value: aws.String("shop/api")}}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			p, _, _ := newProvisioner(t, w.answers()...)
			w.roles["web-codedeploy"] = &iamtypes.Role{Arn: aws.String("arn"), Tags: c.tags}
			w.policies["web-codedeploy"] = c.policies
			if err := p.roles(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := w.policies["web-codedeploy"]; !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestANetworkIsNeededOnAWS(t *testing.T) {
	w := newWorld()
	p, _, _ := newProvisioner(t, w.answers()...)
	p.Config.Infrastructure.VPC = ""
	err := p.Base(t.Context())
	if fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), "no VPC is configured for target group web-blue") {
		t.Error(err)
	}
	w.groups = map[string]string{"web-blue": "b", "web-green": "g"} // they stand: nobody asks for it
	if err := p.targetGroups(t.Context()); err != nil {
		t.Error(err)
	}
	p.Config.Infrastructure.Subnets = nil
	if err := p.Base(t.Context()); fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), "no subnets are configured") {
		t.Error(err)
	}
}

func TestRolesByNameOrARN(t *testing.T) {
	for ref, want := range map[string]string{
		"": "default ", "exec": "exec ", "team/exec": "exec team/", "arn:aws:iam::1:role/exec": "exec ", "arn:aws:iam::1:role/a/b/exec": "exec a/b/", "arn:aws:iam::1:user/ann": "error",
	} {
		r := role{name: "default"}
		got := "error"
		if err := r.named(&ref); err == nil {
			got = r.name + " " + r.path
		}
		if got != want {
			t.Errorf("%q: %q, want %q", ref, got, want)
		}
	}
}

func TestWhatAnExecutionRoleNeeds(t *testing.T) {
	secret := func(from string) ecstypes.Secret { return ecstypes.Secret{ValueFrom: &from} }
	got := needs(ecstypes.TaskDefinition{ContainerDefinitions: []ecstypes.ContainerDefinition{
		{
			Secrets: []ecstypes.Secret{
				secret("/web/key"), secret("plain"), secret("arn:aws:ssm:r:1:parameter/p"),
				secret("arn:aws:secretsmanager:r:1:secret:db-AbCdEf:password::"), secret("arn:aws:secretsmanager:r:1:secret:db"),
			},
			EnvironmentFiles: []ecstypes.EnvironmentFile{{Value: aws.String("arn:aws:s3:::b/e.env")}},
		},
		{LogConfiguration: &ecstypes.LogConfiguration{Options: map[string]string{"awslogs-group": "/g", "awslogs-create-group": "true"}}},
	}})
	want := []statement{
		allow([]string{"arn:*:ssm:*:*:parameter/web/key", "arn:*:ssm:*:*:parameter/plain", "arn:aws:ssm:r:1:parameter/p"}, "ssm:GetParameters"),
		allow([]string{"arn:aws:secretsmanager:r:1:secret:db-AbCdEf*", "arn:aws:secretsmanager:r:1:secret:db*"}, "secretsmanager:GetSecretValue"),
		allow([]string{"arn:aws:s3:::b/e.env"}, "s3:GetObject"), allow([]string{"arn:*:logs:*:*:log-group:/g:*"}, "logs:CreateLogGroup"),
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	if needs(ecstypes.TaskDefinition{}) != nil {
		t.Error("it needs nothing")
	}
}

// A new role is not known everywhere at once; that one refusal is waited out.
func TestADeploymentGroupWaitsForItsRole(t *testing.T) {
	for name, c := range map[string]struct {
		refusals int
		err      error
		want     string
	}{
		"at once": {0, nil, ""}, "after a while": {5, &cdtypes.InvalidRoleException{}, ""}, "never": {99, &cdtypes.InvalidRoleException{}, "InvalidRole"},
		"it stands": {99, &cdtypes.DeploymentGroupAlreadyExistsException{}, ""}, "it is refused": {99, awstest.Denied, "AccessDenied"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, cloud, _ := newProvisioner(t)
				cloud.Set(awstest.On(func(in *codedeploy.CreateDeploymentGroupInput) (*codedeploy.CreateDeploymentGroupOutput, error) {
					if cloud.Count("CreateDeploymentGroup") <= c.refusals {
						return nil, c.err
					}
					return &codedeploy.CreateDeploymentGroupOutput{}, nil
				}))
				if err := p.group(t.Context()); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Error(err)
				}
				if n := cloud.Count("CreateDeploymentGroup"); c.want == "AccessDenied" && n != 1 || n > 7 {
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
}

func TestTheDeploymentGroupSaysWhatTheConfigurationSays(t *testing.T) {
	p, _, _ := newProvisioner(t)
	p.listener, p.testListener = "prod", "test"
	p.Config.Infrastructure.ReadyWait, p.Config.Infrastructure.TerminationWait, p.Config.Infrastructure.Rollback = time.Hour, 90*time.Minute, nil
	in := p.groupInput()
	bg, pair := in.BlueGreenDeploymentConfiguration, in.LoadBalancerInfo.TargetGroupPairInfoList[0]
	if bg.DeploymentReadyOption.ActionOnTimeout != cdtypes.DeploymentReadyActionStopDeployment || bg.DeploymentReadyOption.WaitTimeInMinutes != 60 ||
		bg.TerminateBlueInstancesOnDeploymentSuccess.TerminationWaitTimeInMinutes != 90 || in.AutoRollbackConfiguration.Enabled || pair.TestTrafficRoute.ListenerArns[0] != "test" || *pair.TargetGroups[1].Name != "web-green" {
		t.Errorf("%+v, %+v", bg, pair)
	}
	p.testListener, p.Config.Infrastructure.ReadyWait, p.Config.Infrastructure.Rollback = "", 0, []string{"DEPLOYMENT_FAILURE"}
	in = p.groupInput()
	if in.LoadBalancerInfo.TargetGroupPairInfoList[0].TestTrafficRoute != nil || in.BlueGreenDeploymentConfiguration.DeploymentReadyOption.ActionOnTimeout != cdtypes.DeploymentReadyActionContinueDeployment || !in.AutoRollbackConfiguration.Enabled {
		t.Errorf("%+v", in)
	}
}

func TestAServiceBecomesSteady(t *testing.T) {
	steady := ecstypes.TaskSet{Status: aws.String("PRIMARY"), StabilityStatus: ecstypes.StabilityStatusSteadyState}
	for name, c := range map[string]struct {
		steadyAfter time.Duration
		stopped     int
		revision    string // of the stopped ones
		words       string
		code        int
	}{
		"in the end":            {5 * time.Minute, 0, "", "", 0},
		"never":                 {time.Hour, 0, "", "service web did not become steady: unwell", fault.TimedOut},
		"its tasks keep ending": {time.Hour, 3, "web:1", "the service's tasks keep ending", fault.Deployment},
		"two tasks ended once":  {5 * time.Minute, 2, "web:1", "", 0},
		"an earlier revision's": {5 * time.Minute, 3, "web:0", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				p, _, _ := newProvisioner(t,
					awstest.On(func(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
						s := ecstypes.Service{Status: aws.String("ACTIVE"), Events: []ecstypes.ServiceEvent{{Message: aws.String("unwell")}}}
						if time.Since(began) > c.steadyAfter {
							s.TaskSets = []ecstypes.TaskSet{steady}
						}
						return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{s}}, nil
					}),
					awstest.On(func(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
						out := &ecs.ListTasksOutput{}
						for n := range c.stopped {
							out.TaskArns = append(out.TaskArns, fmt.Sprintf("task/%d", n))
						}
						return out, nil
					}),
					awstest.On(func(in *ecs.DescribeTasksInput) (*ecs.DescribeTasksOutput, error) {
						out := &ecs.DescribeTasksOutput{}
						for _, id := range in.Tasks {
							out.Tasks = append(out.Tasks, ecstypes.Task{TaskArn: &id, TaskDefinitionArn: &c.revision, LastStatus: aws.String("STOPPED"), StoppedReason: aws.String("no"), CreatedAt: &began})
						}
						return out, nil
					}),
					awstest.On(func(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
						return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{}}, nil
					}),
				)
				err := p.steady(t.Context(), "web:1")
				if fault.Code(err) != c.code || (err == nil) != (c.words == "") || err != nil && err.Error() != c.words {
					t.Errorf("%v after %s", err, time.Since(began))
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		p, _, _ := newProvisioner(t, awstest.Always[ecs.DescribeServicesInput](&ecs.DescribeServicesOutput{}), awstest.Always[ecs.ListTasksInput](&ecs.ListTasksOutput{}))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		if err := p.steady(ctx, "web:1"); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}
