// Package preflight is the stage that has the doctor look at everything a deployment
// needs, before anything is built or registered. What it finds wrong ends the run; the
// rest is told.
package preflight

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/doctor"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/taskdef"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Stage is the preflight.
type Stage struct{}

func (Stage) String() string { return "preflight" }

// Skip tells that no preflight was asked for, or that its time is over.
func (Stage) Skip(r *run.Run) string {
	switch {
	case !r.Options.Preflight:
		return "`turnout doctor` or --preflight makes it"
	case r.Facts.TaskDefinition != "":
		return "registered already"
	}
	return ""
}

// Check makes the examination.
func (s Stage) Check(ctx context.Context, r *run.Run) error {
	if s.Skip(r) != "" {
		return nil
	}
	rep, err := Examine(ctx, r)
	if err != nil {
		return err
	}
	r.Examined = rep
	var bad []doctor.Finding
	for _, f := range rep.Findings {
		switch {
		case f.Severity == doctor.Error || (r.Options.Strict && f.Severity == doctor.Warning):
			bad = append(bad, f)
		case f.Severity == doctor.Warning:
			r.Report.Warn("%s", f)
		}
	}
	return refusal(bad)
}

// refusal is the error of what was found: one finding with its fix as the hint, several
// with theirs beside them.
func refusal(bad []doctor.Finding) error {
	switch len(bad) {
	case 0:
		return nil
	case 1:
		return fault.New(fault.Usage, bad[0].Fix, "preflight, nothing was changed: %s", bad[0])
	}
	var lines strings.Builder
	for _, f := range bad {
		fmt.Fprintf(&lines, "\n  %s", f)
		if f.Fix != "" {
			fmt.Fprintf(&lines, ": %s", f.Fix)
		}
	}
	return fault.New(fault.Usage, "`turnout doctor` looks again", "preflight found %d errors, nothing was changed:%s", len(bad), lines.String())
}

// Run tells what Check found.
func (Stage) Run(_ context.Context, r *run.Run) (string, error) {
	text := r.Examined.Summary()
	if len(r.Examined.Findings) > 0 {
		text += " (`turnout doctor` tells)"
	}
	return text, nil
}

// Examine has the doctor look at what the run is about to deploy.
func Examine(ctx context.Context, r *run.Run) (*doctor.Report, error) {
	td, err := taskdef.Read(r.Config.Path(r.Config.TaskDef))
	if err != nil {
		return nil, err
	}
	s := &doctor.Subject{
		AWS: r.AWS, Cluster: r.Config.Cluster, Name: r.Config.Service, File: td.File(), Service: r.Service, Group: r.Group,
		Config: r.Options.DeploymentConfig, Waits: r.Until() == watch.Done, Built: r.Built != nil || r.Start != nil && r.Start.Verb == "ship",
	}
	if _, err := os.Stat(r.Config.Path(r.Config.Image.Dockerfile)); err == nil && r.Start == nil { // asked before anybody has said how it is deployed
		s.Source = true
	}
	if r.Facts.Controller != run.Rolling {
		if s.AppSpec, err = appspec.Read(r.Config.Path(r.Config.AppSpec)); err != nil {
			return nil, err
		}
	}
	if _, err := td.Apply(main(td, s, r), r.Change()); err != nil {
		return nil, err
	}
	if s.Definition, err = td.Definition(); err != nil {
		return nil, err
	}
	return doctor.Examine(ctx, s), nil
}

// main is the container that an image without a name is for: the configured one, the one
// behind the load balancer, or the first.
func main(td *taskdef.TaskDefinition, s *doctor.Subject, r *run.Run) string {
	switch {
	case r.Config.Container != "":
		return r.Config.Container
	case s.AppSpec != nil:
		return s.AppSpec.Container()
	case r.Service != nil && len(r.Service.LoadBalancers) > 0:
		return aws.ToString(r.Service.LoadBalancers[0].ContainerName)
	}
	return td.Containers()[0]
}
