package cli

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/history"
)

// historyOptions are the options of `turnout history`.
type historyOptions struct {
	named
	limit int
}

func newHistory(g *global) *cobra.Command {
	o := &historyOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "history",
		Short: "List the service's deployments, newest first",
		Long: `History lists what was deployed: each deployment's id, how it ended, the revision it
brought with its image, how long it took, when, and by whom, and what took it back. By
whom is the creator that CodeDeploy notes; for users it is who registered the revision,
because CodeDeploy notes no names.`,
		Example: `  turnout history
  turnout history --limit 50 --json | jq '.deployments[] | select(.status == "Failed")'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.flags(c)
	c.Flags().IntVarP(&o.limit, "limit", "n", 10, "list `N` deployments")
	return c
}

// past is what --json prints.
type past struct {
	Service     string          `json:"service"`     // its name
	Controller  string          `json:"controller"`  // CODE_DEPLOY or ECS
	Deployments []history.Entry `json:"deployments"` // newest first
}

func (o *historyOptions) run(ctx context.Context) error {
	if o.limit < 1 {
		return fault.New(fault.Usage, "1 or more", "--limit %d lists nothing", o.limit)
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	all, err := (&history.Reader{Subject: s, Limit: o.limit}).Read(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		return o.printJSON(past{s.Service, string(s.Controller()), all})
	}
	if len(all) == 0 {
		o.Talk("service %s has not been deployed to yet; %s serves", s.Service, s.TaskDefinition())
		return nil
	}
	history.Print(o.OnOut(), all, time.Now())
	return nil
}
