package cli

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/provision"
)

// deprovisionOptions are the options of `turnout deprovision`.
type deprovisionOptions struct {
	*global
	yes, all, dry bool
}

func newDeprovision(g *global) *cobra.Command {
	o := &deprovisionOptions{global: g}
	c := &cobra.Command{
		Use:   "deprovision",
		Short: "Delete what `turnout provision` made for the service",
		Long: `Deprovision deletes the infrastructure of turnout.yml in the order in which it can go:
CodeDeploy's group and application, the service (its tasks are drained and waited for),
listeners, load balancer, target groups, cluster, task definitions, log groups, the
repository with its images, and the roles.

It names everything first and asks, or goes ahead with --yes. Only what ` + "`turnout provision`" + `
made for this very service is deleted: it carries the tag turnout:service. What others
use, such as a cluster with other services, stays and is named with the reason. After an
interruption, run it again.`,
		Example: "  turnout deprovision --local --yes\n  turnout deprovision --dry-run --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	g.fileFlag(c)
	g.cloudFlags(c)
	g.jsonFlag(c)
	f := c.Flags()
	f.BoolVarP(&o.yes, "yes", "y", false, "delete without asking")
	f.BoolVar(&o.all, "all", false, "also what has no tag of \"turnout provision\", unless others use it")
	f.BoolVar(&o.dry, "dry-run", false, "name what would be deleted, and delete nothing")
	return c
}

func (o *deprovisionOptions) run(ctx context.Context) error {
	c, err := o.load()
	if err != nil {
		return err
	}
	a, err := o.clients(ctx, c)
	if err != nil {
		return err
	}
	began, gone := time.Now(), 0
	p := &provision.Provisioner{AWS: a, Config: c, Tell: func(kind, name string, _ bool) {
		gone++
		o.Talk("%s %-17s %s", o.Bad("-"), kind, name)
	}}
	items, err := p.Inventory(ctx, o.all)
	if err != nil {
		return err
	}
	todo := 0
	for _, i := range items {
		if i.Kept == "" {
			todo++
		}
	}
	if ok, err := o.confirm(items, todo); err != nil || !ok {
		return err
	}
	if err := p.Remove(ctx, items); err != nil {
		return err
	}
	if o.JSON {
		return o.printItems(items)
	}
	o.Talk("%s %d deleted, %d kept (%s)", o.Good("deprovisioned"), gone, len(items)-gone, time.Since(began).Round(10*time.Millisecond))
	return nil
}

// confirm names everything and asks whether to go ahead.
func (o *deprovisionOptions) confirm(items []provision.Item, todo int) (bool, error) {
	if o.dry && o.JSON {
		return false, o.printItems(items)
	}
	for _, i := range items {
		if i.Kept != "" {
			o.Talk("%s %-17s %s %s", o.Dim("="), i.Kind, i.Name, o.Dim("kept: "+i.Kept))
		} else if o.dry || !o.yes {
			o.Talk("  %-17s %s", i.Kind, i.Name)
		}
	}
	switch {
	case o.dry:
		o.Talk("%d to delete; nothing was deleted (--dry-run)", todo)
		return false, nil
	case todo == 0 || o.yes:
		return true, nil
	case !o.TTY || o.JSON:
		return false, fault.New(fault.Usage, "--yes goes ahead, --dry-run only names them", "nobody can be asked whether to delete these %d", todo)
	}
	answer, err := o.Ask("delete the "+plural(todo)+" named above", "no", "yes")
	if err == nil && answer == "no" {
		o.Talk("nothing was deleted")
	}
	return answer == "yes", err
}

func plural(n int) string {
	if n == 1 {
		return "one thing"
	}
	return strconv.Itoa(n) + " things"
}

// deprovisioned is what --json prints.
type deprovisioned struct {
	Deleted []provision.Item `json:"deleted"` // or would be
	Kept    []provision.Item `json:"kept"`    // each with the reason
	DryRun  bool             `json:"dryRun"`  // nothing was deleted
}

// printItems prints what was deleted (or would be) and what was kept.
func (o *deprovisionOptions) printItems(items []provision.Item) error {
	out := deprovisioned{[]provision.Item{}, []provision.Item{}, o.dry}
	for _, i := range items {
		if i.Kept == "" {
			out.Deleted = append(out.Deleted, i)
		} else {
			out.Kept = append(out.Kept, i)
		}
	}
	return o.printJSON(out)
}
