package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/fault"
)

// findGroup finds the deployment group, and refuses to go on under an active deployment.
func (p *Provisioner) findGroup(ctx context.Context) ([]Item, error) {
	cd, client := p.Config.CodeDeploy, p.AWS.CodeDeploy()
	out, err := client.GetDeploymentGroup(ctx, &codedeploy.GetDeploymentGroupInput{ApplicationName: &cd.Application, DeploymentGroupName: &cd.Group})
	if noDeploymentGroup(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if d := out.DeploymentGroupInfo.LastAttemptedDeployment; d != nil {
		ended := []cdtypes.DeploymentStatus{cdtypes.DeploymentStatusSucceeded, cdtypes.DeploymentStatusFailed, cdtypes.DeploymentStatusStopped}
		if !slices.Contains(ended, d.Status) {
			id := aws.ToString(d.DeploymentId)
			return nil, fault.New(fault.Failed, "wait for it (`turnout watch "+id+"`), or end it (`turnout stop "+id+"`)", "deployment %s is still %s", id, d.Status)
		}
	}
	mine, err := p.deployOwned(ctx, "deploymentgroup:"+cd.Application+"/"+cd.Group)
	if err != nil {
		return nil, err
	}
	return []Item{item("deployment group", cd.Group, mine, func(ctx context.Context) error {
		_, err := client.DeleteDeploymentGroup(ctx, &codedeploy.DeleteDeploymentGroupInput{ApplicationName: &cd.Application, DeploymentGroupName: &cd.Group})
		if noDeploymentGroup(err) {
			return nil
		}
		return err
	})}, nil
}

func noDeploymentGroup(err error) bool {
	var noApp *cdtypes.ApplicationDoesNotExistException
	var noGroup *cdtypes.DeploymentGroupDoesNotExistException
	return errors.As(err, &noApp) || errors.As(err, &noGroup)
}

// findApplication finds the application, which stays while it has further groups: they
// would go with it.
func (p *Provisioner) findApplication(ctx context.Context) ([]Item, error) {
	cd, client := p.Config.CodeDeploy, p.AWS.CodeDeploy()
	groups, err := client.ListDeploymentGroups(ctx, &codedeploy.ListDeploymentGroupsInput{ApplicationName: &cd.Application})
	if noDeploymentGroup(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	mine, err := p.deployOwned(ctx, "application:"+cd.Application)
	if err != nil {
		return nil, err
	}
	i := item("application", cd.Application, mine, func(ctx context.Context) error {
		_, err := client.DeleteApplication(ctx, &codedeploy.DeleteApplicationInput{ApplicationName: &cd.Application})
		return err
	})
	if others := slices.DeleteFunc(groups.DeploymentGroups, func(g string) bool { return g == cd.Group }); len(others) > 0 {
		i.Kept = fmt.Sprintf("it has %d more deployment groups, such as %s", len(others), others[0])
	}
	return []Item{i}, nil
}

// deployOwned reads the tags of something of CodeDeploy's.
func (p *Provisioner) deployOwned(ctx context.Context, what string) (bool, error) {
	account, partition, err := p.account(ctx)
	if err != nil {
		return false, err
	}
	arn := fmt.Sprintf("arn:%s:codedeploy:%s:%s:%s", partition, p.AWS.Region, account, what)
	out, err := p.AWS.CodeDeploy().ListTagsForResource(ctx, &codedeploy.ListTagsForResourceInput{ResourceArn: &arn})
	if err != nil {
		return false, err
	}
	return owned(p, out.Tags, deployTag), nil
}

// findService finds the service, which is drained, deleted and waited for.
func (p *Provisioner) findService(ctx context.Context) ([]Item, error) {
	s, err := p.describeTagged(ctx)
	if s == nil || err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s (%s)", p.Config.Service, counted(int(s.RunningCount), "task"))
	return []Item{item("service", name, owned(p, s.Tags, ecsTag), p.removeService)}, nil
}

// describeTagged reads the service with its tags, nil if there is none or it has ended.
func (p *Provisioner) describeTagged(ctx context.Context) (*types.Service, error) {
	out, err := p.AWS.ECS().DescribeServices(ctx, &ecs.DescribeServicesInput{
		Cluster: &p.Config.Cluster, Services: []string{p.Config.Service}, Include: []types.ServiceField{types.ServiceFieldTags},
	})
	var none *types.ClusterNotFoundException
	if errors.As(err, &none) || err == nil && (len(out.Services) == 0 || aws.ToString(out.Services[0].Status) == "INACTIVE") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &out.Services[0], nil
}

// removeService scales the service down, deletes it and waits until its last task has
// ended: only then are its target groups and its log streams quiet.
func (p *Provisioner) removeService(ctx context.Context) error {
	client, s := p.AWS.ECS(), p.Config
	svc, err := p.describeTagged(ctx)
	if svc == nil || err != nil {
		return err
	}
	if aws.ToString(svc.Status) == "ACTIVE" {
		if _, err := client.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &s.Cluster, Service: &s.Service, DesiredCount: aws.Int32(0)}); err != nil {
			return err
		}
		if _, err := client.DeleteService(ctx, &ecs.DeleteServiceInput{Cluster: &s.Cluster, Service: &s.Service, Force: aws.Bool(true)}); err != nil {
			return err
		}
	}
	return p.until(ctx, "its tasks have not ended", func(ctx context.Context) (bool, error) {
		svc, err := p.describeTagged(ctx)
		if svc != nil || err != nil {
			return false, err
		}
		tasks, err := client.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &s.Cluster, ServiceName: &s.Service})
		var noCluster *types.ClusterNotFoundException
		var noService *types.ServiceNotFoundException
		if errors.As(err, &noCluster) || errors.As(err, &noService) {
			return true, nil
		}
		return err == nil && len(tasks.TaskArns) == 0, err
	})
}

