package cli

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/watch"
)

func newWait(g *global) *cobra.Command {
	return family(&cobra.Command{
		Use:   "wait",
		Short: "Wait for a stable service, a deployment's end, or stopped tasks",
		Long: `Wait asks AWS every second while something moves, up to every five seconds while nothing
does, and ends as soon as what is waited for has happened.`,
		Example: "  turnout wait service\n  turnout wait deployment --deadline 20m\n  turnout wait task 8197e6bf31ce4bff",
	}, newWaitService(g), newWaitDeployment(g), newWaitTask(g))
}

// waitOptions are the options of `turnout wait service` and `turnout wait task`.
type waitOptions struct {
	named
	deadline time.Duration
	running  bool
}

func (o *waitOptions) flags(c *cobra.Command) {
	o.serviceFlags(c)
	c.Flags().DurationVar(&o.deadline, "deadline", 30*time.Minute, "longest `TIME` to wait, 0 for no end")
}

// waited is what --json prints.
type waited struct {
	For  string       `json:"for"`
	Took float64      `json:"seconds"`
	Task []taskEnding `json:"tasks,omitempty"`
}

type taskEnding struct {
	Task     string           `json:"task"`
	Status   string           `json:"status"`
	Reason   string           `json:"reason,omitempty"`
	ExitCode map[string]int32 `json:"exitCodes,omitempty"` // by container
}

func newWaitService(g *global) *cobra.Command {
	o := &waitOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "service",
		Short: "Wait until all the service's tasks run, and nothing moves",
		Long: `Wait service ends when as many tasks run as are desired, what is primary is steady, and no
other task set or deployment has tasks left: nothing moves any more. With CodeDeploy that
is after the termination wait. A service that went back to another revision meanwhile is
stable, but no success: the exit code is 4.`,
		Example: "  turnout wait service\n  turnout wait service --cluster shop --service web --deadline 10m",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return o.service(c.Context()) },
	}
	o.flags(c)
	return c
}

func (o *waitOptions) service(ctx context.Context) error {
	if o.deadline < 0 {
		return fault.New(fault.Usage, "such as 30m; 0 for none", "--deadline %s is negative", o.deadline)
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	err = watch.UntilStable(ctx, s.AWS.ECS(), s.Cluster, s.Service, paceOf(s.AWS), o.deadline, func(m string) { o.Talk("  %s", o.Dim(m)) })
	if err != nil {
		return late(err, "service "+s.Service)
	}
	return o.done(waited{For: "service " + s.Service, Took: time.Since(began).Seconds()}, "is stable")
}

// done tells that what was waited for has happened.
func (n *named) done(w waited, what string) error {
	if n.JSON {
		return n.printJSON(w)
	}
	n.Talk("%s %s", w.For, n.Good(what))
	return nil
}

func late(err error, what string) error {
	if errors.Is(err, watch.ErrOther) {
		return fault.New(fault.RolledBack, "`turnout history` tells how the deployment ended", "%w", err)
	}
	if errors.Is(err, watch.ErrDeadline) {
		return fault.New(fault.TimedOut, "`turnout status` shows where it stands", "%s: %w", what, err)
	}
	return err
}

func newWaitDeployment(g *global) *cobra.Command {
	o := &watchOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "deployment [ID]",
		Short: "Wait until a deployment has ended, without a word",
		Long: `Wait deployment is watch without the timeline: it says nothing until the end, and its exit
code tells how that was. Without an id and with no deployment under way there is nothing
to wait for, which is a success.`,
		Example: "  turnout wait deployment\n  turnout wait deployment d-A7YW3F91L --wait-until shifted",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			o.id, o.emit = first(args...), func(watch.Event) {}
			return o.wait(c.Context())
		},
	}
	o.flags(c)
	o.flagsOfWait(c)
	return c
}

func (o *watchOptions) wait(ctx context.Context) error {
	began := time.Now()
	if o.id == "" {
		s, err := o.find(ctx)
		if err != nil {
			return err
		}
		if o.id, err = s.Active(ctx); err != nil {
			return err
		}
		if o.id == "" {
			return o.done(waited{For: "service " + s.Service}, "has no deployment under way")
		}
	}
	if err := o.run(ctx); err != nil {
		return err
	}
	return o.done(waited{For: "deployment " + o.id, Took: time.Since(began).Seconds()}, o.until)
}

func newWaitTask(g *global) *cobra.Command {
	o := &waitOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "task TASK...",
		Short: "Wait until tasks have stopped, or run",
		Example: `  turnout wait task 8197e6bf31ce4bff
  turnout wait task $(turnout run --detach -- ./report) --json | jq '.tasks[].exitCodes'
  turnout wait task 8197e6bf31ce4bff --running`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return o.tasks(c.Context(), args) },
	}
	o.flags(c)
	c.Flags().BoolVar(&o.running, "running", false, "until they run, instead of until they have stopped")
	return c
}

func (o *waitOptions) tasks(ctx context.Context, names []string) error {
	if o.deadline < 0 {
		return fault.New(fault.Usage, "such as 30m; 0 for none", "--deadline %s is negative", o.deadline)
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	ids, err := s.Tasks(ctx, names)
	if err != nil {
		return err
	}
	status, began := "STOPPED", time.Now()
	if o.running {
		status = "RUNNING"
	}
	tasks, err := watch.UntilTasks(ctx, s.AWS.ECS(), s.Cluster, ids, status, taskPace(s.AWS.Local), o.deadline, func(m string) { o.Talk("  %s", o.Dim(subject.Last(m))) })
	if err != nil {
		return late(err, strings.Join(ids, ", "))
	}
	w := waited{For: "task " + strings.Join(ids, ", "), Took: time.Since(began).Seconds()}
	for _, t := range tasks {
		e := taskEnding{Task: aws.ToString(t.TaskArn), Status: aws.ToString(t.LastStatus), Reason: aws.ToString(t.StoppedReason), ExitCode: map[string]int32{}}
		for _, c := range t.Containers {
			if c.ExitCode != nil {
				e.ExitCode[aws.ToString(c.Name)] = *c.ExitCode
			}
		}
		w.Task = append(w.Task, e)
	}
	return o.done(w, "is "+status)
}
