package taskdef

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/regex"
)

// maxFargateStop is the longest stopTimeout on Fargate, in seconds.
const maxFargateStop = 120

var ecrImage = regex.New(`^[0-9]{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/`)

// checkFargate refuses what does not run on Fargate, if the author asked for it.
func checkFargate(td *types.TaskDefinition) error {
	if !slices.Contains(td.RequiresCompatibilities, types.CompatibilityFargate) {
		return nil
	}
	cpu, memory := sizes(td)
	switch {
	case td.NetworkMode != types.NetworkModeAwsvpc:
		return refuse("Fargate only supports network mode ‘awsvpc’.")
	case cpu == 0:
		return refuse("Fargate requires that 'cpu' be defined at the task level.")
	case memory == 0:
		return refuse("Fargate requires that 'memory' be defined at the task level.")
	case !onFargate(cpu, memory):
		return refuse("No Fargate configuration exists for given values: %d CPU, %d memory. See the Amazon ECS documentation for the valid values.", cpu, memory)
	}
	if what := beyondFargate(td); what != "" {
		return refuse("Fargate compatible task definitions do not support %s", what)
	}
	return checkExecutionRole(td)
}

// beyondFargate names the first thing that Fargate does not do.
func beyondFargate(td *types.TaskDefinition) string {
	if len(td.PlacementConstraints) > 0 {
		return "placement constraints"
	}
	if td.PidMode == types.PidModeHost {
		return "pidMode host"
	}
	if td.IpcMode != "" {
		return "ipcMode"
	}
	for _, v := range td.Volumes {
		switch {
		case v.Host != nil && aws.ToString(v.Host.SourcePath) != "":
			return "sourcePath"
		case v.DockerVolumeConfiguration != nil:
			return "dockerVolumeConfiguration"
		}
	}
	for _, c := range td.ContainerDefinitions {
		if what := containerBeyondFargate(c); what != "" {
			return what
		}
	}
	return ""
}

var fargateLogs = []types.LogDriver{types.LogDriverAwslogs, types.LogDriverSplunk, types.LogDriverAwsfirelens}

func containerBeyondFargate(c types.ContainerDefinition) string {
	switch {
	case aws.ToBool(c.Privileged):
		return "privileged"
	case aws.ToInt32(c.StopTimeout) > maxFargateStop:
		return "a stopTimeout of more than 120 seconds"
	case len(c.ExtraHosts) > 0:
		return "extraHosts"
	case c.LogConfiguration != nil && !slices.Contains(fargateLogs, c.LogConfiguration.LogDriver):
		return "the log driver " + string(c.LogConfiguration.LogDriver)
	case c.LinuxParameters == nil:
		return ""
	case len(c.LinuxParameters.Devices) > 0:
		return "devices"
	case c.LinuxParameters.SharedMemorySize != nil:
		return "sharedMemorySize"
	case len(c.LinuxParameters.Tmpfs) > 0:
		return "tmpfs"
	}
	return ""
}

func checkExecutionRole(td *types.TaskDefinition) error {
	if td.ExecutionRoleArn != nil {
		return nil
	}
	for _, c := range td.ContainerDefinitions {
		if ecrImage.MatchString(*c.Image) {
			return refuse("Fargate requires task definition to have execution role ARN to support ECR images.")
		}
		if c.LogConfiguration != nil && c.LogConfiguration.LogDriver == types.LogDriverAwslogs {
			return refuse("Fargate requires task definition to have execution role ARN to support log driver awslogs.")
		}
	}
	return nil
}

// compatibilities are where the definition could run.
func compatibilities(td *types.TaskDefinition) []types.Compatibility {
	var out []types.Compatibility
	if td.NetworkMode != types.NetworkModeAwsvpc {
		out = append(out, types.CompatibilityExternal)
	}
	if td.EphemeralStorage == nil {
		out = append(out, types.CompatibilityEc2)
	}
	if td.NetworkMode == types.NetworkModeAwsvpc && onFargate(sizes(td)) && beyondFargate(td) == "" && checkExecutionRole(td) == nil {
		out = append(out, types.CompatibilityFargate)
	}
	return out
}
