package locate

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

// discover finds the deployment group of a service: by the deployment that made its task
// set, by the names that AWS's own tools give, and only then by looking through all
// groups, which is told because it takes a call for each application.
func discover(ctx context.Context, r *run.Run) error {
	for _, s := range r.Service.TaskSets {
		if aws.ToString(s.Status) == "PRIMARY" {
			r.Facts.Previous = aws.ToString(s.TaskDefinition)
		}
	}
	for _, find := range []func(context.Context, *run.Run) (*types.DeploymentGroupInfo, error){byTaskSet, byConvention, bySearch} {
		g, err := find(ctx, r)
		if err != nil {
			return err
		}
		if g != nil {
			return found(r, g)
		}
	}
	return fault.New(fault.Usage, "set codedeploy.application and codedeploy.group in turnout.yml, or make them with `turnout provision`",
		"no deployment group of CodeDeploy deploys service %s of cluster %s", r.Config.Service, r.Config.Cluster)
}

// byTaskSet asks for the deployment that a task set names as its origin.
func byTaskSet(ctx context.Context, r *run.Run) (*types.DeploymentGroupInfo, error) {
	for _, s := range r.Service.TaskSets {
		id := aws.ToString(s.ExternalId)
		if !strings.HasPrefix(id, "d-") {
			continue
		}
		d, err := r.AWS.CodeDeploy().GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: &id})
		if err != nil {
			if err = none(err); err != nil {
				return nil, err
			}
			continue // it went with its group; another task set may be of a later one
		}
		g, err := ours(ctx, r, aws.ToString(d.DeploymentInfo.ApplicationName), aws.ToString(d.DeploymentInfo.DeploymentGroupName))
		if g != nil || err != nil {
			return g, err
		}
	}
	return nil, nil
}

// byConvention tries AppECS-CLUSTER-SERVICE and DgpECS-CLUSTER-SERVICE, as the ECS
// console and `aws ecs deploy` name them.
func byConvention(ctx context.Context, r *run.Run) (*types.DeploymentGroupInfo, error) {
	return ours(ctx, r, r.Config.CodeDeploy.Application, r.Config.CodeDeploy.Group)
}

// bySearch looks through the groups of all applications of the ECS platform.
func bySearch(ctx context.Context, r *run.Run) (*types.DeploymentGroupInfo, error) {
	r.Report.Note("looking through CodeDeploy's groups for %s; codedeploy.application and .group in turnout.yml make it quick", r.Config.Service)
	cd := r.AWS.CodeDeploy()
	apps := codedeploy.NewListApplicationsPaginator(cd, &codedeploy.ListApplicationsInput{})
	for apps.HasMorePages() {
		page, err := apps.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if len(page.Applications) == 0 {
			continue
		}
		infos, err := cd.BatchGetApplications(ctx, &codedeploy.BatchGetApplicationsInput{ApplicationNames: page.Applications})
		if err != nil {
			return nil, err
		}
		for _, a := range infos.ApplicationsInfo {
			if a.ComputePlatform != types.ComputePlatformEcs {
				continue
			}
			if g, err := inApplication(ctx, r, aws.ToString(a.ApplicationName)); g != nil || err != nil {
				return g, err
			}
		}
	}
	return nil, nil
}

func inApplication(ctx context.Context, r *run.Run, app string) (*types.DeploymentGroupInfo, error) {
	cd := r.AWS.CodeDeploy()
	groups := codedeploy.NewListDeploymentGroupsPaginator(cd, &codedeploy.ListDeploymentGroupsInput{ApplicationName: &app})
	for groups.HasMorePages() {
		page, err := groups.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		if len(page.DeploymentGroups) == 0 {
			continue
		}
		infos, err := cd.BatchGetDeploymentGroups(ctx, &codedeploy.BatchGetDeploymentGroupsInput{ApplicationName: &app, DeploymentGroupNames: page.DeploymentGroups})
		if err != nil {
			return nil, err
		}
		for i := range infos.DeploymentGroupsInfo {
			if g := &infos.DeploymentGroupsInfo[i]; deploysIt(g, r) {
				return g, nil
			}
		}
	}
	return nil, nil
}

// ours reads a group and returns it if it deploys the service.
func ours(ctx context.Context, r *run.Run, app, name string) (*types.DeploymentGroupInfo, error) {
	g, err := group(ctx, r, app, name)
	if err != nil {
		return nil, none(err)
	}
	if !deploysIt(g, r) {
		return nil, nil
	}
	return g, nil
}

func deploysIt(g *types.DeploymentGroupInfo, r *run.Run) bool {
	return slices.ContainsFunc(g.EcsServices, func(s types.ECSService) bool { return deploys(s, r) })
}

// none makes nothing of an error that only says that there is none.
func none(err error) error {
	var noApp *types.ApplicationDoesNotExistException
	var noGroup *types.DeploymentGroupDoesNotExistException
	var noDeployment *types.DeploymentDoesNotExistException
	if errors.As(err, &noApp) || errors.As(err, &noGroup) || errors.As(err, &noDeployment) {
		return nil
	}
	return err
}
