package cloud_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

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
// as it does on AWS, and the keys stand in no variable.
func TestWhatTasksReach(t *testing.T) {
	r := started(t, cloud.Options{Driver: "native"})
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
