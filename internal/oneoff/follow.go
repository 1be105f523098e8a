package oneoff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

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
		return f.result, f.rest(ctx)
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
		if len(out.Tasks) == 0 {
			return false, false, nil // a new task is not always seen at once
		}
		before := f.result.Status
		f.result = f.Options.result(&out.Tasks[0])
		if f.result.Status != before {
			f.Tell("%s", f.result.Status)
		}
		n, err := f.round(ctx)
		return f.result.Status == "STOPPED", n > 0 || f.result.Status != before, err
	})
}

func (f *follower) round(ctx context.Context) (int, error) {
	if _, err := f.tail.Discover(ctx); err != nil {
		return 0, err
	}
	lines, err := f.tail.Round(ctx)
	if err == nil && len(lines) > 0 {
		f.Lines(lines)
	}
	return len(lines), err
}

// rest reads what the task wrote last, which CloudWatch Logs shows a little later.
func (f *follower) rest(ctx context.Context) error {
	if f.tail.Streams() == 0 {
		return nil
	}
	for quiet := 0; quiet < tail.Quiet; quiet++ {
		n, err := f.round(ctx)
		if err != nil {
			return err
		}
		if n > 0 {
			quiet = 0
		}
		select {
		case <-time.After(tail.PaceOf(f.Subject.AWS.Local).Lines / 2):
		case <-ctx.Done():
			return nil // the task has ended; its last lines are given up
		}
	}
	return nil
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
	return f.rest(ctx)
}
