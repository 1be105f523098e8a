package config

import (
	"maps"
	"slices"

	"github.com/turnoutdev/turnout/internal/taskdef"
)

// Change is what the file has every deployment change in the task definition.
func (r Render) Change() taskdef.Change {
	out := taskdef.Change{TaskRole: r.TaskRole, ExecutionRole: r.ExecutionRole}
	for _, c := range r.Containers {
		out.Containers = append(out.Containers, c.Change())
	}
	return out
}

// Change is what changes in the container.
func (c Container) Change() taskdef.ContainerChange {
	return taskdef.ContainerChange{
		Name: c.Name, Image: c.Image, Command: c.Command, EnvFiles: c.EnvFiles,
		Environment: pairs(c.Environment), Secrets: pairs(c.Secrets), Labels: pairs(c.Labels),
		LogDriver: c.LogDriver, LogOptions: pairs(c.LogOptions),
	}
}

// pairs are the entries of m in the order of their names, so that a file always renders
// to the same document.
func pairs(m map[string]string) []taskdef.Pair {
	var out []taskdef.Pair
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, taskdef.Pair{Name: name, Value: m[name]})
	}
	return out
}
