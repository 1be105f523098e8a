package autopsy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/diff"
)

// lastLines is how many log lines of a container are shown.
const lastLines = 10

// log reads a container's last lines from CloudWatch Logs; why tells when it cannot.
func (c *surgeon) log(ctx context.Context, revision, task, container string) (lines []string, why string) {
	conf, err := c.logConfiguration(ctx, revision, container)
	if err != nil {
		return nil, err.Error()
	}
	group, prefix := conf.Options["awslogs-group"], conf.Options["awslogs-stream-prefix"]
	if prefix == "" {
		return nil, "awslogs-stream-prefix is not set, so the stream cannot be found"
	}
	stream := prefix + "/" + container + "/" + task
	out, err := c.aws.Logs().GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: &group, LogStreamName: &stream, Limit: aws.Int32(lastLines), StartFromHead: aws.Bool(false),
	})
	var none *logstypes.ResourceNotFoundException
	if errors.As(err, &none) {
		return nil, "it wrote nothing"
	}
	if err != nil {
		return nil, err.Error()
	}
	secrets := c.secrets(ctx, revision)
	for _, e := range out.Events {
		lines = append(lines, masked(secrets.Replace(aws.ToString(e.Message))))
	}
	return lines, ""
}

// masked is a line of a log without what looks like a secret.
func masked(line string) string {
	line, _ = diff.Masked("message", line).(string) // a string stays one
	return line
}

// secrets takes the values out of a text that a revision gives its containers under names
// which look secret: programs write their environment into their logs.
func (c *surgeon) secrets(ctx context.Context, revision string) *strings.Replacer {
	var pairs []string
	if td, err := c.definition(ctx, revision); err == nil {
		for _, k := range td.ContainerDefinitions {
			for _, e := range k.Environment {
				if v := aws.ToString(e.Value); len(v) >= leastSecret && diff.Secret(aws.ToString(e.Name)) {
					pairs = append(pairs, v, "***")
				}
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// leastSecret is how long a value has to be to be taken out: shorter ones stand in logs
// for other reasons.
const leastSecret = 4

func (c *surgeon) logConfiguration(ctx context.Context, revision, container string) (*ecstypes.LogConfiguration, error) {
	td, err := c.definition(ctx, revision)
	if err != nil {
		return nil, err
	}
	for _, k := range td.ContainerDefinitions {
		if aws.ToString(k.Name) != container {
			continue
		}
		if k.LogConfiguration == nil || k.LogConfiguration.LogDriver != ecstypes.LogDriverAwslogs {
			return nil, errors.New("no logConfiguration with the awslogs driver, so no log can be shown")
		}
		return k.LogConfiguration, nil
	}
	return nil, fmt.Errorf("container %s is not in %s", container, revision)
}

// definition reads a revision, once.
func (c *surgeon) definition(ctx context.Context, revision string) (*ecstypes.TaskDefinition, error) {
	if td := c.confs[revision]; td != nil {
		return td, nil
	}
	d, err := c.aws.ECS().DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &revision})
	if err != nil {
		return nil, err
	}
	c.confs[revision] = d.TaskDefinition
	return d.TaskDefinition, nil
}
