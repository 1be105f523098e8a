package iam

import (
	"context"
	"errors"
	"strings"
	"testing"

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
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// lookups stand for ECS and CodeDeploy.
type lookups struct{}

func (lookups) DescribeTaskDefinition(_ context.Context, in *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	if *in.TaskDefinition != "app:1" {
		return nil, errors.New("no such task definition")
	}
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{ExecutionRoleArn: aws.String(roleARN("exec"))}}, nil
}

func (lookups) GetDeployment(_ context.Context, in *codedeploy.GetDeploymentInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	if *in.DeploymentId != "d-1" {
		return nil, errors.New("no such deployment")
	}
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: &cdtypes.DeploymentInfo{
		ApplicationName: aws.String("app"), DeploymentGroupName: aws.String("group"),
	}}, nil
}

func roleARN(name string) string { return place.Global("iam", "role/"+name) }

// asked lists what a call asks for: each time the action and the resource are allowed, the
// next question shows itself in the refusal.
func asked(t *testing.T, s *Service, service, op string, in any) []string {
	t.Helper()
	a := &Authorizer{IAM: s, TaskDefinitions: lookups{}, Deployments: lookups{}}
	ctx := identity.With(bg, worker)
	var all, statements []string
	for {
		err := a.Authorize(ctx, service, op, in)
		if err == nil {
			return all
		}
		text := err.Error()
		_, text, _ = strings.Cut(text, "is not authorized to perform: ")
		text, _, _ = strings.Cut(text, " because no identity-based policy allows")
		action, resource, _ := strings.Cut(text, " on resource: ")
		all = append(all, action+" "+strings.TrimPrefix(strings.TrimPrefix(resource, "arn:aws:"), service+":us-east-1:123456789012:"))
		if len(all) > 10 {
			t.Fatalf("no end of questions: %v", all)
		}
		statements = append(statements, `{"Effect":"Allow","Action":"`+action+`","Resource":"`+resource+`"}`)
		doc := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
		_, err = s.PutRolePolicy(bg, &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: &doc})
		must(t, 0, err)
	}
}

