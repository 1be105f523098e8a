package cli

import (
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/control"
)

func newStop(g *global) *cobra.Command {
	o := &actOptions{named: named{global: g}}
	var back bool
	c := &cobra.Command{
		Use:   "stop [DEPLOYMENT]",
		Short: "Stop the deployment under way, with --rollback take it back",
		Long: `Stop ends the service's deployment that is under way, or the one that is named, and waits
until it has ended. Without --rollback everything stays where it stands: weights, and the
new tasks. With --rollback it waits until the deployment that takes it back has succeeded
too, and makes sure that all traffic is where it was.

ECS stops a rolling deployment only by going back, so that --rollback is needed there.`,
		Example: "  turnout stop\n  turnout stop --rollback\n  turnout stop d-A7YW3F91L --cluster shop --service web",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return o.act(c.Context(), func(k *control.Control) (*control.Outcome, error) {
				return k.Stop(c.Context(), first(args...), back)
			})
		},
	}
	o.flags(c)
	c.Flags().BoolVar(&back, "rollback", false, "take the deployment back")
	return c
}
