package cloud_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

const (
	byCodeDeploy = "codedeploy.amazonaws.com"
	byTasks      = "ecs-tasks.amazonaws.com"
)

// all that AWSCodeDeployRoleForECS allows and these stories need, apart from iam:PassRole.
var shift = allow("ecs:DescribeServices", "ecs:CreateTaskSet", "ecs:UpdateServicePrimaryTaskSet", "ecs:DeleteTaskSet", "elasticloadbalancing:*")

// CodeDeploy does not make a deployment group whose role it cannot use.
func TestDeploymentGroupNeedsItsRole(t *testing.T) {
	r := newAccount(t)
	r.stage(r.role("exec", byTasks, allow("*")))
	const assume = "AWS CodeDeploy does not have the permissions required to assume the role arn:aws:iam::123456789012:role/"
	wantError(t, r.group("g", "arn:aws:iam::123456789012:role/nobody"), "InvalidRoleException", assume+"nobody.")
	wantError(t, r.group("g", r.role("mistrust", byTasks, allow("*"))), "InvalidRoleException", assume+"mistrust.")
	role := r.role("blind", byCodeDeploy, allow("elasticloadbalancing:*"))
	err := r.group("g", role)
	if err == nil || !strings.Contains(err.Error(), "InvalidECSServiceException: Could not load ECS service information for cluster: c, service: s. Cause: ") ||
		!strings.Contains(err.Error(), "User: arn:aws:sts::123456789012:assumed-role/blind/CodeDeploy is not authorized to perform: ecs:DescribeServices on resource: "+
			"arn:aws:ecs:us-east-1:123456789012:service/c/s because no identity-based policy allows the ecs:DescribeServices action") {
		t.Errorf("%v", err)
	}
	r.permit("blind", shift)
	check(t, r.group("g", role))
}

