package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// account is the account and the partition that calls are made in.
func (p *Provisioner) account(ctx context.Context) (account, partition string, err error) {
	if p.identity == "" {
		out, err := p.AWS.STS().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err != nil {
			return "", "", err
		}
		p.identity = aws.ToString(out.Arn)
	}
	parts := strings.SplitN(p.identity, ":", 6)
	if len(parts) < 6 {
		return "", "", fmt.Errorf("the caller's ARN %q has no account", p.identity)
	}
	return parts[4], parts[1], nil
}

// last is the name in an ARN.
func last(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// findLogGroups finds the log groups that the task definition names.
func (p *Provisioner) findLogGroups(ctx context.Context) ([]Item, error) {
	names, err := p.logNames()
	if err != nil {
		return nil, err
	}
	var out []Item
	client := p.AWS.Logs()
	for _, name := range names {
		found, err := client.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
		if err != nil {
			return nil, err
		}
		for _, g := range found.LogGroups {
			if aws.ToString(g.LogGroupName) != name {
				continue
			}
			tags, err := client.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: aws.String(strings.TrimSuffix(aws.ToString(g.Arn), ":*"))})
			if err != nil {
				return nil, err
			}
			out = append(out, item("log group", name, tags.Tags[ownerTag] == p.owner(), func(ctx context.Context) error {
				_, err := client.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: &name})
				var none *logstypes.ResourceNotFoundException
				if errors.As(err, &none) {
					return nil
				}
				return err
			}))
		}
	}
	return out, nil
}

// findRepository finds the repository, which goes with its images.
func (p *Provisioner) findRepository(ctx context.Context) ([]Item, error) {
	client, name := p.AWS.ECR(), p.Config.Image.Repository
	out, err := client.DescribeRepositories(ctx, &ecr.DescribeRepositoriesInput{RepositoryNames: []string{name}})
	var none *ecrtypes.RepositoryNotFoundException
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tags, err := client.ListTagsForResource(ctx, &ecr.ListTagsForResourceInput{ResourceArn: out.Repositories[0].RepositoryArn})
	if err != nil {
		return nil, err
	}
	n := 0
	pages := ecr.NewListImagesPaginator(client, &ecr.ListImagesInput{RepositoryName: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		n += len(page.ImageIds)
	}
	return []Item{item("repository", fmt.Sprintf("%s (%s)", name, counted(n, "image")), owned(p, tags.Tags, ecrTag), func(ctx context.Context) error {
		_, err := client.DeleteRepository(ctx, &ecr.DeleteRepositoryInput{RepositoryName: &name, Force: true})
		if errors.As(err, &none) {
			return nil
		}
		return err
	})}, nil
}

// findRoles finds the roles, which stay while others use them.
func (p *Provisioner) findRoles(ctx context.Context) ([]Item, error) {
	wanted, err := p.wanted()
	if err != nil {
		return nil, err
	}
	var out []Item
	for _, r := range wanted {
		got, err := p.AWS.IAM().GetRole(ctx, &iam.GetRoleInput{RoleName: &r.name})
		var none *types.NoSuchEntityException
		if errors.As(err, &none) {
			continue
		}
		if err != nil {
			return nil, err
		}
		i := item("role", r.name, owned(p, got.Role.Tags, iamTag), func(ctx context.Context) error { return p.removeRole(ctx, r.name) })
		user, err := p.user(ctx, r, aws.ToString(got.Role.Arn))
		if err != nil {
			return nil, err
		}
		if user != "" {
			i.Kept = user + " uses it"
		}
		out = append(out, i)
	}
	return out, nil
}

// user names something else that has a role, or "".
func (p *Provisioner) user(ctx context.Context, r role, arn string) (string, error) {
	if r.service == codeDeploy {
		return p.otherGroup(ctx, arn)
	}
	def, err := p.definition()
	if err != nil {
		return "", err
	}
	client := p.AWS.ECS()
	pages := ecs.NewListTaskDefinitionFamiliesPaginator(client, &ecs.ListTaskDefinitionFamiliesInput{Status: "ACTIVE"})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, family := range page.Families {
			if family == aws.ToString(def.Family) {
				continue
			}
			out, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &family})
			if err != nil {
				return "", err
			}
			if td := out.TaskDefinition; aws.ToString(td.ExecutionRoleArn) == arn || aws.ToString(td.TaskRoleArn) == arn {
				return "task definition " + family, nil
			}
		}
	}
	return "", nil
}

// otherGroup names another deployment group with the role, or "".
func (p *Provisioner) otherGroup(ctx context.Context, role string) (string, error) {
	cd := p.AWS.CodeDeploy()
	apps := codedeploy.NewListApplicationsPaginator(cd, &codedeploy.ListApplicationsInput{})
	for apps.HasMorePages() {
		page, err := apps.NextPage(ctx)
		if err != nil {
			return "", err
		}
		for _, app := range page.Applications {
			names, err := cd.ListDeploymentGroups(ctx, &codedeploy.ListDeploymentGroupsInput{ApplicationName: &app})
			if err != nil {
				return "", err
			}
			if len(names.DeploymentGroups) == 0 {
				continue
			}
			infos, err := cd.BatchGetDeploymentGroups(ctx, &codedeploy.BatchGetDeploymentGroupsInput{ApplicationName: &app, DeploymentGroupNames: names.DeploymentGroups})
			if err != nil {
				return "", err
			}
			for _, g := range infos.DeploymentGroupsInfo {
				own := app == p.Config.CodeDeploy.Application && aws.ToString(g.DeploymentGroupName) == p.Config.CodeDeploy.Group
				if !own && aws.ToString(g.ServiceRoleArn) == role {
					return "deployment group " + app + "/" + aws.ToString(g.DeploymentGroupName), nil
				}
			}
		}
	}
	return "", nil
}

// removeRole takes a role's policies away and deletes it. One that is gone is no matter.
func (p *Provisioner) removeRole(ctx context.Context, name string) error {
	err := p.deleteRole(ctx, name)
	var none *types.NoSuchEntityException
	if errors.As(err, &none) {
		return nil
	}
	return err
}

func (p *Provisioner) deleteRole(ctx context.Context, name string) error {
	client := p.AWS.IAM()
	attached, err := client.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: &name})
	if err != nil {
		return err
	}
	for _, a := range attached.AttachedPolicies {
		if _, err := client.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: a.PolicyArn}); err != nil {
			return err
		}
	}
	inline, err := client.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: &name})
	if err != nil {
		return err
	}
	for _, policy := range inline.PolicyNames {
		if _, err := client.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &policy}); err != nil {
			return err
		}
	}
	_, err = client.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
	return err
}
