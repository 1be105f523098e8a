package agent

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// edge is one dependency between containers.
type edge struct {
	on        string
	condition types.ContainerCondition
}

// edges are what a container waits for: dependsOn, and the containers it links to or
// takes volumes from, which must have started.
func edges(def types.ContainerDefinition) []edge {
	var es []edge
	for _, d := range def.DependsOn {
		es = append(es, edge{aws.ToString(d.ContainerName), d.Condition})
	}
	for _, l := range def.Links {
		name, _, _ := strings.Cut(l, ":")
		es = append(es, edge{name, types.ContainerConditionStart})
	}
	for _, v := range def.VolumesFrom {
		es = append(es, edge{aws.ToString(v.SourceContainer), types.ContainerConditionStart})
	}
	return es
}

// CheckDependencies returns an error if containers wait for one another in a circle, for
// one that is not there, or for the health of one that has no health check.
func CheckDependencies(defs []types.ContainerDefinition) error {
	byName := map[string]types.ContainerDefinition{}
	for _, d := range defs {
		byName[aws.ToString(d.Name)] = d
	}
	g := graph{defs: byName, state: map[string]visit{}}
	for _, d := range defs {
		if err := g.visit(aws.ToString(d.Name), nil); err != nil {
			return &reasonError{"TaskDependencyError", err}
		}
	}
	return nil
}

type visit int

const (
	unseen visit = iota
	open         // on the path that is being walked
	closed
)

type graph struct {
	defs  map[string]types.ContainerDefinition
	state map[string]visit
}

func (g graph) visit(name string, path []string) error {
	path = append(path, name)
	switch g.state[name] {
	case closed:
		return nil
	case open:
		return fmt.Errorf("containers depend on each other in a circle: %s", strings.Join(path, " → "))
	}
	g.state[name] = open
	for _, e := range edges(g.defs[name]) {
		if err := g.check(name, e); err != nil {
			return err
		}
		if err := g.visit(e.on, path); err != nil {
			return err
		}
	}
	g.state[name] = closed
	return nil
}

func (g graph) check(name string, e edge) error {
	def, ok := g.defs[e.on]
	if !ok {
		return fmt.Errorf("container %s depends on container %s, which is not in the task", name, e.on)
	}
	if e.condition == types.ContainerConditionHealthy && newHealthCheck(def.HealthCheck) == nil {
		return fmt.Errorf("container %s waits for the health of container %s, which has no health check", name, e.on)
	}
	return nil
}

// errWaiting is why a container may not start yet.
var errWaiting = errors.New("dependencies not there yet")

// ready returns nil if c may start, errWaiting if not yet, and another error if it never
// can.
func (t *task) ready(c *container) error {
	result := error(nil)
	for _, e := range edges(c.def) {
		switch err := t.container(e.on).reached(e.condition); {
		case err == nil:
		case errors.Is(err, errWaiting):
			result = errWaiting
		default:
			return fmt.Errorf("dependency of container %s on %s (%s): %w", c.name, e.on, e.condition, err)
		}
	}
	return result
}

// reached returns nil when a container is what others wait for, errWaiting while it can
// become so, and another error once it no longer can.
func (c *container) reached(condition types.ContainerCondition) error {
	if done := c.fulfils(condition); done {
		return nil
	}
	switch {
	case c.phase == stopped && !c.began():
		return errors.New("it could not be started")
	case c.phase == stopped && condition == types.ContainerConditionSuccess:
		return fmt.Errorf("it exited with code %d", aws.ToInt32(c.state.ExitCode))
	case c.phase == stopped:
		return errors.New("it exited")
	case c.overdue:
		return fmt.Errorf("timed out after its startTimeout of %d s", aws.ToInt32(c.def.StartTimeout))
	}
	return errWaiting
}

func (c *container) fulfils(condition types.ContainerCondition) bool {
	switch condition {
	case types.ContainerConditionComplete:
		return c.phase == stopped && c.began()
	case types.ContainerConditionSuccess:
		return c.phase == stopped && c.state.ExitCode != nil && *c.state.ExitCode == 0
	case types.ContainerConditionHealthy:
		return c.phase == running && c.state.Health == types.HealthStatusHealthy
	}
	return c.began()
}

// dependents are the containers that wait for c to start, and so stop before it.
func (t *task) dependents(c *container) []*container {
	var ds []*container
	for _, d := range t.containers {
		for _, e := range edges(d.def) {
			if e.on == c.name {
				ds = append(ds, d)
				break
			}
		}
	}
	return ds
}
