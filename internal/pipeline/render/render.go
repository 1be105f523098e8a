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
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// Stage renders the task definition.
type Stage struct{}

func (Stage) String() string { return "render" }

// Check reads both documents and holds them against each other.
func (Stage) Check(_ context.Context, r *run.Run) error {
	td, container, err := documents(r)
	if err != nil {
		return err
	}
	_, err = td.Image(container)
	return err
}

// Run sets the image and keeps the rendered document among the facts.
func (Stage) Run(_ context.Context, r *run.Run) (string, error) {
	td, container, err := documents(r)
	if err != nil {
		return "", err
	}
	if r.Facts.Image != "" {
		if err := td.SetImage(container, r.Facts.Image); err != nil {
			return "", err
		}
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
	return fmt.Sprintf("container %s in %s", container, td.File()), nil
}

// documents reads the task definition and the appspec and checks that they agree.
func documents(r *run.Run) (*taskdef.TaskDefinition, string, error) {
	td, err := taskdef.Read(r.Config.Path(r.Config.TaskDef))
	if err != nil {
		return nil, "", err
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
