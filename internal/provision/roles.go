package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// The principals of the services that act with the roles.
const (
	tasks      = "ecs-tasks.amazonaws.com"
	codeDeploy = "codedeploy.amazonaws.com"
)

// The managed policies that AWS keeps for these roles.
const (
	executionPolicy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
	deployPolicy    = "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS"
)

// role is one that is to be there.
type role struct {
	name, path string
	service    string // that may assume it
	managed    string // ARN of the policy that is attached, "" for none
	inline     []statement
}

// statement is one of a policy document.
type statement struct {
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string][]string `json:",omitempty"`
}

func allow(resources []string, actions ...string) statement {
	return statement{Effect: "Allow", Action: actions, Resource: resources}
}

// passRoles lets CodeDeploy hand the tasks' roles to ECS.
var passRoles = statement{
	Effect: "Allow", Action: []string{"iam:PassRole"}, Resource: []string{"*"},
	Condition: map[string]map[string][]string{"StringLike": {"iam:PassedToService": {tasks}}},
}

// roles makes CodeDeploy's role, and the tasks' roles: those that the task definition
// names, else the configured ones.
func (p *Provisioner) roles(ctx context.Context) error {
	wanted, err := p.wanted()
	if err != nil {
		return err
	}
	for _, r := range wanted {
		arn, err := p.role(ctx, r)
		if err != nil {
			return err
		}
		if r.service == codeDeploy {
			p.deployRole = arn
		}
	}
	return nil
}

// wanted are the roles that are to be there.
func (p *Provisioner) wanted() ([]role, error) {
	def, err := p.definition()
	if err != nil {
		return nil, err
	}
	names := p.Config.Infrastructure.Roles
	execution := role{name: names.Execution, service: tasks, managed: executionPolicy, inline: needs(def)}
	task := role{name: names.Task, service: tasks}
	if err := errors.Join(execution.named(def.ExecutionRoleArn), task.named(def.TaskRoleArn)); err != nil {
		return nil, err
	}
	out := []role{execution, {name: names.CodeDeploy, service: codeDeploy, managed: deployPolicy, inline: []statement{passRoles}}}
	if task.name != "" && task.name != execution.name {
		out = append(out, task)
	}
	return out, nil
}

// definition is the task definition of the configuration.
func (p *Provisioner) definition() (ecstypes.TaskDefinition, error) {
	td, err := taskdef.Read(p.Config.Path(p.Config.TaskDef))
	if err != nil {
		return ecstypes.TaskDefinition{}, err
	}
	return td.Definition()
}

// named gives the role the name and path that the task definition has for it; an ARN or a
// name, as ECS takes both.
func (r *role) named(ref *string) error {
	_, at, isARN := strings.Cut(aws.ToString(ref), ":role/")
	switch {
	case aws.ToString(ref) == "":
		return nil
	case !isARN && strings.Contains(*ref, ":"):
		return fault.New(fault.Usage, "such as arn:aws:iam::123456789012:role/ecsTaskExecutionRole", "%q in the task definition is no role", *ref)
	case !isARN:
		at = *ref
	}
	cut := strings.LastIndex(at, "/") + 1
	r.path, r.name = at[:cut], at[cut:]
	return nil
}

// needs is what an execution role must be allowed beyond the managed policy: to read the
// secrets and environment files that the task definition names, and to make the log
// groups that it wants made.
func needs(def ecstypes.TaskDefinition) []statement {
	var parameters, secrets, files, groups []string
	for _, c := range def.ContainerDefinitions {
		for _, s := range c.Secrets {
			switch from := aws.ToString(s.ValueFrom); {
			case strings.Contains(from, ":secretsmanager:"):
				parts := strings.Split(from, ":")
				secrets = append(secrets, strings.Join(parts[:min(7, len(parts))], ":")+"*") // AWS adds six characters to a secret's name
			case strings.HasPrefix(from, "arn:"):
				parameters = append(parameters, from)
			default:
				parameters = append(parameters, "arn:*:ssm:*:*:parameter/"+strings.TrimPrefix(from, "/"))
			}
		}
		for _, f := range c.EnvironmentFiles {
			files = append(files, aws.ToString(f.Value))
		}
		if l := c.LogConfiguration; l != nil && l.Options["awslogs-create-group"] == "true" {
			groups = append(groups, "arn:*:logs:*:*:log-group:"+l.Options["awslogs-group"]+":*")
		}
	}
	var out []statement
	for _, s := range []statement{
		allow(parameters, "ssm:GetParameters"), allow(secrets, "secretsmanager:GetSecretValue"),
		allow(files, "s3:GetObject"), allow(groups, "logs:CreateLogGroup"),
	} {
		if len(s.Resource) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// role finds or makes a role. One that exists stays as it is, unless provisioning was
// interrupted when it had made it: then it is completed.
func (p *Provisioner) role(ctx context.Context, r role) (string, error) {
	client := p.AWS.IAM()
	got, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &r.name})
	if err == nil {
		if owned(p, got.Role.Tags, iamTag) {
			err = p.complete(ctx, r)
		}
		p.tell("role", r.name, false)
		return aws.ToString(got.Role.Arn), err
	}
	var none *types.NoSuchEntityException
	if !errors.As(err, &none) {
		return "", err
	}
	in := &iam.CreateRoleInput{RoleName: &r.name, AssumeRolePolicyDocument: aws.String(trust(r.service)), Tags: p.iamTags()}
	if r.path != "" {
		in.Path = aws.String("/" + r.path)
	}
	made, err := client.CreateRole(ctx, in)
	if err != nil {
		return "", err
	}
	if err := p.permit(ctx, r); err != nil {
		return "", err
	}
	p.tell("role", r.name, true)
	return aws.ToString(made.Role.Arn), nil
}

// complete gives a role its policies if it has not got its last one, the managed one, and
// none of another kind instead.
func (p *Provisioner) complete(ctx context.Context, r role) error {
	if r.managed == "" {
		return nil
	}
	attached, err := p.AWS.IAM().ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &r.name})
	if err != nil || len(attached.AttachedPolicies) > 0 {
		return err
	}
	return p.permit(ctx, r)
}

// permit gives a role its policies, the managed one last: a role that has it has all.
func (p *Provisioner) permit(ctx context.Context, r role) error {
	client := p.AWS.IAM()
	if len(r.inline) > 0 {
		doc, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": r.inline})
		if err != nil {
			return err
		}
		if _, err := client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &r.name, PolicyName: aws.String("turnout"), PolicyDocument: aws.String(string(doc))}); err != nil {
			return err
		}
	}
	if r.managed == "" {
		return nil
	}
	_, err := client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &r.name, PolicyArn: &r.managed})
	return err
}

// trust is a role's trust policy for one service.
func trust(service string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":%q},"Action":"sts:AssumeRole"}]}`, service)
}
