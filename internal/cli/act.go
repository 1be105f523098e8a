package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/control"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/term"
)

// actOptions are what stop, continue and rollback have in common.
type actOptions struct {
	named
	deadline time.Duration
}

func (o *actOptions) flags(c *cobra.Command) {
	o.named.flags(c)
	c.Flags().DurationVar(&o.deadline, "deadline", 30*time.Minute, "longest `TIME` to wait for what was asked; what is under way goes on")
}

// act finds the service, has f act on it and tells the outcome.
func (o *actOptions) act(ctx context.Context, f func(*control.Control) (*control.Outcome, error)) error {
	if o.deadline < 0 {
		return fault.New(fault.Usage, "such as 30m; 0 for none", "--deadline %s is negative", o.deadline)
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	out, err := f(&control.Control{Subject: s, Report: term.NewReporter(o.Streams), Pace: paceOf(s.AWS), Deadline: o.deadline})
	if o.JSON && out != nil {
		return errors.Join(o.printJSON(verdict{out, err == nil, text(err), fault.Hint(err), fault.Code(err)}), err)
	}
	if err != nil {
		return err
	}
	o.told(out)
	return nil
}

// verdict is what --json prints of an act: also when it failed.
type verdict struct {
	*control.Outcome
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
	Code  int    `json:"exitCode"`
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (o *actOptions) told(out *control.Outcome) {
	what := map[string]string{"stop": "stopped", "continue": "continued", "rollback": "rolled back"}[out.Action]
	line := o.Good(what)
	if out.DeploymentID != "" {
		line += " " + out.DeploymentID
	}
	if out.RollbackID != "" {
		line += ", taken back by " + out.RollbackID
	}
	o.Talk("%s; %s serves; %s", line, o.Bold(subject.Last(out.Revision)), out.Traffic())
	if out.Split() {
		o.Warn("traffic is divided; `turnout rollback` brings all of it back")
	}
}
