package cli

import (
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/control"
)

func newRollback(g *global) *cobra.Command {
	o := &actOptions{named: named{global: g}}
	var to, config string
	c := &cobra.Command{
		Use:   "rollback",
		Short: "Bring the previous revision back, or a given one",
		Long: `Rollback brings back what served before: the revision of the last successful deployment
that brought another one than what serves now. --to names any other revision.

A deployment under way is stopped and taken back, which is the quickest way: its old tasks
still run. Otherwise the revision is deployed again, all traffic at once, by CodeDeploy or
by ECS, whichever deploys the service. It is a success when the revision serves with all of
the traffic; with CodeDeploy the tasks that it replaces run on until the group's
termination wait has passed.`,
		Example: `  turnout rollback
  turnout rollback --to 41               # of the family that serves
  turnout rollback --to web:41
  turnout rollback --cluster shop --service web --json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return o.act(c.Context(), func(k *control.Control) (*control.Outcome, error) { return k.Rollback(c.Context(), to, config) })
		},
	}
	o.flags(c)
	c.Flags().StringVar(&to, "to", "", "`REVISION` to bring back: ARN, FAMILY:REVISION or REVISION")
	choice(c, &config, "config", "", "`NAME` of the deployment configuration (CodeDeploy; default: "+control.AllAtOnce+")", predefined...)
	return c
}
