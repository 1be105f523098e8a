package cli

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/bench"
	"github.com/turnoutdev/turnout/internal/fault"
)

func newBench(g *global) *cobra.Command {
	runs := 10
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure Turnout on this machine, beside the AWS CLI",
		Long: `Bench measures whole processes, from start to end: rendering, a deployment that succeeds
at once (against a stub that answers without delay, so that only the deployer's own time
counts), the local cloud's start, and how many calls it answers. The AWS CLI's own
` + "`aws ecs deploy`" + ` runs beside it when it is installed. Compare ratios within one report:
machines differ.`,
		Example: "  turnout bench\n  turnout bench --runs 30 --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return g.bench(c.Context(), runs) },
	}
	g.jsonFlag(c)
	c.Flags().IntVar(&runs, "runs", runs, "run each command `N` times")
	return c
}

func (g *global) bench(ctx context.Context, runs int) error {
	if runs < 1 {
		return fault.New(fault.Usage, "at least 1", "--runs %d", runs)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	g.Talk("%-46s %10s %10s %10s %9s %6s", "", "least", "median", "most", "memory", "calls")
	figures, err := bench.Run(ctx, bench.Options{Self: self, Runs: runs, Tell: g.figure})
	if err != nil || !g.JSON {
		return err
	}
	return g.printJSON(figures)
}

func (g *global) figure(f bench.Figure) {
	if f.Absent != "" {
		g.Talk("%-46s %s", f.Name, g.Dim(f.Absent))
		return
	}
	short := func(d time.Duration) string { return d.Round(100 * time.Microsecond).String() }
	line := fmt.Sprintf("%-46s %10s %10s %10s", f.Name, short(f.Least), short(f.Median), short(f.Most))
	if f.Memory > 0 {
		line += fmt.Sprintf(" %6d MB %6d", f.Memory>>20, f.Calls)
	}
	if f.Rate > 0 {
		line += fmt.Sprintf("  %.0f a second, p99 %s", f.Rate, short(f.P99))
	}
	g.Talk("%s", line)
}
