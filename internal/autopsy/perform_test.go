package autopsy

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
)

const (
	revision = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2"
	function = "arn:aws:lambda:eu-west-1:123456789012:function:check:live"
	document = `{"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": "` + revision + `",
		"LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}], "Hooks": [{"BeforeAllowTraffic": "` + function + `"}]}`
	scaled = "Scaling activity initiated by (deployment ecs-svc/2)"
)

// green is a task of the new revision.
func green(id, status, reason string) ecstypes.Task {
	return ecstypes.Task{
		TaskArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:task/c/" + id), TaskDefinitionArn: aws.String(revision), StartedBy: aws.String("ecs-svc/2"),
		LastStatus: &status, StoppedReason: &reason, Containers: []ecstypes.Container{{Name: aws.String("web")}},
	}
}

// perform has AWS tell of a deployment whose event failed for this reason, and of tasks.
func perform(t *testing.T, event, code, message string, tasks ...ecstypes.Task) *Report {
	t.Helper()
	began := time.Now()
	blue := cdtypes.ECSTaskSet{Identifer: aws.String("ecs-svc/1"), TaskSetLabel: cdtypes.TargetLabelBlue}
	set := cdtypes.ECSTaskSet{Identifer: aws.String("ecs-svc/2"), TaskSetLabel: cdtypes.TargetLabelGreen, TargetGroup: &cdtypes.TargetGroupInfo{Name: aws.String("g")}}
	sick := func(set string) ecstypes.ServiceEvent {
		return ecstypes.ServiceEvent{CreatedAt: &began, Message: aws.String("(service web, taskSet " + set + ") (port 80) is unhealthy in (target-group arn:aws:elasticloadbalancing:r:1:targetgroup/g/5)")}
	}
	clients, _ := awstest.New(
		t,
		awstest.Always[codedeploy.GetDeploymentInput](&codedeploy.GetDeploymentOutput{DeploymentInfo: &cdtypes.DeploymentInfo{
			Status: cdtypes.DeploymentStatusFailed, CreateTime: &began, ApplicationName: aws.String("app"),
			ErrorInformation: &cdtypes.ErrorInformation{Code: cdtypes.ErrorCode(code), Message: &message},
			Revision:         &cdtypes.RevisionLocation{AppSpecContent: &cdtypes.AppSpecContent{Sha256: aws.String("5")}},
		}}),
		awstest.Always[codedeploy.GetApplicationRevisionInput](&codedeploy.GetApplicationRevisionOutput{Revision: &cdtypes.RevisionLocation{
			AppSpecContent: &cdtypes.AppSpecContent{Content: aws.String(document)},
		}}),
		awstest.Always[codedeploy.GetDeploymentTargetInput](&codedeploy.GetDeploymentTargetOutput{DeploymentTarget: &cdtypes.DeploymentTarget{EcsTarget: &cdtypes.ECSTarget{
			TaskSetsInfo:    []cdtypes.ECSTaskSet{blue, set},
			LifecycleEvents: []cdtypes.LifecycleEvent{{LifecycleEventName: &event, Status: cdtypes.LifecycleEventStatusFailed, Diagnostics: &cdtypes.Diagnostics{Message: &message}}},
		}}}),
		awstest.On(func(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
			if in.DesiredStatus == ecstypes.DesiredStatusRunning {
				return &ecs.ListTasksOutput{}, nil
			}
			return &ecs.ListTasksOutput{TaskArns: []string{"all"}}, nil
		}),
		awstest.Always[ecs.DescribeTasksInput](&ecs.DescribeTasksOutput{Tasks: tasks}),
		awstest.Always[ecs.DescribeTaskDefinitionInput](&ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("web")}}}}),
		awstest.Always[ecs.DescribeServicesInput](&ecs.DescribeServicesOutput{Services: []ecstypes.Service{{Events: []ecstypes.ServiceEvent{sick("ecs-svc/2"), sick("ecs-svc/1")}}}}),
		awstest.Always[elb.DescribeTargetGroupsInput](&elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{{TargetGroupArn: aws.String("a:targetgroup/g/5"), HealthCheckPath: aws.String("/ping")}}}),
		awstest.Always[elb.DescribeTargetHealthInput](&elb.DescribeTargetHealthOutput{}),
		awstest.On(func(in *cloudwatchlogs.FilterLogEventsInput) (*cloudwatchlogs.FilterLogEventsOutput, error) {
			if *in.LogGroupName != "/aws/lambda/check" || *in.StartTime != began.UnixMilli() {
				t.Errorf("asked for the log %s since %d", *in.LogGroupName, *in.StartTime)
			}
			var out []logstypes.FilteredLogEvent
			for _, m := range []string{"START RequestId: 1", "the green side answers 500\n", "END RequestId: 1", "REPORT RequestId: 1"} {
				out = append(out, logstypes.FilteredLogEvent{Message: &m})
			}
			return &cloudwatchlogs.FilterLogEventsOutput{Events: out}, nil
		}),
	)
	return Perform(t.Context(), clients, Subject{DeploymentID: "d-1", Cluster: "c", Service: "web", TaskDefinition: revision})
}

// A hook that refused is named, with what it wrote; the tasks that ran well are not the cause.
func TestTheHookThatRefused(t *testing.T) {
	const message = "The deployment failed because one or more of the lifecycle event validation functions failed."
	got := perform(t, "BeforeAllowTraffic", "HOOK_EXECUTION_FAILURE", message, green("0123456789", "STOPPED", scaled), green("1123456789", "STOPPING", scaled)).String()
	const want = `Why deployment d-1 failed
  failed at    BeforeAllowTraffic: HOOK_EXECUTION_FAILURE: ` + message + `
  hook         check; the end of its log:
               │ the green side answers 500
  task         01234567 ended with the deployment (and another one like it)
  container    web; its log: no logConfiguration with the awslogs driver, so no log can be shown
  service      (port 80) is unhealthy in target group g
  likely fix   The hook function check did not report Succeeded in time: its log above says why.
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Tasks that ended with the deployment are left out where others ended before, and where
// the deployment was stopped by hand.
func TestTasksThatRanWellAreNotTheCause(t *testing.T) {
	died, well := green("0123456789", "STOPPED", "Essential container in task exited"), green("1123456789", "STOPPED", scaled)
	if r := perform(t, "Install", "TIMEOUT", "timed out", well, died); len(r.Tasks) != 1 || !strings.HasPrefix(r.Tasks[0].ID, "0") || r.Hook != nil {
		t.Errorf("%+v", r)
	}
	if r := perform(t, "AllowTraffic", "MANUAL_STOP", "by hand", well); len(r.Tasks) != 0 {
		t.Errorf("%+v", r.Tasks)
	}
}
