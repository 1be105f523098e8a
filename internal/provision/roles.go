package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// trust is a role's trust policy for one service.
func trust(service string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":%q},"Action":"sts:AssumeRole"}]}`, service)
}

// passRoles lets CodeDeploy hand the tasks' roles to ECS.
const passRoles = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringLike":{"iam:PassedToService":["ecs-tasks.amazonaws.com"]}}}]}`

// The managed policies that AWS keeps for these roles.
const (
	executionPolicy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
	deployPolicy    = "arn:aws:iam::aws:policy/AWSCodeDeployRoleForECS"
)

func (p *Provisioner) roles(ctx context.Context) error {
	names := p.Config.Infrastructure.Roles
	var err error
	if p.execution, err = p.role(ctx, names.Execution, "ecs-tasks.amazonaws.com", executionPolicy, ""); err != nil {
		return err
	}
	if p.deployRole, err = p.role(ctx, names.CodeDeploy, "codedeploy.amazonaws.com", deployPolicy, passRoles); err != nil {
		return err
	}
	if names.Task != "" {
		_, err = p.role(ctx, names.Task, "ecs-tasks.amazonaws.com", "", "")
	}
	return err
}

// role finds or makes a role with one managed and one inline policy ("" for none).
func (p *Provisioner) role(ctx context.Context, name, service, managed, inline string) (string, error) {
	client := p.AWS.IAM()
	got, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err == nil {
		p.tell("role", name, false)
		return aws.ToString(got.Role.Arn), nil
	}
	var none *types.NoSuchEntityException
	if !errors.As(err, &none) {
		return "", err
	}
	made, err := client.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust(service))})
	if err != nil {
		return "", err
	}
	if managed != "" {
		if _, err := client.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &name, PolicyArn: &managed}); err != nil {
			return "", err
		}
	}
	if inline != "" {
		if _, err := client.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("turnout"), PolicyDocument: &inline}); err != nil {
			return "", err
		}
	}
	p.tell("role", name, true)
	return aws.ToString(made.Role.Arn), nil
}
