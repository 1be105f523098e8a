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
	c := &cobra.Command{
		Use:   "reset",
		Short: "Take the local cloud back to its beginning",
		Long: `Reset ends everything that runs in the local cloud and forgets everything that it stores.
Its address and its root key stay. A test suite gets the same by POST /_turnout/reset.`,
		Example: "  turnout reset",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := g.control(c.Context(), http.MethodPost, "/_turnout/reset", nil); err != nil {
				return err
			}
			g.Talk("%s the local cloud", g.Good("reset"))
			return g.answer(wasReset{true})
		},
	}
	g.stateFlag(c)
	g.jsonFlag(c)
	return c
}

// wasReset is what --json prints of a reset.
type wasReset struct {
	Reset bool `json:"reset"` // true
}

// snapshot is what --json prints of one that was saved or loaded.
type snapshot struct {
	File  string `json:"file"`  // as it was named
	Bytes int    `json:"bytes"` // its size
}

func newSnapshot(g *global) *cobra.Command {
	save := &cobra.Command{
		Use:     "save FILE",
		Short:   "Save the state while the cloud goes on",
		Example: "  turnout snapshot save before.snapshot",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return g.saveSnapshot(c.Context(), args[0]) },
	}
	load := &cobra.Command{
		Use:     "load FILE",
		Short:   "Take the cloud back to a saved state",
		Example: "  turnout snapshot load before.snapshot",
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return g.loadSnapshot(c.Context(), args[0]) },
	}
	for _, c := range []*cobra.Command{save, load} {
		g.stateFlag(c)
		g.jsonFlag(c)
	}
	return family(&cobra.Command{
		Use:   "snapshot",
		Short: "Save the local cloud's state to a file, or load it",
		Long: `Snapshot keeps everything that the local cloud stores in one file, and takes a cloud back to
it, so that a test suite begins each test from the same place. What ran when it was saved
is started anew.`,
		Example: "  turnout snapshot save before.snapshot\n  turnout snapshot load before.snapshot",
	}, save, load)
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
	return g.answer(snapshot{file, len(body)})
}

func (g *global) loadSnapshot(ctx context.Context, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fault.New(fault.Usage, "`turnout snapshot save` writes one", "%w", err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if _, err := g.control(ctx, http.MethodPut, "/_turnout/snapshot", f); err != nil {
		return err
	}
	g.Talk("%s %s", g.Good("loaded"), file)
	return g.answer(snapshot{file, int(info.Size())})
}

// chaosOptions are the options of `turnout chaos add`.
type chaosOptions struct {
	*global
	cloud.Fault
}

func newChaos(g *global) *cobra.Command {
	return family(&cobra.Command{
		Use:   "chaos",
		Short: "Make the local cloud's calls fail, to see what clients do",
		Long: `Chaos injects faults into the local cloud's API: errors (5xx), throttling, connections
that are cut before (reset) or after (half) a call took effect, expired credentials, and
delays. Faults stay until they are cleared, or until they have struck --count times.`,
		Example: `  turnout chaos add error --service codedeploy --operation CreateDeployment --count 1
  turnout chaos add throttle --service ecs --operation 'Describe*' --rate 0.3
  turnout chaos list
  turnout chaos clear`,
	}, newChaosAdd(g), newChaosList(g), newChaosClear(g))
}

func newChaosAdd(g *global) *cobra.Command {
	o := &chaosOptions{global: g}
	c := &cobra.Command{
		Use:   "add {error|throttle|reset|half|expired|delay}",
		Short: "Add a fault",
		Example: `  turnout chaos add error --service codedeploy --operation CreateDeployment --count 1
  turnout chaos add delay --delay 2s --rate 0.1`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"error", "throttle", "reset", "half", "expired", "delay"},
		RunE:      func(c *cobra.Command, args []string) error { return o.add(c.Context(), args[0]) },
	}
	g.stateFlag(c)
	g.jsonFlag(c)
	f := c.Flags()
	f.StringVar(&o.Service, "service", "", "`NAME` of the service, such as ecs, codedeploy, ecr or elasticloadbalancing (default: all)")
	f.StringVar(&o.Operation, "operation", "", "`NAME` of the call, such as CreateDeployment; a * at its end stands for any rest (default: all)")
	f.Float64Var(&o.Rate, "rate", 1, "probability `P` that a call is struck, 0 to 1")
	f.IntVar(&o.Skip, "skip", 0, "leave the first `N` calls whole")
	f.IntVar(&o.Count, "count", 0, "end after `N` strikes (default: never)")
	f.DurationVar(&o.Delay, "delay", 0, "`TIME` that an answer takes longer (delay)")
	return c
}

func newChaosList(g *global) *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the faults and how often each has struck", Args: cobra.NoArgs,
		Example: "  turnout chaos list\n  turnout chaos list --json | jq '.[] | select(.hit == 0)'",
		RunE:    func(c *cobra.Command, _ []string) error { return g.faults(c.Context(), http.MethodGet, nil) },
	}
	g.stateFlag(c)
	g.jsonFlag(c)
	return c
}

func newChaosClear(g *global) *cobra.Command {
	c := &cobra.Command{
		Use: "clear [ID...]", Short: "End the faults with these ids, or all", Args: cobra.ArbitraryArgs,
		Example: "  turnout chaos clear\n  turnout chaos clear 2 3",
		RunE:    func(c *cobra.Command, args []string) error { return g.clearFaults(c.Context(), args) },
	}
	g.stateFlag(c)
	g.jsonFlag(c)
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
		return g.printDocument(b)
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

// cleared is what --json prints of ended faults.
type cleared struct {
	Ended int `json:"ended"` // how many
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
	var out cleared
	if err := json.Unmarshal(b, &out); err != nil {
		return err
	}
	g.Talk("%d faults ended", out.Ended)
	return g.answer(out)
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