// drained is how long what is deleted may be in use: the longest deregistration delay
// and stop timeout, with room.
const drained = 75 * time.Minute

// until waits for done.
func (p *Provisioner) until(ctx context.Context, not string, done func(context.Context) (bool, error)) error {
	deadline := time.After(drained)
	for wait := 50 * time.Millisecond; ; wait = min(wait*3/2, 3*time.Second) {
		if ok, err := done(ctx); ok || err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline:
			return fault.New(fault.TimedOut, "look at it with `aws ecs describe-services`", "%s after %v", not, drained)
		}
	}
}

// findCluster finds the cluster, which stays while it has other services.
func (p *Provisioner) findCluster(ctx context.Context) ([]Item, error) {
	client, name := p.AWS.ECS(), p.Config.Cluster
	out, err := client.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{name}, Include: []types.ClusterField{types.ClusterFieldTags}})
	if err != nil || len(out.Clusters) == 0 || aws.ToString(out.Clusters[0].Status) == "INACTIVE" {
		return nil, err
	}
	c := out.Clusters[0]
	i := item("cluster", name, owned(p, c.Tags, ecsTag), func(ctx context.Context) error {
		_, err := client.DeleteCluster(ctx, &ecs.DeleteClusterInput{Cluster: &name})
		var none *types.ClusterNotFoundException
		if errors.As(err, &none) {
			return nil
		}
		return err
	})
	others := 0
	pages := ecs.NewListServicesPaginator(client, &ecs.ListServicesInput{Cluster: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		others += len(slices.DeleteFunc(page.ServiceArns, func(arn string) bool { return last(arn) == p.Config.Service }))
	}
	if others > 0 {
		i.Kept = fmt.Sprintf("%d other services run in it", others)
	}
	return []Item{i}, nil
}

// findDefinitions finds the active revisions of the family, which belong to the service
// when it does or when it is gone.
func (p *Provisioner) findDefinitions(ctx context.Context) ([]Item, error) {
	def, err := p.definition()
	if err != nil {
		return nil, err
	}
	family := aws.ToString(def.Family)
	arns, err := p.revisions(ctx, family, types.TaskDefinitionStatusActive)
	if err != nil || len(arns) == 0 {
		return nil, err
	}
	mine := true
	if s, err := p.describeTagged(ctx); err != nil {
		return nil, err
	} else if s != nil {
		mine = owned(p, s.Tags, ecsTag)
	}
	return []Item{item("task definition", fmt.Sprintf("%s (%s)", family, counted(len(arns), "revision")), mine, func(ctx context.Context) error {
		return p.removeDefinitions(ctx, arns)
	})}, nil
}

func (p *Provisioner) revisions(ctx context.Context, family string, status types.TaskDefinitionStatus) ([]string, error) {
	var out []string
	pages := ecs.NewListTaskDefinitionsPaginator(p.AWS.ECS(), &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family, Status: status})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, page.TaskDefinitionArns...)
	}
	return out, nil
}

// removeDefinitions deregisters revisions and then deletes them, ten at a time.
func (p *Provisioner) removeDefinitions(ctx context.Context, arns []string) error {
	client := p.AWS.ECS()
	for _, arn := range arns {
		if _, err := client.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &arn}); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(arns, 10) {
		out, err := client.DeleteTaskDefinitions(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: some})
		if err != nil {
			return err
		}
		if len(out.Failures) > 0 {
			return fmt.Errorf("%s: %s", aws.ToString(out.Failures[0].Arn), aws.ToString(out.Failures[0].Reason))
		}
	}
	return nil
}

// counted is a number of things in words.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}
