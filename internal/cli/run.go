package cli

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/oneoff"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/tail"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/internal/watch"
)

// runOptions are the options of `turnout run`.
type runOptions struct {
	named
	oneoff.Options
	env    []string
	detach bool
}

func newRun(g *global) *cobra.Command {
	o := &runOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "run [flags] [-- COMMAND ARG...]",
		Short: "Run one task beside the service, and end with its exit code",
		Long: `Run starts one task with the service's network and the task definition that serves, or
another revision, with another command, environment, size or role where these are given.
What the container writes goes to stdout; its exit code becomes this program's. Ctrl-C and
--timeout stop the task, and wait until it has stopped.`,
		Example: `  turnout run -- ./manage.py migrate
  turnout run --env DRY_RUN=1 --env TOKEN -- ./clean-up     # TOKEN's value is taken from here
  turnout run --task-definition web:42 --cpu 1024 --memory 2048 -- ./import
  turnout run --detach --json -- ./report | jq -r .task`,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && c.ArgsLenAtDash() != 0 {
				return fault.New(fault.Usage, "such as `turnout run -- "+strings.Join(args, " ")+"`", "the command stands after --")
			}
			o.Command = args
			return o.run(c.Context())
		},
	}
	o.serviceFlags(c)
	f := c.Flags()
	f.StringVar(&o.TaskDefinition, "task-definition", "", "`REVISION` to run: ARN, FAMILY:REVISION, FAMILY or REVISION (default: the one that serves)")
	f.StringVar(&o.Container, "container", "", "`NAME` of the container that the command is for (default: the one behind the load balancer, else the first essential one)")
	f.StringArrayVarP(&o.env, "env", "e", nil, "environment variable `NAME=VALUE`, or NAME for its value here; may be repeated")
	f.StringVar(&o.CPU, "cpu", "", "CPU `UNITS` of the task, such as 512 or '1 vCPU'")
	f.StringVar(&o.Memory, "memory", "", "memory of the task in `MiB`, such as 1024, or as '2 GB'")
	f.StringVar(&o.TaskRole, "task-role", "", "`ARN` of the role that the task acts with")
	f.StringVar(&o.ExecutionRole, "execution-role", "", "`ARN` of the role that the task is started with")
	f.DurationVar(&o.Timeout, "timeout", 0, "stop the task after this `TIME` (default: never)")
	f.BoolVarP(&o.detach, "detach", "d", false, "do not wait; print the task")
	return c
}

func (o *runOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	if o.TaskDefinition != "" {
		o.TaskDefinition = revisionName(s, o.TaskDefinition)
	}
	o.Subject, o.Pace = s, taskPace(s.AWS.Local)
	o.Tell = func(format string, args ...any) { o.Talk(o.Dim("  "+format), args...) }
	o.Lines = o.printer()
	r, err := o.Start(ctx)
	if err != nil {
		return err
	}
	o.Talk("task %s of %s", o.Bold(subject.Last(r.Task)), subject.Last(r.TaskDefinition))
	if !o.detach {
		r, err = o.Follow(ctx, r)
	}
	if o.JSON {
		if jerr := o.printJSON(r); jerr != nil {
			return errors.Join(jerr, err)
		}
	} else if o.detach {
		o.OnOut().Talk("%s", r.Task)
	}
	if err != nil || o.detach {
		return err
	}
	return o.ended(r)
}

// check reads the options, before any call is made.
func (o *runOptions) check() error {
	if o.Timeout < 0 {
		return fault.New(fault.Usage, "such as 30m", "--timeout %s is negative", o.Timeout)
	}
	for _, e := range o.env {
		name, value, given := strings.Cut(e, "=")
		if name == "" {
			return fault.New(fault.Usage, "--env NAME=VALUE or --env NAME", "--env %q names no variable", e)
		}
		if !given {
			if value, given = os.LookupEnv(name); !given {
				return fault.New(fault.Usage, "set it, or give --env "+name+"=VALUE", "the variable %s is not set here", name)
			}
		}
		o.Env = append(o.Env, [2]string{name, value})
	}
	return nil
}

// taskPace is how often a task and its log are looked at.
func taskPace(local bool) watch.Pace {
	if local {
		return watch.Pace{Fastest: 50 * time.Millisecond, Slowest: 500 * time.Millisecond, Scaled: true}
	}
	return watch.Pace{Fastest: time.Second, Slowest: 5 * time.Second, Scaled: true}
}

// printer writes the container's lines to stdout as they are; with --json, where stdout is
// for the result, to stderr. Other containers' lines have their names in front.
func (o *runOptions) printer() func([]tail.Line) {
	var out *term.Streams
	if out = o.OnOut(); o.JSON {
		out = o.Streams
	}
	p := &lines{Streams: out, hues: map[string]int{}}
	return func(all []tail.Line) {
		for _, l := range all {
			text := strings.TrimRight(l.Message, "\r\n")
			if l.Container != o.Container {
				text = p.prefix(l) + " " + text
			}
			out.Talk("%s", text)
		}
	}
}

// ended makes the container's exit code ours.
func (o *runOptions) ended(r *oneoff.Result) error {
	if r.ExitCode == nil {
		return fault.New(fault.Failed, "`turnout logs --task "+subject.Last(r.Task)+"` shows what it wrote", "container %s of task %s never ran: %s", r.Container, subject.Last(r.Task), first(r.Reason, r.StopCode, "no reason given"))
	}
	if *r.ExitCode == 0 {
		o.Talk("%s: exit code 0 after %s", o.Good("done"), term.Short(r.Stopped.Sub(r.Started)))
		return nil
	}
	err := fault.New(int(*r.ExitCode), "", "container %s ended with exit code %d%s", r.Container, *r.ExitCode, reason(r.Reason))
	if o.Quiet {
		return &silent{err}
	}
	return err
}

func reason(text string) string {
	if text == "" || text == "Essential container in task exited" {
		return ""
	}
	return " (" + text + ")"
}
