package cloud_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud"
)

// told runs a task of a definition to its end and returns what it logged.
func (r *rig) told(in *ecs.RegisterTaskDefinitionInput) (task, lines string) {
	r.Helper()
	client, logs := ecs.NewFromConfig(r.cfg), cloudwatchlogs.NewFromConfig(r.cfg)
	td := must(client.RegisterTaskDefinition(r.Context(), in)).TaskDefinition
	out := must(client.RunTask(r.Context(), &ecs.RunTaskInput{
		Cluster: aws.String("demo"), TaskDefinition: td.TaskDefinitionArn, LaunchType: types.LaunchTypeFargate,
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-0123456789abcdef0"}}},
	}))
	task = *out.Tasks[0].TaskArn
	r.until("the task stops", func() bool {
		return *must(client.DescribeTasks(r.Context(), &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: []string{task}})).Tasks[0].LastStatus == "STOPPED"
	})
	events := must(logs.FilterLogEvents(r.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/ecs/whoami"), LogStreamNamePrefix: aws.String("ecs/app/" + task[strings.LastIndexByte(task, '/')+1:])}))
	for _, e := range events.Events {
		lines += *e.Message + "\n"
	}
	return task, lines
}

// A program in a task finds its metadata, the cloud's API and the keys of its task role
// as it does on AWS, and the keys stand in no variable. What the cloud has beside AWS is
// closed to it.
func TestWhatTasksReach(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"native", "docker"} {
		t.Run(driver, func(t *testing.T) { whatTasksReach(t, driver) })
	}
}

func whatTasksReach(t *testing.T, driver string) {
	r := started(t, cloud.Options{Driver: driver, TLSAddr: "127.0.0.1:0"})
	image := r.image("whoami", compiled(t, "testdata/whoami"))
	execution := r.makeRole("execution", "ecs-tasks.amazonaws.com", "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
	role := r.makeRole("app", "ecs-tasks.amazonaws.com", "arn:aws:iam::aws:policy/ReadOnlyAccess")
	must(cloudwatchlogs.NewFromConfig(r.cfg).CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/ecs/whoami")}))
	must(ecs.NewFromConfig(r.cfg).CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("demo")}))
	definition := &ecs.RegisterTaskDefinitionInput{
		Family: aws.String("whoami"), NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		RequiresCompatibilities: []types.Compatibility{types.CompatibilityFargate}, ExecutionRoleArn: &execution, TaskRoleArn: &role,
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("app"), Image: &image, LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
				"awslogs-group": "/ecs/whoami", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs",
			}},
		}},
	}
	task, lines := r.told(definition)
	for _, want := range []string{
		"task " + task + " of family whoami in cluster demo, 1 containers",
		"I am arn:aws:sts::123456789012:assumed-role/app/" + task[strings.LastIndexByte(task, '/')+1:],
		"AWS_ENDPOINT_URL=" + r.Endpoint(),
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("the task does not say %q:\n%s", want, lines)
		}
	}
	for _, base := range []string{r.Endpoint(), "https://sts.us-east-1.amazonaws.com"} {
		refused := 0
		for line := range strings.Lines(lines) {
			if strings.Contains(line, base+"/") && strings.Contains(line, ": 403 a task or function reaches AWS's APIs, the registry and its own metadata") {
				refused++
			}
		}
		if refused != 8 || !strings.Contains(lines, "GET "+base+"/_turnout/elb/keys/none: 404") {
			t.Errorf("%d of 8 doors are closed at %s, and load balancers' keys are open:\n%s", refused, base, lines)
		}
	}
	if strings.Contains(lines, "AWS_SECRET_ACCESS_KEY") {
		t.Errorf("keys stand in the environment:\n%s", lines)
	}

	definition.TaskRoleArn = nil
	if _, lines := r.told(definition); !strings.Contains(lines, "nobody: ") || strings.Contains(lines, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
		t.Errorf("without a role:\n%s", lines)
	}
	foreign := r.makeRole("foreign", "lambda.amazonaws.com", "arn:aws:iam::aws:policy/ReadOnlyAccess")
	definition.TaskRoleArn = &foreign
	td := must(ecs.NewFromConfig(r.cfg).RegisterTaskDefinition(t.Context(), definition)).TaskDefinition
	_, err := ecs.NewFromConfig(r.cfg).RunTask(t.Context(), &ecs.RunTaskInput{
		Cluster: aws.String("demo"), TaskDefinition: td.TaskDefinitionArn, LaunchType: types.LaunchTypeFargate,
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-0123456789abcdef0"}}},
	})
	if err == nil || !strings.Contains(err.Error(), "ECS was unable to assume the role") {
		t.Errorf("a role that does not trust ECS: %v", err)
	}
}

// A load balancer is no way around: the cloud is not one of its targets.
func TestTheCloudIsNoTarget(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake", TLSAddr: "127.0.0.1:0", TimeScale: 100})
	w := r.web("way", elbtypes.ProtocolEnumHttp, mirror())
	for _, endpoint := range []string{r.Endpoint(), r.TLSEndpoint()} {
		at := netip.MustParseAddrPort(endpoint[strings.LastIndexByte(endpoint, '/')+1:])
		group := must(w.CreateTargetGroup(t.Context(), &elb.CreateTargetGroupInput{
			Name: aws.String(fmt.Sprint("cloud-", at.Port())), Protocol: elbtypes.ProtocolEnum(strings.ToUpper(endpoint[:strings.IndexByte(endpoint, ':')])),
			Port: aws.Int32(80), VpcId: aws.String("vpc-1"), TargetType: elbtypes.TargetTypeEnumIp,
		})).TargetGroups[0].TargetGroupArn
		must(w.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: group, Targets: []elbtypes.TargetDescription{
			{Id: aws.String(at.Addr().String()), Port: aws.Int32(int32(at.Port()))},
		}}))
		must(w.ModifyListener(t.Context(), &elb.ModifyListenerInput{ListenerArn: &w.listener, DefaultActions: forwardTo(*group)}))
		if res, body := w.fetch("GET", "/_turnout/calls", nil); res.StatusCode != http.StatusBadGateway {
			t.Errorf("%s by a load balancer: %d %s", endpoint, res.StatusCode, body)
		}
	}
}
