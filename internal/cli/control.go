package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/fault"
)

func newReset(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "reset",
		Short: "Take the local cloud back to its beginning: nothing runs, nothing is stored",
		Long: `Reset ends everything that runs in the local cloud and forgets everything that it stores.
Its address and its root key stay. A test suite gets the same by POST /_turnout/reset.`,
		Example: "  turnout reset",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := g.control(c.Context(), http.MethodPost, "/_turnout/reset", nil); err != nil {
				return err
			}
			g.Talk("%s the local cloud", g.Good("reset"))
			return nil
		},
	}
}

func newSnapshot(g *global) *cobra.Command {
	c := &cobra.Command{
		Use:     "snapshot",
		Short:   "Save the local cloud's state to a file, or load it",
		Example: "  turnout snapshot save before.snapshot\n  turnout snapshot load before.snapshot",
	}
	c.AddCommand(&cobra.Command{
		Use:   "save FILE",
		Short: "Save the state while the cloud goes on",
		Args:  cobra.ExactArgs(1),
		RunE:  func(c *cobra.Command, args []string) error { return g.saveSnapshot(c.Context(), args[0]) },
	}, &cobra.Command{
		Use:   "load FILE",
		Short: "Take the cloud back to a saved state; services start their tasks anew",
		Args:  cobra.ExactArgs(1),
		RunE:  func(c *cobra.Command, args []string) error { return g.loadSnapshot(c.Context(), args[0]) },
	})
	return c
}

// saveSnapshot writes beside the file first, so that an old snapshot is replaced by a
// whole new one or not at all.
func (g *global) saveSnapshot(ctx context.Context, file string) error {
	body, err := g.control(ctx, http.MethodGet, "/_turnout/snapshot", nil)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".snapshot-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already when all went well
	_, err = tmp.Write(body)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), file); err != nil {
		return err
	}
	g.Talk("%s %s (%d KiB)", g.Good("saved"), file, (len(body)+1023)/1024)
	return nil
}

func (g *global) loadSnapshot(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fault.New(fault.Usage, "`turnout snapshot save` writes one", "%w", err)
	}
	defer func() { _ = f.Close() }()
	if _, err := g.control(ctx, http.MethodPut, "/_turnout/snapshot", f); err != nil {
		return err
	}
	g.Talk("%s %s", g.Good("loaded"), file)
	return nil
}

// chaosOptions are the options of `turnout chaos add`.
type chaosOptions struct {
	*global
	cloud.Fault
}

func newChaos(g *global) *cobra.Command {
	c := &cobra.Command{
		Use:   "chaos",
		Short: "Make calls of the local cloud fail, to see what clients do about it",
		Long: `Chaos injects faults into the local cloud's API: errors (5xx), throttling, connections
that are cut before (reset) or after (half) a call took effect, expired credentials, and
delays. Faults stay until they are cleared, or until they have struck --count times.`,
		Example: `  turnout chaos add error --service codedeploy --operation CreateDeployment --count 1
  turnout chaos add throttle --service ecs --operation 'Describe*' --rate 0.3
  turnout chaos list
  turnout chaos clear`,
	}
	o := &chaosOptions{global: g}
	add := &cobra.Command{
		Use:       "add {error|throttle|reset|half|expired|delay}",
		Short:     "Add a fault",
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"error", "throttle", "reset", "half", "expired", "delay"},
		RunE:      func(c *cobra.Command, args []string) error { return o.add(c.Context(), args[0]) },
	}
	f := add.Flags()
	f.StringVar(&o.Service, "service", "", "such as ecs, codedeploy, ecr, elasticloadbalancing (default: all)")
	f.StringVar(&o.Operation, "operation", "", "such as CreateDeployment; a * at its end stands for any rest (default: all)")
	f.Float64Var(&o.Rate, "rate", 1, "probability that a call is struck")
	f.IntVar(&o.Skip, "skip", 0, "leave the first calls whole")
	f.IntVar(&o.Count, "count", 0, "end after so many strikes (default: never)")
	f.DurationVar(&o.Delay, "delay", 0, "how much longer an answer takes (delay)")
	c.AddCommand(add, &cobra.Command{
		Use: "list", Short: "List the faults and how often each has struck", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return g.faults(c.Context(), http.MethodGet, nil) },
	}, &cobra.Command{
		Use: "clear [ID…]", Short: "End the faults with these ids, or all", Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error { return g.clearFaults(c.Context(), args) },
	})
	return c
}

func (o *chaosOptions) add(ctx context.Context, kind string) error {
	o.Kind = cloud.FaultKind(kind)
	return o.faults(ctx, http.MethodPost, []cloud.Fault{o.Fault})
}

// faults asks the control and shows the faults that it answers with.
func (g *global) faults(ctx context.Context, method string, send any) error {
	var body io.Reader
	if send != nil {
		b, err := json.Marshal(send)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	b, err := g.control(ctx, method, "/_turnout/chaos", body)
	if err != nil {
		return err
	}
	if g.JSON {
		_, err := g.Out.Write(b)
		return err
	}
	var all []cloud.Fault
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	if len(all) == 0 {
		g.Talk("no faults")
	}
	for _, f := range all {
		fmt.Fprintln(g.Out, faultLine(f))
	}
	return nil
}

// faultLine says what a fault does in one line.
func faultLine(f cloud.Fault) string {
	what := first(f.Service, "any service") + " " + first(f.Operation, "any operation")
	line := fmt.Sprintf("%3d  %-8s  %s", f.ID, f.Kind, what)
	if f.Delay > 0 {
		line += ", " + f.Delay.String()
	}
	if f.Rate > 0 && f.Rate < 1 {
		line += fmt.Sprintf(", %.0f %% of the calls", f.Rate*100)
	}
	if f.Skip > 0 {
		line += fmt.Sprintf(", after %d calls", f.Skip)
	}
	if f.Count > 0 {
		line += fmt.Sprintf(", at most %d times", f.Count)
	}
	return line + fmt.Sprintf("; struck %d times", f.Hit)
}

func (g *global) clearFaults(ctx context.Context, ids []string) error {
	query := ""
	for i, id := range ids {
		if _, err := strconv.Atoi(id); err != nil {
			return fault.New(fault.Usage, "`turnout chaos list` shows the ids", "%q is no id of a fault", id)
		}
		query += map[bool]string{true: "?", false: "&"}[i == 0] + "id=" + id
	}
	b, err := g.control(ctx, http.MethodDelete, "/_turnout/chaos"+query, nil)
	if err != nil {
		return err
	}
	var out struct{ Ended int }
	if err := json.Unmarshal(b, &out); err != nil {
		return err
	}
	g.Talk("%d faults ended", out.Ended)
	return nil
}

// controlWithin bounds a control: loading a snapshot waits for what is in flight.
const controlWithin = 2 * time.Minute

// control asks the running cloud for something that AWS does not have.
func (g *global) control(ctx context.Context, method, path string, body io.Reader) ([]byte, error) {
	h, err := g.handle()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, controlWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, h.Endpoint+path, body)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode >= http.StatusBadRequest {
		code := fault.Failed
		if res.StatusCode == http.StatusBadRequest {
			code = fault.Usage
		}
		return nil, fault.New(code, "", "the local cloud answered: %s", strings.TrimSpace(string(b)))
	}
	return b, nil
}