// A deployment fails where its service role lacks a permission, told in CodeDeploy's words.
func TestDeploymentNeedsItsRolesPermissions(t *testing.T) {
	r := newAccount(t)
	r.stage(r.role("exec", byTasks, allow("*")))
	role := r.role("deployer", byCodeDeploy, allow("*"))
	check(t, r.group("g", role))
	td := r.define("arn:aws:iam::123456789012:role/exec")
	for _, c := range []struct {
		policy  string
		service string // that is told to have refused; "" for a deployment that succeeds
	}{
		{shift, "AmazonECS"}, // no iam:PassRole for the task definition's execution role
		{allow("*") + "," + deny("ecs:DescribeServices"), "AmazonECS"},
		{allow("*") + "," + deny("elasticloadbalancing:ModifyListener"), "AmazonElasticLoadBalancingV2"},
		{allow("*") + "," + deny("elasticloadbalancing:DescribeTargetGroups"), "AmazonElasticLoadBalancingV2"},
		{shift + `,{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/exec","Condition":{"StringLike":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}}`, ""},
	} {
		r.permit("deployer", c.policy)
		d := r.deploy("g", td)
		if c.service == "" {
			if d.Status != cdtypes.DeploymentStatusSucceeded {
				t.Errorf("with %s: %s %s", c.policy, d.Status, aws.ToString(d.ErrorInformation.Message))
			}
			continue
		}
		want := "The IAM role " + role + " does not give you permission to perform operations in the following AWS service: " + c.service +
			". Contact your AWS administrator if you need help. If you are an AWS administrator, you can grant permissions to your users or groups by creating IAM policies."
		if d.Status != cdtypes.DeploymentStatusFailed || d.ErrorInformation.Code != cdtypes.ErrorCodeIamRolePermissions || *d.ErrorInformation.Message != want {
			t.Errorf("with %s: %s %+v\nwant %s", c.policy, d.Status, d.ErrorInformation, want)
		}
	}
	must(r.iam.UpdateAssumeRolePolicy(t.Context(), &iam.UpdateAssumeRolePolicyInput{RoleName: aws.String("deployer"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}}`)}))
	d := r.deploy("g", td)
	if d.ErrorInformation == nil || d.ErrorInformation.Code != cdtypes.ErrorCodeIamRolePermissions ||
		*d.ErrorInformation.Message != "AWS CodeDeploy does not have the permissions required to assume the role "+role+"." {
		t.Errorf("%s %s", d.Status, why(&d))
	}
}

// AWS's own policies are enough for what they are made for.
func TestManagedPoliciesAreEnough(t *testing.T) {
	r := newAccount(t)
	r.stage(r.role("exec", byTasks))
	r.attach("exec", "service-role/AmazonECSTaskExecutionRolePolicy")
	role := r.role("deployer", byCodeDeploy)
	r.attach("deployer", "AWSCodeDeployRoleForECS")
	check(t, r.group("g", role))
	if d := r.deploy("g", r.define("arn:aws:iam::123456789012:role/exec")); d.Status != cdtypes.DeploymentStatusSucceeded {
		t.Errorf("%s %s", d.Status, why(&d))
	}
}

func (r *account) attach(role, policy string) {
	r.t.Helper()
	_, err := r.iam.AttachRolePolicy(r.t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: aws.String("arn:aws:iam::aws:policy/" + policy)})
	check(r.t, err)
}

var ids = regexp.MustCompile(`[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// A task whose execution role lacks a permission stops where Fargate stops it.
func TestTaskNeedsItsExecutionRolesPermissions(t *testing.T) {
	r := newAccount(t)
	must(r.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("c")}))
	exec := r.role("exec", byTasks, allow("ecr:*", "logs:*"))
	r.define(exec, func(c *ecstypes.ContainerDefinition) {
		c.Image = aws.String("123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1")
		c.LogConfiguration = &ecstypes.LogConfiguration{LogDriver: ecstypes.LogDriverAwslogs, Options: map[string]string{
			"awslogs-group": "/ecs/web", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs", "awslogs-create-group": "true",
		}}
	})
	const (
		who   = "AccessDeniedException: User: arn:aws:sts::123456789012:assumed-role/exec/ID is not authorized to perform: "
		end   = " status code: 400, request id: ID"
		logs  = "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: "
		group = "arn:aws:logs:us-east-1:123456789012:log-group:/ecs/web:log-stream:"
	)
	for _, c := range []struct{ lacks, want string }{
		{"ecr:GetAuthorizationToken", "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry auth: " +
			"service call has been retried 1 time(s): " + who + "ecr:GetAuthorizationToken on resource: * with an explicit deny in an identity-based policy" + end},
		{"logs:CreateLogGroup", logs + who + "logs:CreateLogGroup on resource: " + group + " with an explicit deny in an identity-based policy" + end + ": exit status 1"},
		{"logs:CreateLogStream", logs + who + "logs:CreateLogStream on resource: " + group + "ecs/web/ID with an explicit deny in an identity-based policy" + end + ": exit status 1"},
	} {
		r.permit("exec", allow("ecr:*", "logs:*"), deny(c.lacks))
		task := r.run()
		if reason := ids.ReplaceAllString(aws.ToString(task.StoppedReason), "ID"); task.StopCode != ecstypes.TaskStopCodeTaskFailedToStart || reason != c.want {
			t.Errorf("without %s: %s\ngot  %s\nwant %s", c.lacks, task.StopCode, reason, c.want)
		}
	}
}

// run runs the newest task definition web until its task has stopped.
func (r *account) run() ecstypes.Task {
	t, ctx := r.t, r.t.Context()
	t.Helper()
	out := must(r.ecs.RunTask(ctx, &ecs.RunTaskInput{Cluster: aws.String("c"), TaskDefinition: aws.String("web"), LaunchType: ecstypes.LaunchTypeFargate, NetworkConfiguration: network()}))
	for {
		d := must(r.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String("c"), Tasks: []string{*out.Tasks[0].TaskArn}}))
		if *d.Tasks[0].LastStatus == "STOPPED" {
			return d.Tasks[0]
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Whoever makes a task or service of a task definition hands on its roles.
func TestPassRole(t *testing.T) {
	r := newAccount(t)
	must(r.ecs.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("c")}))
	exec := r.role("exec", byTasks, allow("*"))
	r.define(exec)
	must(r.iam.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("ann")}))
	key := must(r.iam.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("ann")})).AccessKey
	must(r.iam.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: aws.String("ann"), PolicyName: aws.String("p"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":` + allow("ecs:*") + `}`)}))
	ann := ecs.NewFromConfig(r.as(*key.AccessKeyId, *key.SecretAccessKey))
	const refused = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/exec " +
		"because no identity-based policy allows the iam:PassRole action"
	_, err := ann.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: aws.String("c"), TaskDefinition: aws.String("web"), LaunchType: ecstypes.LaunchTypeFargate, NetworkConfiguration: network()})
	wantError(t, err, "AccessDeniedException", refused)
	_, err = ann.CreateService(t.Context(), &ecs.CreateServiceInput{Cluster: aws.String("c"), ServiceName: aws.String("s"), TaskDefinition: aws.String("web"), NetworkConfiguration: network(), LaunchType: ecstypes.LaunchTypeFargate})
	wantError(t, err, "AccessDeniedException", refused)
}
