package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/localcloud"
)

func newDown(g *global) *cobra.Command {
	c := &cobra.Command{
		Use:   "down",
		Short: "End the local cloud and everything that runs in it",
		Long: `Down ends the local cloud that ` + "`turnout up`" + ` started, and waits until its tasks and
functions have ended. State that is kept is found again by the next up. Where no cloud
runs there is nothing to do, which is a success.`,
		Example: "  turnout down\n  turnout down --state /tmp/cloud",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runDown(c.Context(), g) },
	}
	g.stateFlag(c)
	g.jsonFlag(c)
	return c
}

// ended is what --json prints.
type ended struct {
	Ended    bool   `json:"ended"`              // false where no cloud was running
	Endpoint string `json:"endpoint,omitempty"` // of the cloud that was ended
	Process  int    `json:"process,omitempty"`  // its id
}

// runDown asks the cloud's process to end and waits until it has.
func runDown(ctx context.Context, g *global) error {
	dir, err := g.stateDir()
	if err != nil {
		return err
	}
	h, err := localcloud.Read(dir)
	if errors.Is(err, localcloud.ErrNone) {
		g.Talk("no local cloud is running (state folder %s)", dir)
		return errors.Join(localcloud.Remove(dir), g.answer(ended{}))
	}
	if err != nil {
		return err
	}
	if err := localcloud.End(h.PID); err != nil {
		return fault.New(fault.Failed, "it belongs to another user?", "end process %d: %w", h.PID, err)
	}
	for localcloud.Running(h.PID) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	g.Talk("ended the local cloud at %s", h.Endpoint)
	return errors.Join(localcloud.Remove(dir), g.answer(ended{true, h.Endpoint, h.PID}))
}