// Which permissions which call needs.
func TestWhatCallsNeed(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "r")
	_, err := s.CreateRole(bg, &iam.CreateRoleInput{RoleName: aws.String("deep"), Path: aws.String("/a/b/"), AssumeRolePolicyDocument: aws.String(trustECS)})
	must(t, 0, err)
	x, arn := aws.String("x"), aws.String
	lb := "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/1"
	for _, tc := range []struct {
		service, op string
		in          any
		want        string
	}{
		{"ecs", "CreateService", &ecs.CreateServiceInput{ServiceName: arn("web"), TaskDefinition: arn("app:1")}, "ecs:CreateService service/default/web, iam:PassRole iam::123456789012:role/exec"},
		{"ecs", "UpdateService", &ecs.UpdateServiceInput{Cluster: arn(place.Of("ecs", "cluster/prod")), Service: arn("web")}, "ecs:UpdateService service/prod/web"},
		{"ecs", "UpdateService", &ecs.UpdateServiceInput{Service: arn(place.Of("ecs", "service/prod/web")), TaskDefinition: x}, "ecs:UpdateService service/prod/web"},
		{"ecs", "DescribeServices", &ecs.DescribeServicesInput{Cluster: arn("prod"), Services: []string{"a", "b"}}, "ecs:DescribeServices service/prod/a, ecs:DescribeServices service/prod/b"},
		{"ecs", "RegisterTaskDefinition", &ecs.RegisterTaskDefinitionInput{Family: arn("app"), TaskRoleArn: arn("task"), ExecutionRoleArn: arn(roleARN("exec"))}, "ecs:RegisterTaskDefinition task-definition/app:*, iam:PassRole iam::123456789012:role/task, iam:PassRole iam::123456789012:role/exec"},
		{"ecs", "RunTask", &ecs.RunTaskInput{TaskDefinition: arn("app:1"), Overrides: &ecstypes.TaskOverride{TaskRoleArn: arn(roleARN("o"))}}, "ecs:RunTask task-definition/app:1, iam:PassRole iam::123456789012:role/exec, iam:PassRole iam::123456789012:role/o"},
		{"ecs", "DeleteTaskSet", &ecs.DeleteTaskSetInput{Cluster: arn("c"), Service: arn(place.Of("ecs", "service/c/s")), TaskSet: arn("ecs-svc/1")}, "ecs:DeleteTaskSet task-set/c/s/ecs-svc/1"},
		{"ecs", "DescribeTaskDefinition", &ecs.DescribeTaskDefinitionInput{TaskDefinition: x}, "ecs:DescribeTaskDefinition *"},
		{"ecr", "PutImage", &ecr.PutImageInput{RepositoryName: arn("app")}, "ecr:PutImage repository/app"},
		{"ecr", "DescribeRepositories", &ecr.DescribeRepositoriesInput{}, "ecr:DescribeRepositories repository/*"},
		{"ecr", "GetAuthorizationToken", &ecr.GetAuthorizationTokenInput{}, "ecr:GetAuthorizationToken *"},
		{"codedeploy", "CreateDeployment", &codedeploy.CreateDeploymentInput{ApplicationName: arn("app"), DeploymentGroupName: arn("group"), DeploymentConfigName: arn("c")}, "codedeploy:CreateDeployment deploymentgroup:app/group, codedeploy:GetDeploymentConfig deploymentconfig:c, codedeploy:RegisterApplicationRevision application:app"},
		{"codedeploy", "CreateDeployment", &codedeploy.CreateDeploymentInput{ApplicationName: arn("app"), DeploymentGroupName: arn("other")}, "codedeploy:CreateDeployment deploymentgroup:app/other, codedeploy:RegisterApplicationRevision application:app"},
		{"codedeploy", "StopDeployment", &codedeploy.StopDeploymentInput{DeploymentId: arn("d-1")}, "codedeploy:StopDeployment deploymentgroup:app/group"},
		{"codedeploy", "GetDeployment", &codedeploy.GetDeploymentInput{DeploymentId: arn("d-2")}, "codedeploy:GetDeployment deploymentgroup:*"},
		{"codedeploy", "CreateDeploymentGroup", &codedeploy.CreateDeploymentGroupInput{ApplicationName: arn("a"), DeploymentGroupName: arn("g"), ServiceRoleArn: arn(roleARN("cd"))}, "codedeploy:CreateDeploymentGroup deploymentgroup:a/g, iam:PassRole iam::123456789012:role/cd"},
		{"elasticloadbalancing", "CreateLoadBalancer", &elb.CreateLoadBalancerInput{Name: arn("web")}, "elasticloadbalancing:CreateLoadBalancer loadbalancer/app/web/*"},
		{"elasticloadbalancing", "CreateLoadBalancer", &elb.CreateLoadBalancerInput{Name: arn("web"), Type: elbtypes.LoadBalancerTypeEnumNetwork}, "elasticloadbalancing:CreateLoadBalancer loadbalancer/net/web/*"},
		{"elasticloadbalancing", "CreateListener", &elb.CreateListenerInput{LoadBalancerArn: &lb}, "elasticloadbalancing:CreateListener loadbalancer/app/web/1"},
		{"elasticloadbalancing", "SetRulePriorities", &elb.SetRulePrioritiesInput{RulePriorities: []elbtypes.RulePriorityPair{{RuleArn: arn(lb + "/r")}}}, "elasticloadbalancing:SetRulePriorities loadbalancer/app/web/1/r"},
		{"elasticloadbalancing", "CreateTargetGroup", &elb.CreateTargetGroupInput{Name: arn("blue")}, "elasticloadbalancing:CreateTargetGroup targetgroup/blue/*"},
		{"elasticloadbalancing", "DescribeRules", &elb.DescribeRulesInput{}, "elasticloadbalancing:DescribeRules *"},
		{"logs", "GetLogEvents", &cloudwatchlogs.GetLogEventsInput{LogGroupName: arn("/ecs/app"), LogStreamName: arn("s")}, "logs:GetLogEvents log-group:/ecs/app:log-stream:s"},
		{"iam", "GetRole", &iam.GetRoleInput{RoleName: arn("deep")}, "iam:GetRole iam::123456789012:role/a/b/deep"},
		{"iam", "CreateUser", &iam.CreateUserInput{UserName: arn("u"), Path: arn("/p/")}, "iam:CreateUser iam::123456789012:user/p/u"},
		{"iam", "AddUserToGroup", &iam.AddUserToGroupInput{UserName: arn("u"), GroupName: arn("g")}, "iam:AddUserToGroup iam::123456789012:group/g"},
		{"iam", "AddRoleToInstanceProfile", &iam.AddRoleToInstanceProfileInput{InstanceProfileName: arn("i"), RoleName: arn("deep")}, "iam:AddRoleToInstanceProfile iam::123456789012:instance-profile/i, iam:PassRole iam::123456789012:role/a/b/deep"},
		{"iam", "GetPolicy", &iam.GetPolicyInput{PolicyArn: arn(execution)}, "iam:GetPolicy iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"},
		{"iam", "CreatePolicy", &iam.CreatePolicyInput{PolicyName: arn("p")}, "iam:CreatePolicy iam::123456789012:policy/p"},
		{"iam", "ListRoles", &iam.ListRolesInput{}, "iam:ListRoles *"},
		{"sts", "GetCallerIdentity", &sts.GetCallerIdentityInput{}, ""},
		{"sts", "AssumeRole", &sts.AssumeRoleInput{}, ""},
		{"sts", "GetAccessKeyInfo", &sts.GetAccessKeyInfoInput{}, "sts:GetAccessKeyInfo *"},
	} {
		_, err := s.PutRolePolicy(bg, &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: aws.String(strings.Replace(allowECS, "ecs:*", "none:None", 1))})
		must(t, 0, err)
		got := strings.Join(asked(t, s, tc.service, tc.op, tc.in), ", ")
		if got != tc.want {
			t.Errorf("%s\n got  %s\n want %s", tc.op, got, tc.want)
		}
	}
}

