package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline"
	"github.com/turnoutdev/turnout/internal/provision"
	"github.com/turnoutdev/turnout/internal/run"
)

func newProvision(g *global) *cobra.Command {
	c := &cobra.Command{
		Use:   "provision",
		Short: "Make the infrastructure that turnout.yml describes",
		Long: `Provision makes, by AWS API calls alone, what the service needs: repository, roles, log
groups, cluster, load balancer with two target groups and listeners, the service with its
first revision, and the CodeDeploy application and deployment group. What exists is used
as it is, so it may be run again at any time.`,
		Example: "  turnout provision --local\n  turnout provision --profile staging",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runProvision(c.Context(), g) },
	}
	g.fileFlag(c)
	g.cloudFlags(c)
	g.builderFlag(c)
	g.jsonFlag(c)
	return c
}

// provisioned is what --json prints.
type provisioned struct {
	Made int `json:"made"` // how many things were made
	Kept int `json:"kept"` // how many stood already
}

func runProvision(ctx context.Context, g *global) error {
	r, err := g.begin(ctx, run.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = r.Journal.Close() }() // every entry is on disk already
	made, kept, err := provisionRun(ctx, g, r)
	if err == nil && g.JSON {
		err = g.printJSON(provisioned{made, kept})
	}
	return err
}

// provisionRun makes the infrastructure of r and, where there is no service yet, its
// first revision from the run's source.
func provisionRun(ctx context.Context, g *global, r *run.Run) (made, kept int, err error) {
	began := time.Now()
	p := &provision.Provisioner{AWS: r.AWS, Config: r.Config, Tell: func(kind, name string, isNew bool) {
		mark := g.Dim("=")
		if isNew {
			mark, made = g.Good("+"), made+1
		} else {
			kept++
		}
		g.Talk("%s %-17s %s", mark, kind, name)
	}}
	if err := p.Base(ctx); err != nil {
		return made, kept, err
	}
	has, err := p.HasService(ctx)
	if err != nil {
		return made, kept, err
	}
	if !has {
		if err := pipeline.Execute(ctx, r, pipeline.FirstRevision); err != nil {
			return made, kept, halfway(err, made)
		}
	}
	if err := p.Service(ctx, r.Facts.TaskDefinition); err != nil {
		return made, kept, err
	}
	g.Talk("%s %d made, %d stood already (%s)", g.Good("provisioned"), made, kept, time.Since(began).Round(10*time.Millisecond))
	return made, kept, nil
}

// halfway is the error of what came after made things: that something was changed has an
// exit code of its own.
func halfway(err error, made int) error {
	if made == 0 || fault.Code(err) != fault.Usage {
		return err
	}
	return fault.New(fault.Failed, fault.Hint(err), "%w\nwhat was made stands: `turnout provision` goes on from there", err)
}
