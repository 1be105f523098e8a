package provision

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func (p *Provisioner) repository(ctx context.Context) error {
	name := p.Config.Image.Repository
	_, err := p.AWS.ECR().CreateRepository(ctx, &ecr.CreateRepositoryInput{RepositoryName: &name, Tags: p.ecrTags()})
	var exists *ecrtypes.RepositoryAlreadyExistsException
	if err != nil && !errors.As(err, &exists) {
		return err
	}
	p.tell("repository", name, err == nil)
	return nil
}

func (p *Provisioner) cluster(ctx context.Context) error {
	name := p.Config.Cluster
	out, err := p.AWS.ECS().DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{name}})
	if err != nil {
		return err
	}
	for _, c := range out.Clusters {
		if aws.ToString(c.Status) == "ACTIVE" {
			p.tell("cluster", name, false)
			return nil
		}
	}
	if _, err := p.AWS.ECS().CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &name, Tags: p.ecsTags()}); err != nil {
		return err
	}
	p.tell("cluster", name, true)
	return nil
}

// logNames are the groups that the task definition's awslogs options name.
func (p *Provisioner) logNames() ([]string, error) {
	def, err := p.definition()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range def.ContainerDefinitions {
		if c.LogConfiguration == nil || c.LogConfiguration.LogDriver != ecstypes.LogDriverAwslogs {
			continue
		}
		if group := c.LogConfiguration.Options["awslogs-group"]; group != "" && !slices.Contains(out, group) {
			out = append(out, group)
		}
	}
	return out, nil
}

// logGroups makes the groups that containers log to.
func (p *Provisioner) logGroups(ctx context.Context) error {
	names, err := p.logNames()
	if err != nil {
		return err
	}
	for _, group := range names {
		_, err := p.AWS.Logs().CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group, Tags: map[string]string{ownerTag: p.owner()}})
		var exists *logstypes.ResourceAlreadyExistsException
		if err != nil && !errors.As(err, &exists) {
			return err
		}
		p.tell("log group", group, err == nil)
	}
	return nil
}
