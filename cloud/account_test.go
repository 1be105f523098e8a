package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud"
)

// account is a cloud that runs nothing, with its root user's clients.
type account struct {
	t   *testing.T
	c   *cloud.Cloud
	cfg aws.Config
	iam *iam.Client
	ecs *ecs.Client
	elb *elb.Client
	cd  *codedeploy.Client
	url string

	blue, green, listener string
}

func newAccount(t *testing.T, change ...func(*cloud.Options)) *account {
	t.Helper()
	o := cloud.Options{Driver: "fake", TimeScale: 1200, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	for _, f := range change {
		f(&o)
	}
	c, err := cloud.Start(t.Context(), o)
	check(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		check(t, c.Stop(ctx))
	})
	return accountOf(t, c)
}

// accountOf is an account in a cloud that runs.
func accountOf(t *testing.T, c *cloud.Cloud) *account {
	r := &account{t: t, c: c, url: c.Endpoint()}
	r.cfg = r.as(c.Credentials())
	r.iam, r.ecs, r.elb, r.cd = iam.NewFromConfig(r.cfg), ecs.NewFromConfig(r.cfg), elb.NewFromConfig(r.cfg), codedeploy.NewFromConfig(r.cfg)
	return r
}

// as is a client's configuration for a key; session is a temporary key's token.
func (r *account) as(id, secret string, session ...string) aws.Config {
	return aws.Config{
		Region: r.c.Region(), BaseEndpoint: aws.String(r.url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, strings.Join(session, "")),
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks an error's code and text.
func wantError(t *testing.T, err error, code, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || api.ErrorMessage() != message {
		t.Errorf("got  %v\nwant %s: %s", err, code, message)
	}
}

// role makes a role that trusts a service, or a principal if it is an ARN, and may do what
// the statements say.
func (r *account) role(name, trusts string, statements ...string) string {
	r.t.Helper()
	kind := "Service"
	if strings.HasPrefix(trusts, "arn:") {
		kind = "AWS"
	}
	out, err := r.iam.CreateRole(r.t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(fmt.Sprintf(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{%q:%q},"Action":"sts:AssumeRole"}}`, kind, trusts))})
	check(r.t, err)
	if len(statements) > 0 {
		r.permit(name, statements...)
	}
	return *out.Role.Arn
}

// permit sets what a role may do.
func (r *account) permit(role string, statements ...string) {
	r.t.Helper()
	_, err := r.iam.PutRolePolicy(r.t.Context(), &iam.PutRolePolicyInput{RoleName: &role, PolicyName: aws.String("p"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)})
	check(r.t, err)
}

func allow(actions ...string) string {
	return `{"Effect":"Allow","Resource":"*","Action":["` + strings.Join(actions, `","`) + `"]}`
}

func deny(actions ...string) string { return strings.Replace(allow(actions...), "Allow", "Deny", 1) }

// stage makes a service that CodeDeploy deploys, behind a load balancer, whose task
// definition has the execution role.
func (r *account) stage(executionRole string) {
	t, ctx := r.t, r.t.Context()
	t.Helper()
	lb := must(r.elb.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String("web"), Subnets: []string{"subnet-0123456789abcdef0", "subnet-0123456789abcdef1"}}))
	for name, arn := range map[string]*string{"blue": &r.blue, "green": &r.green} {
		g := must(r.elb.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{
			Name: &name, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String("vpc-0123456789abcdef0"), TargetType: elbtypes.TargetTypeEnumIp,
		}))
		*arn = *g.TargetGroups[0].TargetGroupArn
	}
	l := must(r.elb.CreateListener(ctx, &elb.CreateListenerInput{
		LoadBalancerArn: lb.LoadBalancers[0].LoadBalancerArn, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80),
		DefaultActions: []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: []elbtypes.TargetGroupTuple{
			{TargetGroupArn: &r.blue, Weight: aws.Int32(100)}, {TargetGroupArn: &r.green, Weight: aws.Int32(0)}, // AllAtOnce finds it in use only so
		}}}},
	}))
	r.listener = *l.Listeners[0].ListenerArn
	must(r.ecs.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("c")}))
	r.define(executionRole)
	must(r.ecs.CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: aws.String("c"), ServiceName: aws.String("s"), TaskDefinition: aws.String("web"), DesiredCount: aws.Int32(1), LaunchType: ecstypes.LaunchTypeFargate,
		DeploymentController: &ecstypes.DeploymentController{Type: ecstypes.DeploymentControllerTypeCodeDeploy},
		LoadBalancers:        []ecstypes.LoadBalancer{{TargetGroupArn: &r.blue, ContainerName: aws.String("web"), ContainerPort: aws.Int32(80)}},
		NetworkConfiguration: network(),
	}))
	must(r.cd.CreateApplication(ctx, &codedeploy.CreateApplicationInput{ApplicationName: aws.String("app"), ComputePlatform: cdtypes.ComputePlatformEcs}))
}

func network() *ecstypes.NetworkConfiguration {
	return &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: []string{"subnet-0123456789abcdef0"}}}
}

// define registers a revision of the task definition web; change may alter its container.
func (r *account) define(executionRole string, change ...func(*ecstypes.ContainerDefinition)) string {
	r.t.Helper()
	c := ecstypes.ContainerDefinition{Name: aws.String("web"), Image: aws.String("nginx"), PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(80)}}}
	for _, f := range change {
		f(&c)
	}
	in := &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("web"), NetworkMode: ecstypes.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []ecstypes.Compatibility{ecstypes.CompatibilityFargate}, ContainerDefinitions: []ecstypes.ContainerDefinition{c},
	}
	if executionRole != "" {
		in.ExecutionRoleArn = &executionRole
	}
	return *must(r.ecs.RegisterTaskDefinition(r.t.Context(), in)).TaskDefinition.TaskDefinitionArn
}

// group makes a deployment group with a service role.
func (r *account) group(name, role string) error {
	_, err := r.cd.CreateDeploymentGroup(r.t.Context(), &codedeploy.CreateDeploymentGroupInput{
		ApplicationName: aws.String("app"), DeploymentGroupName: &name, ServiceRoleArn: &role,
		EcsServices:     []cdtypes.ECSService{{ClusterName: aws.String("c"), ServiceName: aws.String("s")}},
		DeploymentStyle: &cdtypes.DeploymentStyle{DeploymentType: cdtypes.DeploymentTypeBlueGreen, DeploymentOption: cdtypes.DeploymentOptionWithTrafficControl},
		BlueGreenDeploymentConfiguration: &cdtypes.BlueGreenDeploymentConfiguration{
			TerminateBlueInstancesOnDeploymentSuccess: &cdtypes.BlueInstanceTerminationOption{Action: cdtypes.InstanceActionTerminate},
			DeploymentReadyOption:                     &cdtypes.DeploymentReadyOption{ActionOnTimeout: cdtypes.DeploymentReadyActionContinueDeployment},
		},
		LoadBalancerInfo: &cdtypes.LoadBalancerInfo{TargetGroupPairInfoList: []cdtypes.TargetGroupPairInfo{{
			TargetGroups:     []cdtypes.TargetGroupInfo{{Name: aws.String("blue")}, {Name: aws.String("green")}},
			ProdTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{r.listener}},
		}}},
	})
	return err
}

// deploy deploys a task definition and returns the deployment as it ended.
func (r *account) deploy(group, taskDefinition string) cdtypes.DeploymentInfo {
	t, ctx := r.t, r.t.Context()
	t.Helper()
	d := must(r.cd.CreateDeployment(ctx, &codedeploy.CreateDeploymentInput{
		ApplicationName: aws.String("app"), DeploymentGroupName: &group,
		Revision: &cdtypes.RevisionLocation{RevisionType: cdtypes.RevisionLocationTypeAppSpecContent, AppSpecContent: &cdtypes.AppSpecContent{Content: aws.String(
			`{"version":0.0,"Resources":[{"T":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":"` + taskDefinition + `","LoadBalancerInfo":{"ContainerName":"web","ContainerPort":80}}}}]}`)}},
	}))
	for {
		out := must(r.cd.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: d.DeploymentId}))
		if out.DeploymentInfo.CompleteTime != nil {
			return *out.DeploymentInfo
		}
		time.Sleep(5 * time.Millisecond)
	}
}
