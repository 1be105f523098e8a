package taskdef

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Override returns what td is for a task with overrides. A container that td does not have
// gives an InvalidParameterException; td itself stays as it is.
func Override(td types.TaskDefinition, o *types.TaskOverride) (types.TaskDefinition, error) {
	if o == nil {
		return td, nil
	}
	set(&td.Cpu, o.Cpu)
	set(&td.Memory, o.Memory)
	set(&td.TaskRoleArn, o.TaskRoleArn)
	set(&td.ExecutionRoleArn, o.ExecutionRoleArn)
	if o.EphemeralStorage != nil {
		td.EphemeralStorage = o.EphemeralStorage
	}
	if err := normalize(&td); err != nil {
		return td, err
	}
	td.ContainerDefinitions = slices.Clone(td.ContainerDefinitions)
	for _, c := range o.ContainerOverrides {
		at := container(&td, aws.ToString(c.Name))
		if at == nil {
			return td, &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(
				"Override for container named %s is not a container in the TaskDefinition.", aws.ToString(c.Name)))}
		}
		overrideContainer(at, c)
	}
	return td, nil
}

func set[T any](at **T, v *T) {
	if v != nil {
		*at = v
	}
}

func overrideContainer(c *types.ContainerDefinition, o types.ContainerOverride) {
	if o.Command != nil {
		c.Command = o.Command
	}
	if o.Cpu != nil {
		c.Cpu = *o.Cpu
	}
	set(&c.Memory, o.Memory)
	set(&c.MemoryReservation, o.MemoryReservation)
	if o.EnvironmentFiles != nil {
		c.EnvironmentFiles = o.EnvironmentFiles
	}
	env := slices.Clone(c.Environment)
	for _, kv := range o.Environment {
		i := slices.IndexFunc(env, func(e types.KeyValuePair) bool { return aws.ToString(e.Name) == aws.ToString(kv.Name) })
		if i >= 0 {
			env[i] = kv
		} else {
			env = append(env, kv)
		}
	}
	c.Environment = env
}
