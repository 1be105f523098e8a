package oneoff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/tail"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Follow waits until the task has stopped and tells what it writes. When ctx ends or the
// time-out passes, the task is stopped first.
func (o *Options) Follow(ctx context.Context, r *Result) (*Result, error) {
	f := &follower{Options: o, result: r, tail: tail.New(tail.Options{
		AWS: o.Subject.AWS, Cluster: o.Subject.Cluster, Tasks: []string{r.Task}, Fallback: r.TaskDefinition, Note: o.Tell,
	})}
	err := f.wait(ctx, o.Timeout)
	early := errors.Is(err, watch.ErrDeadline) || context.Cause(ctx) != nil
	switch {
	case err == nil:
		f.rest(ctx)
		return f.result, nil
	case !early:
		return f.result, fmt.Errorf("task %s: %w; it may be running still: `aws ecs stop-task` ends it", subject.Last(r.Task), err)
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	if serr := f.stop(end, err); serr != nil {
		return f.result, fmt.Errorf("%w; stop task %s: %w", err, r.Task, serr)
	}
	if context.Cause(ctx) != nil {
		return f.result, fault.New(fault.Interrupted, "", "task %s was stopped, as you were: %w", subject.Last(r.Task), err)
	}
	return f.result, fault.New(fault.TimedOut, "--timeout gives it longer", "task %s was stopped after %s", subject.Last(r.Task), o.Timeout)
}

type follower struct {
	*Options
	result *Result
	tail   *tail.Tail
	seen   bool // ECS has shown the task
	deaf   bool // what it writes may not be read
}

// wait follows the task until it has stopped.
func (f *follower) wait(ctx context.Context, limit time.Duration) error {
	client := f.Subject.AWS.ECS()
	trouble := func(err error, wait time.Duration) { f.Tell("%v; asking again in %s", err, wait) }
	return f.Pace.Every(ctx, limit, trouble, func(ctx context.Context) (bool, bool, error) {
		out, err := client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &f.Subject.Cluster, Tasks: []string{f.result.Task}})
		if err != nil {
			return false, false, err
		}
		if len(out.Tasks) == 0 && f.seen {
			return false, false, errors.New("ECS has forgotten it, and how it ended")
		}
		if len(out.Tasks) == 0 {
			return false, false, nil // a new task is not always seen at once
		}
		f.seen = true
		before := f.result.Status
		f.result = f.Options.result(&out.Tasks[0])
		if f.result.Status != before {
			f.Tell("%s", f.result.Status)
		}
		n := f.round(ctx)
		return f.result.Status == "STOPPED", n > 0 || f.result.Status != before, nil
	})
}

// round tells what the task has written, and how many lines that were. That it cannot be
// read keeps nobody from waiting for the task: it is told, and the next round asks again,
// unless it is not allowed.
func (f *follower) round(ctx context.Context) int {
	if f.deaf {
		return 0
	}
	_, err := f.tail.Discover(ctx)
	var lines []tail.Line
	if err == nil {
		lines, err = f.tail.Round(ctx)
	}
	var api smithy.APIError
	switch {
	case err == nil && len(lines) > 0:
		f.Lines(lines)
	case err == nil || ctx.Err() != nil:
	default:
		f.deaf = errors.As(err, &api) && api.ErrorCode() == "AccessDeniedException"
		f.Tell("what it writes is not shown: %v", err)
	}
	return len(lines)
}

// rest reads what the task wrote last, which CloudWatch Logs shows a little later.
func (f *follower) rest(ctx context.Context) {
	if f.tail.Streams() == 0 || f.deaf {
		return
	}
	for quiet := 0; quiet < tail.Quiet; quiet++ {
		if f.round(ctx) > 0 {
			quiet = 0
		}
		select {
		case <-time.After(tail.PaceOf(f.Subject.AWS.Local).Lines / 2):
		case <-ctx.Done():
			return // the task has ended; its last lines are given up
		}
	}
}

// stop ends the task and waits until it has ended.
func (f *follower) stop(ctx context.Context, why error) error {
	f.Tell("stopping task %s", subject.Last(f.result.Task))
	_, err := f.Subject.AWS.ECS().StopTask(ctx, &ecs.StopTaskInput{Cluster: &f.Subject.Cluster, Task: &f.result.Task, Reason: aws.String("turnout run: " + why.Error())})
	if err != nil {
		return err
	}
	if err := f.wait(ctx, 0); err != nil {
		return err
	}
	f.rest(ctx)
	return nil
}
