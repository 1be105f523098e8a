// Package render is the stage that puts the pushed image into the task definition, and
// that checks the task definition and the appspec against each other beforehand.
package render

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// Stage renders the task definition.
type Stage struct{}

func (Stage) String() string { return "render" }

// Check reads the documents and holds them against each other.
func (Stage) Check(_ context.Context, r *run.Run) error {
	td, container, err := documents(r)
	if err != nil {
		return err
	}
	if err := unknown(td, r); err != nil {
		return err
	}
	if _, err := put(td, container, r); err != nil {
		return err
	}
	return named(td, container, r)
}

// named refuses images that nobody has put in the place of a placeholder; the image of the
// given container may still be built.
func named(td *taskdef.TaskDefinition, container string, r *run.Run) error {
	for _, c := range td.Containers() {
		image, err := td.Image(c)
		if err != nil {
			return err
		}
		built := c == container && (r.Start == nil || r.Start.Verb != "deploy")
		if strings.HasPrefix(image, "<") && !built {
			return td.At(c, "name one with --image "+c+"=IMAGE; `turnout ship` builds that of "+container, "the image of container %q is the placeholder %s", c, image)
		}
	}
	return nil
}

// unknown warns of fields that ECS is not known to have; with Strict they are errors.
func unknown(td *taskdef.TaskDefinition, r *run.Run) error {
	for _, e := range td.Unknown() {
		if r.Options.Strict {
			return e
		}
		r.Report.Warn("%s (%s)", e, e.Hint)
	}
	return nil
}

// Run sets the images and keeps the rendered document among the facts.
func (Stage) Run(_ context.Context, r *run.Run) (string, error) {
	td, container, err := documents(r)
	if err != nil {
		return "", err
	}
	changed, err := put(td, container, r)
	if err != nil {
		return "", err
	}
	gone, err := td.StripReadOnly()
	if err != nil {
		return "", err
	}
	if len(gone) > 0 {
		r.Report.Warn("%s: left out what ECS sets itself: %s", td.File(), strings.Join(gone, ", "))
	}
	r.Facts.Rendered, err = td.JSON()
	if err != nil {
		return "", err
	}
	if len(changed) == 0 {
		return td.File() + " as it stands", nil
	}
	return strings.Join(changed, ", ") + " in " + td.File(), nil
}

// Skip tells that the document was rendered already: a bundle brings it, or a run that is
// picked up again.
func (Stage) Skip(r *run.Run) string {
	if r.Facts.TaskDefinition != "" {
		return "registered already"
	}
	return ""
}

// put makes the run's changes and tells what they were.
func put(td *taskdef.TaskDefinition, container string, r *run.Run) ([]string, error) {
	if r.Options.Changed && r.Options.Change.Empty() {
		return nil, fault.New(fault.Usage, "start a new run with the same options; an equal revision would be used again", "the values that this run was to put into the task definition are kept nowhere, and nothing was registered yet")
	}
	if _, err := td.Image(container); err != nil {
		return nil, err
	}
	return td.Apply(container, r.Change())
}

// documents reads the task definition and the appspec, checks that they agree, and tells
// the container that the image is for. A rolling deployment has no appspec.
func documents(r *run.Run) (*taskdef.TaskDefinition, string, error) {
	td, err := taskdef.Read(r.Config.Path(r.Config.TaskDef))
	if err != nil {
		return nil, "", err
	}
	if r.Facts.Controller == run.Rolling || (r.Facts.Controller == "" && !r.Config.HasAppSpec()) {
		container, err := target(td, r)
		return td, container, err
	}
	spec, err := appspec.Read(r.Config.Path(r.Config.AppSpec))
	if err != nil {
		return nil, "", err
	}
	container := r.Config.Container
	if container == "" {
		container = spec.Container()
	}
	return td, container, agree(td, spec)
}

// target is the container of a rolling deployment's image: the configured one, the one
// behind the load balancer, or the only one.
func target(td *taskdef.TaskDefinition, r *run.Run) (string, error) {
	all := td.Containers()
	switch {
	case r.Config.Container != "":
		return r.Config.Container, nil
	case r.Service != nil && len(r.Service.LoadBalancers) > 0:
		return aws.ToString(r.Service.LoadBalancers[0].ContainerName), nil
	case len(all) == 1:
		return all[0], nil
	}
	return "", fault.New(fault.Usage, "set container in turnout.yml: "+strings.Join(all, ", "), "%s has %d containers, and none is named to take the image", td.File(), len(all))
}

// agree checks that the appspec's container exists and exposes its port.
func agree(td *taskdef.TaskDefinition, spec *appspec.AppSpec) error {
	if !slices.Contains(td.Containers(), spec.Container()) {
		return spec.AtContainer("containers in "+td.File()+": "+strings.Join(td.Containers(), ", "),
			"container %q is not in the task definition", spec.Container())
	}
	def, err := td.Definition()
	if err != nil {
		return err
	}
	var ports []string
	for _, c := range def.ContainerDefinitions {
		if aws.ToString(c.Name) != spec.Container() {
			continue
		}
		for _, p := range c.PortMappings {
			if covers(p, spec.Port()) {
				return nil
			}
			ports = append(ports, fmt.Sprint(aws.ToInt32(p.ContainerPort)))
		}
	}
	hint := fmt.Sprintf("add {\"containerPort\": %d} to its portMappings", spec.Port())
	if len(ports) > 0 {
		hint += ", or use port " + strings.Join(ports, " or ")
	}
	return spec.AtPort(hint, "container %q does not expose port %d in %s", spec.Container(), spec.Port(), td.File())
}

func covers(p ecstypes.PortMapping, port int) bool {
	return int(aws.ToInt32(p.ContainerPort)) == port
}
