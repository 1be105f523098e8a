package cli

import (
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/control"
	"github.com/turnoutdev/turnout/internal/watch"
)

func newContinue(g *global) *cobra.Command {
	o := &actOptions{named: named{global: g}}
	var until string
	c := &cobra.Command{
		Use:   "continue [DEPLOYMENT]",
		Short: "End a deployment's wait before traffic moves or old tasks end",
		Long: `Continue ends the wait that the service's deployment (or the one that is named) is in:
the one at Ready, before traffic moves, or the one before the old tasks are ended; it
finds out which. Then it waits until the next thing has happened (all traffic has moved,
or the old tasks have ended) or as far as --wait-until says, and makes sure of it.`,
		Example: "  turnout continue\n  turnout continue --wait-until done",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := oneOf("--wait-until", watch.Until(until), "", watch.Shifted, watch.Stable, watch.Done); err != nil {
				return err
			}
			return o.act(c.Context(), func(k *control.Control) (*control.Outcome, error) {
				return k.Continue(c.Context(), first(args...), watch.Until(until))
			})
		},
	}
	o.flags(c)
	choice(c, &until, "wait-until", "", "`STAGE` to wait for: shifted, stable or done (default: the next thing)", stages...)
	return c
}