// AWS's text, the conditions that a request can meet, and who is asked nothing.
func TestAuthorizer(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "r")
	a := &Authorizer{IAM: s}
	as := identity.With(bg, worker)
	in := &ecs.CreateServiceInput{Cluster: aws.String("prod"), ServiceName: aws.String("web"), Tags: []ecstypes.Tag{{Key: aws.String("Team"), Value: aws.String("a")}}}
	wantError(t, a.Authorize(as, "ecs", "CreateService", in), "AccessDenied",
		"User: arn:aws:sts::123456789012:assumed-role/r/s is not authorized to perform: ecs:CreateService on resource: "+
			"arn:aws:ecs:us-east-1:123456789012:service/prod/web because no identity-based policy allows the ecs:CreateService action")
	for _, ctx := range []context.Context{bg, identity.With(bg, root), identity.With(bg, identity.Caller{Kind: identity.Service, Service: "ecs.amazonaws.com"})} {
		if err := a.Authorize(ctx, "ecs", "CreateService", in); err != nil {
			t.Error(err)
		}
	}
	for condition, want := range map[string]bool{
		`{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/prod"}}`:                       true,
		`{"ArnEquals":{"ecs:cluster":"arn:aws:ecs:us-east-1:123456789012:cluster/test"}}`:                       false,
		`{"StringEquals":{"aws:RequestTag/Team":"a"},"ForAllValues:StringEquals":{"aws:TagKeys":["Team","x"]}}`: true,
		`{"StringEquals":{"aws:RequestTag/Team":"b"}}`:                                                          false,
	} {
		doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecs:*","Resource":"*","Condition":` + condition + `}]}`
		_, err := s.PutRolePolicy(bg, &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: &doc})
		must(t, 0, err)
		if err := a.Authorize(as, "ecs", "CreateService", in); (err == nil) != want {
			t.Errorf("%s: %v", condition, err)
		}
	}
	repo := place.Of("ecr", "repository/app")
	wantError(t, a.Check(as, "ecr:BatchGetImage", repo, nil), "AccessDenied", "User: arn:aws:sts::123456789012:assumed-role/r/s is not authorized to perform: "+
		"ecr:BatchGetImage on resource: "+repo+" because no identity-based policy allows the ecr:BatchGetImage action")
	if err := a.Check(identity.With(bg, root), "ecr:BatchGetImage", repo, nil); err != nil {
		t.Error(err)
	}
	doc := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"` + execution + `"}}}]}`
	_, err := s.PutRolePolicy(bg, &iam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: &doc})
	must(t, 0, err)
	if err := a.Authorize(as, "iam", "AttachRolePolicy", &iam.AttachRolePolicyInput{RoleName: aws.String("x"), PolicyArn: aws.String(execution)}); err != nil {
		t.Error(err)
	}
	if err := a.Authorize(as, "iam", "AttachRolePolicy", &iam.AttachRolePolicyInput{RoleName: aws.String("x"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess")}); err == nil {
		t.Error("any policy may be attached")
	}
}
