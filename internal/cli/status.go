package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/status"
	"github.com/turnoutdev/turnout/internal/term"
)

// statusOptions are the options of `turnout status`.
type statusOptions struct {
	named
	watch    bool
	interval time.Duration
	events   int
}

func newStatus(g *global) *cobra.Command {
	o := &statusOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what serves, what runs, and what is being deployed",
		Long: `Status shows on one screen where the service stands: its tasks, the weights as the load
balancer's listener has them, each task set or deployment with its revision and images,
the health of its targets with the reasons, the deployment under way (or how the last one
ended), and the service's last messages. Nothing is changed.`,
		Example: `  turnout status
  turnout status --cluster shop --service web     # without a turnout.yml
  turnout status --watch
  turnout status --json | jq '.parts[] | {role, weight}'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.flags(c)
	f := c.Flags()
	f.BoolVarP(&o.watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C; with --json one object a line")
	f.DurationVar(&o.interval, "interval", 0, "look once in this `TIME` with --watch (default: 5s, 1s for the local cloud)")
	f.IntVar(&o.events, "events", 5, "show `N` of the service's messages")
	return c
}

func (o *statusOptions) run(ctx context.Context) error {
	if o.events < 0 || o.interval < 0 {
		return fault.New(fault.Usage, "give 0 or more", "--events and --interval cannot be negative")
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	r := &status.Reader{Subject: s, Events: o.events}
	if o.watch {
		return o.follow(ctx, r)
	}
	st, err := r.Read(ctx)
	if err != nil {
		return err
	}
	if o.JSON {
		return o.printJSON(st)
	}
	status.Print(o.OnOut(), st)
	return nil
}

// follow shows the status until Ctrl-C, which is how it is meant to end: no error.
func (o *statusOptions) follow(ctx context.Context, r *status.Reader) error {
	wait := o.interval
	if wait == 0 {
		wait = 5 * time.Second
		if r.Subject.AWS.Local {
			wait = time.Second
		}
	}
	var shown []byte
	for {
		st, err := r.Read(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if shown, err = o.show(st, shown); err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil
		}
	}
}

// clear puts a terminal's cursor into the corner and empties the screen.
const clear = "\x1b[H\x1b[2J\x1b[3J"

// show writes a status that differs from the last one: on a terminal in its place, else
// below it. A terminal is kept up to date even when only ages change.
func (o *statusOptions) show(st *status.Status, last []byte) ([]byte, error) {
	if o.JSON {
		at := st.Time
		st.Time = time.Time{} // alone it is no change
		b, err := json.Marshal(st)
		if err != nil || bytes.Equal(b, last) {
			return b, err
		}
		st.Time = at
		return b, o.printLine(st)
	}
	var b bytes.Buffer
	out := *o.OnOut()
	out.Err = &b
	status.Print(&out, st)
	key, err := json.Marshal(struct {
		Parts, Routes, Events, Deployment, Missing any
	}{st.Parts, st.Routes, st.Events, st.Deployment, st.Missing})
	if err != nil || bytes.Equal(key, last) && !o.OutTTY {
		return key, err
	}
	return key, write(o.Out, o.Streams, last == nil, &b)
}

func write(w io.Writer, s *term.Streams, first bool, b *bytes.Buffer) error {
	between := "\n"
	switch {
	case s.OutTTY:
		between = clear
	case first:
		between = ""
	}
	_, err := fmt.Fprint(w, between, b.String())
	return err
}
