package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/tail"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/internal/watch"
)

// logsOptions are the options of `turnout logs`.
type logsOptions struct {
	named
	tasks      []string
	container  string
	since      string
	last       int
	follow     bool
	timestamps bool
	noPrefix   bool
}

func newLogs(g *global) *cobra.Command {
	o := &logsOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "logs",
		Short: "Show what the service's containers write",
		Long: `Logs shows the lines of all tasks of the service, in the order of time, each with its task
in front: what the containers sent to CloudWatch Logs by the awslogs driver. Tasks that
have stopped are among them as long as ECS knows them, for about an hour; --task reads
older ones too. With --follow, tasks that start later join in.`,
		Example: `  turnout logs
  turnout logs --follow
  turnout logs --since 2h --container web
  turnout logs --since 2026-11-23T10:00:00Z --json | jq -r .message
  turnout logs --task 8197e6bf31ce4bff --last 0`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.serviceFlags(c)
	f := c.Flags()
	f.BoolVar(&o.follow, "follow", false, "go on with new lines until Ctrl-C, or until the tasks named with --task have stopped")
	f.StringVar(&o.since, "since", "", "lines from this `TIME` on: 90s, 15m, 2h or 3d ago, or RFC 3339")
	f.IntVarP(&o.last, "last", "n", 100, "without --since, `N` lines of the past; 0 for all")
	f.StringArrayVar(&o.tasks, "task", nil, "only this `TASK`: its id, the first part of it, or its ARN; may be repeated")
	f.StringVar(&o.container, "container", "", "only the container of this `NAME`")
	f.BoolVarP(&o.timestamps, "timestamps", "t", false, "show when each line was written")
	f.BoolVar(&o.noPrefix, "no-prefix", false, "the lines alone")
	return c
}

func (o *logsOptions) run(ctx context.Context) error {
	since, err := sinceTime(o.since, time.Now())
	if err != nil {
		return err
	}
	if o.last < 0 {
		return fault.New(fault.Usage, "0 for all", "--last %d is negative", o.last)
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	tasks, err := s.Tasks(ctx, o.tasks)
	if err != nil {
		return err
	}
	t := tail.New(tail.Options{
		AWS: s.AWS, Cluster: s.Cluster, Service: s.Service, Tasks: tasks, Fallback: s.TaskDefinition(), Container: o.container,
		Since: since, Last: o.last, Note: func(format string, args ...any) { o.Warn(format, args...) },
	})
	if _, err := t.Discover(ctx); err != nil {
		return err
	}
	p := &lines{Streams: o.OnOut(), timestamps: o.timestamps, noPrefix: o.noPrefix, hues: map[string]int{}}
	if o.JSON {
		p.line = o.printLine
	}
	if !o.follow {
		all, err := t.Round(ctx)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			o.Talk("%d log streams, no lines", t.Streams())
		}
		return p.print(all)
	}
	return o.keep(ctx, s, t, p)
}

// keep goes on until Ctrl-C, which is how it is meant to end, or until the named tasks
// have stopped and their streams have been quiet.
func (o *logsOptions) keep(ctx context.Context, s *subject.Subject, t *tail.Tail, p *lines) error {
	pace := tail.PaceOf(s.AWS.Local)
	var looked time.Time
	quiet, stopped := 0, false
	for {
		var err error
		if time.Since(looked) >= pace.Tasks {
			looked = time.Now()
			stopped, err = t.Discover(ctx)
		}
		var all []tail.Line
		if err == nil {
			all, err = t.Round(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !watch.Throttled(err) {
			return err
		}
		if err := p.print(all); err != nil {
			return err
		}
		if quiet++; len(all) > 0 || !stopped || err != nil { // throttled: the next look finds it all
			quiet = 0
		}
		if len(o.tasks) > 0 && quiet >= tail.Quiet {
			return nil
		}
		select {
		case <-time.After(pace.Lines):
		case <-ctx.Done():
			return nil
		}
	}
}

// sinceTime reads a duration before now (days too) or a time.
func sinceTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n int
		if _, err := fmt.Sscanf(days+"\n", "%d\n", &n); err == nil && n >= 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, form := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(form, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Usage, "such as 90s, 15m, 2h, 3d, or 2026-11-23T10:00:00Z", "--since %q is neither a duration nor a time", text)
}

// lines prints log lines, each task in a colour of its own.
type lines struct {
	*term.Streams
	line                 func(any) error // prints a line as JSON; nil for text
	timestamps, noPrefix bool
	hues                 map[string]int
}

func (p *lines) print(all []tail.Line) error {
	if p.line != nil {
		for _, l := range all {
			if err := p.line(l); err != nil {
				return err
			}
		}
		return nil
	}
	var b strings.Builder
	for _, l := range all {
		if p.timestamps {
			b.WriteString(p.Dim(l.Time.Local().Format("15:04:05.000")) + " ")
		}
		if !p.noPrefix {
			b.WriteString(p.prefix(l) + " ")
		}
		b.WriteString(strings.TrimRight(l.Message, "\r\n") + "\n")
	}
	_, err := fmt.Fprint(p.Out, b.String())
	return err
}

func (p *lines) prefix(l tail.Line) string {
	n, ok := p.hues[l.Task]
	if !ok {
		n = len(p.hues)
		p.hues[l.Task] = n
	}
	return p.Hue(n, fmt.Sprintf("%.8s %s", l.Task, l.Container)) + " " + p.Dim("│")
}
