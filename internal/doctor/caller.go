package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// identity finds out who asks, and in which account.
func (e *examination) identity(ctx context.Context) error {
	out, err := e.AWS.STS().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		e.found(Finding{Error, "identity", "AWS does not accept the credentials", "", err.Error(), "set AWS_PROFILE or --profile, log in, or let the workflow assume its role"})
		return nil
	}
	e.rep.Account, e.rep.Caller = aws.ToString(out.Account), aws.ToString(out.Arn)
	return nil
}

// action is one permission that a deployment needs.
type action struct {
	name      string
	resources []string
	passed    string // iam:PassedToService, for iam:PassRole
}

// needed are the permissions of a deployment of the subject.
func (e *examination) needed() []action {
	a, region := e.rep.Account, e.AWS.Region
	of := func(service, resource string) string {
		return arn.ARN{Partition: partition(region), Service: service, Region: region, AccountID: a, Resource: resource}.String()
	}
	out := []action{
		{name: "ecs:RegisterTaskDefinition", resources: []string{"*"}},
		{name: "ecs:DescribeTaskDefinition", resources: []string{"*"}},
		{name: "ecs:DescribeServices", resources: []string{of("ecs", "service/"+name(e.Cluster)+"/"+name(e.Name))}},
	}
	for _, role := range []string{aws.ToString(e.Definition.ExecutionRoleArn), aws.ToString(e.Definition.TaskRoleArn)} {
		if strings.HasPrefix(role, "arn:") {
			out = append(out, action{"iam:PassRole", []string{role}, "ecs-tasks.amazonaws.com"})
		}
	}
	if e.Group == nil {
		return append(out, action{name: "ecs:UpdateService", resources: []string{of("ecs", "service/"+name(e.Cluster)+"/"+name(e.Name))}})
	}
	app, config := aws.ToString(e.Group.ApplicationName), e.Config
	if config == "" {
		config = aws.ToString(e.Group.DeploymentConfigName)
	}
	group := of("codedeploy", "deploymentgroup:"+app+"/"+aws.ToString(e.Group.DeploymentGroupName))
	for _, op := range []string{"CreateDeployment", "GetDeployment", "GetDeploymentGroup"} {
		out = append(out, action{name: "codedeploy:" + op, resources: []string{group}})
	}
	for _, op := range []string{"RegisterApplicationRevision", "GetApplicationRevision"} {
		out = append(out, action{name: "codedeploy:" + op, resources: []string{of("codedeploy", "application:"+app)}})
	}
	return append(out, action{name: "codedeploy:GetDeploymentConfig", resources: []string{of("codedeploy", "deploymentconfig:"+config)}})
}

func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// permissions has IAM simulate what the deployment needs. The root user may do everything.
func (e *examination) permissions(ctx context.Context) error {
	who := principal(e.rep.Caller)
	if who == "" {
		return nil
	}
	for _, a := range e.needed() {
		in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &who, ActionNames: []string{a.name}, ResourceArns: a.resources}
		if a.passed != "" {
			in.ContextEntries = []iamtypes.ContextEntry{{
				ContextKeyName: aws.String("iam:PassedToService"), ContextKeyType: iamtypes.ContextKeyTypeEnumString, ContextKeyValues: []string{a.passed},
			}}
		}
		out, err := e.AWS.IAM().SimulatePrincipalPolicy(ctx, in)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(out.EvaluationResults, func(r iamtypes.EvaluationResult) bool {
			return r.EvalDecision != iamtypes.PolicyEvaluationDecisionTypeAllowed
		}) {
			e.found(Finding{Error, "permissions", "the caller may not " + a.name, who, "the deployment will be refused: AccessDenied", "add the statement " + statement(a)})
		}
	}
	return nil
}

// principal is the user or role whose policies are simulated, "" for the root user.
func principal(caller string) string {
	a, err := arn.Parse(caller)
	if err != nil || a.Resource == "root" {
		return ""
	}
	if rest, ok := strings.CutPrefix(a.Resource, "assumed-role/"); ok {
		role, _, _ := strings.Cut(rest, "/")
		a.Service, a.Resource = "iam", "role/"+role
	}
	return a.String()
}

// statement is the policy statement that allows an action.
func statement(a action) string {
	s := fmt.Sprintf(`{"Effect": "Allow", "Action": %q, "Resource": %q`, a.name, a.resources[0])
	if a.passed != "" {
		s += fmt.Sprintf(`, "Condition": {"StringEquals": {"iam:PassedToService": %q}}`, a.passed)
	}
	return s + "}"
}
