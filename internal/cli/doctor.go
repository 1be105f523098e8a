package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/doctor"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/locate"
	"github.com/turnoutdev/turnout/internal/pipeline/preflight"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

// doctorOptions are the options of `turnout doctor`.
type doctorOptions struct {
	*global
	run.Options
	image  string
	strict bool
}

func newDoctor(g *global) *cobra.Command {
	o := &doctorOptions{global: g}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Find what will go wrong with a deployment, before it is made",
		Long: `Doctor looks at everything that a deployment needs and changes nothing: credentials and
permissions (with the missing statement), images and their architecture, roles, log
groups, secrets, the listener and its rules, target groups, hook functions, alarms, active
deployments and long waits. Each finding says what is wrong, where, what will come of it, and how to mend it.`,
		Example: "  turnout doctor\n  turnout doctor --image $IMAGE --json\n  turnout doctor --strict     # warnings fail too",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	g.fileFlag(c)
	g.cloudFlags(c)
	g.jsonFlag(c)
	f := c.Flags()
	f.StringVar(&o.image, "image", "", "`IMAGE` that is to be deployed (default: the one that the task definition names)")
	choice(c, &o.DeploymentConfig, "config", "", "`NAME` of the deployment configuration that is to be used (default: the group's)", predefined...)
	f.BoolVar(&o.strict, "strict", false, "fail on warnings too")
	return c
}

func (o *doctorOptions) run(ctx context.Context) error {
	c, err := o.load()
	if err != nil {
		return err
	}
	a, err := o.clients(ctx, c)
	if err != nil {
		return err
	}
	// An active deployment is a finding here, not an end.
	o.IfActive = run.Wait
	if o.image != "" {
		o.Images = []run.Image{{Ref: o.image}}
	}
	r := &run.Run{Config: c, AWS: a, Options: o.Options, Report: term.NewReporter(o.Streams)}
	if err := (locate.Stage{}).Check(ctx, r); err != nil {
		return err
	}
	rep, err := preflight.Examine(ctx, r)
	if err != nil {
		return err
	}
	if err := o.show(rep); err != nil {
		return err
	}
	if w := rep.Worst(); w == doctor.Error || (o.strict && w == doctor.Warning) {
		return &silent{fault.New(fault.Failed, "", "the doctor found errors")}
	}
	return nil
}

func (o *doctorOptions) show(rep *doctor.Report) error {
	if o.JSON {
		return o.printJSON(rep)
	}
	if rep.Caller != "" {
		o.Talk("%s in account %s", rep.Caller, rep.Account)
	}
	for _, f := range rep.Findings {
		mark := map[doctor.Severity]string{doctor.Error: o.Bad("✗ error  "), doctor.Warning: o.Caution("! warning"), doctor.Note: o.Dim("· note   ")}[f.Severity]
		fmt.Fprintf(o.Out, "%s %s\n", mark, f.What)
		for _, line := range [][2]string{{"where", f.Where}, {"why", f.Why}, {"fix", f.Fix}} {
			if line[1] != "" {
				fmt.Fprintf(o.Out, "          %-5s  %s\n", line[0], line[1])
			}
		}
	}
	if len(rep.Findings) == 0 {
		o.Talk("%s %s, nothing found", o.Good("✓"), rep.Summary())
		return nil
	}
	o.Talk("%s", rep.Summary())
	return nil
}
