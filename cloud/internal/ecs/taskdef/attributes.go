package taskdef

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Prefixes of the names of what an instance's agent can do.
const (
	docker = "com.amazonaws.ecs.capability."
	plain  = "ecs.capability."
)

// attributes are what a container instance would have to offer.
func attributes(td *types.TaskDefinition) []types.Attribute {
	var a list
	for _, c := range td.ContainerDefinitions {
		a.container(td, c)
	}
	if td.TaskRoleArn != nil {
		a.add(docker + "task-iam-role")
	}
	a.add(docker + "docker-remote-api.1.18")
	if td.NetworkMode == types.NetworkModeAwsvpc {
		a.add(plain + "task-eni")
	}
	for _, v := range td.Volumes {
		if v.EfsVolumeConfiguration != nil {
			a.add(plain + "efs")
		}
	}
	return a.all
}

type list struct {
	all  []types.Attribute
	seen map[string]bool
}

func (l *list) add(names ...string) {
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	for _, n := range names {
		if !l.seen[n] {
			l.seen[n] = true
			l.all = append(l.all, types.Attribute{Name: aws.String(n)})
		}
	}
}

func (l *list) container(td *types.TaskDefinition, c types.ContainerDefinition) {
	if c.LogConfiguration != nil {
		l.add(docker + "logging-driver." + string(c.LogConfiguration.LogDriver))
		if c.LogConfiguration.LogDriver == types.LogDriverAwslogs && td.ExecutionRoleArn != nil {
			l.add(plain+"execution-role-awslogs", docker+"docker-remote-api.1.19")
		}
	}
	if ecrImage.MatchString(*c.Image) {
		l.add(docker + "ecr-auth")
		if td.ExecutionRoleArn != nil {
			l.add(plain + "execution-role-ecr-pull")
		}
	}
	for _, s := range c.Secrets {
		store := "ssm"
		if strings.Contains(*s.ValueFrom, ":secretsmanager:") {
			store = "asm"
		}
		l.add(plain + "secrets." + store + ".environment-variables")
	}
	if c.HealthCheck != nil {
		l.add(plain+"container-health-check", docker+"docker-remote-api.1.24")
	}
	if len(c.DependsOn) > 0 {
		l.add(plain + "container-ordering")
	}
	if len(c.EnvironmentFiles) > 0 {
		l.add(plain + "env-files.s3")
	}
	if c.MemoryReservation != nil {
		l.add(docker + "docker-remote-api.1.21")
	}
	if aws.ToBool(c.Privileged) {
		l.add(docker + "privileged-container")
	}
}
