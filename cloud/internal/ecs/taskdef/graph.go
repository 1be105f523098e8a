package taskdef

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func container(td *types.TaskDefinition, named string) *types.ContainerDefinition {
	for i := range td.ContainerDefinitions {
		if c := &td.ContainerDefinitions[i]; *c.Name == named {
			return c
		}
	}
	return nil
}

func checkDependencies(td *types.TaskDefinition) error {
	for _, c := range td.ContainerDefinitions {
		for _, d := range c.DependsOn {
			if err := checkDependency(td, d); err != nil {
				return err
			}
		}
	}
	seen := map[string]int{}
	for _, c := range td.ContainerDefinitions {
		if circular(td, *c.Name, seen) {
			return refuse("The containers' dependencies contain a cycle that includes '%s'.", *c.Name)
		}
	}
	return nil
}

func checkDependency(td *types.TaskDefinition, d types.ContainerDependency) error {
	on := container(td, aws.ToString(d.ContainerName))
	if on == nil {
		return refuse("The dependency container '%s' does not exist in the task definition.", aws.ToString(d.ContainerName))
	}
	switch d.Condition {
	case types.ContainerConditionSuccess, types.ContainerConditionComplete:
		if *on.Essential {
			return refuse("A dependency container with SUCCESS or COMPLETE condition cannot be an essential container")
		}
	case types.ContainerConditionHealthy:
		if on.HealthCheck == nil {
			return refuse("A dependency container with HEALTHY condition must have a health check")
		}
	}
	return nil
}

// Marks of a depth-first search.
const (
	open   = 1
	closed = 2
)

func circular(td *types.TaskDefinition, from string, seen map[string]int) bool {
	if seen[from] != 0 {
		return seen[from] == open
	}
	seen[from] = open
	for _, d := range container(td, from).DependsOn {
		if circular(td, *d.ContainerName, seen) {
			return true
		}
	}
	seen[from] = closed
	return false
}

func checkVolumes(td *types.TaskDefinition) error {
	known := map[string]bool{}
	for _, v := range td.Volumes {
		n := aws.ToString(v.Name)
		if !name.MatchString(n) {
			return refuse("Volume.name contains invalid characters.")
		}
		if known[n] {
			return refuse("Volume names must be unique: '%s' is used more than once.", n)
		}
		known[n] = true
	}
	for _, c := range td.ContainerDefinitions {
		for _, m := range c.MountPoints {
			if !known[aws.ToString(m.SourceVolume)] {
				return refuse("Unknown volume '%s'.", aws.ToString(m.SourceVolume))
			}
		}
		for _, v := range c.VolumesFrom {
			if container(td, aws.ToString(v.SourceContainer)) == nil {
				return refuse("Unknown container '%s' in volumesFrom.", aws.ToString(v.SourceContainer))
			}
		}
	}
	return nil
}
