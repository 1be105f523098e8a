package watch

import (
	"context"
	"fmt"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/regex"
)

// pollChecks looks for what holds up an installation, of which neither CodeDeploy nor the
// load balancer tells: tasks that end again and again, and containers whose own health
// check fails.
func (f *follower) pollChecks(ctx context.Context) error {
	set := f.installing()
	switch {
	case f.Tasks == nil || set == nil:
		return nil
	case f.starts[*set.Identifer] > 1:
		return f.pollEnds(ctx, aws.ToString(set.Identifer))
	case set.DesiredCount == 0 || set.RunningCount < set.DesiredCount:
		return nil
	}
	l, err := f.Tasks.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &f.Cluster, StartedBy: set.Identifer}, once)
	if err != nil || len(l.TaskArns) == 0 {
		return err
	}
	d, err := f.describe(ctx, l.TaskArns)
	if err != nil {
		return err
	}
	if s := failing(d); s != f.checks {
		f.checks = s
		if s != "" {
			f.emit(Event{Kind: Health, Name: "green", Message: s})
		}
	}
	return nil
}

// pollEnds tells why tasks of green ended, each reason once.
func (f *follower) pollEnds(ctx context.Context, set string) error {
	l, err := f.Tasks.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &f.Cluster, ServiceName: &f.Service, DesiredStatus: ecstypes.DesiredStatusStopped}, once)
	if err != nil || len(l.TaskArns) == 0 {
		return err
	}
	tasks, err := f.describe(ctx, l.TaskArns)
	if err != nil {
		return err
	}
	sort.Slice(tasks, func(i, j int) bool { return aws.ToTime(tasks[i].CreatedAt).Before(aws.ToTime(tasks[j].CreatedAt)) })
	for _, t := range tasks {
		why := ending(t)
		if aws.ToString(t.StartedBy) != set || why == "" || f.ends[why] {
			continue
		}
		f.ends[why] = true
		f.emit(Event{Kind: Health, Name: "green", Time: aws.ToTime(t.StoppedAt), Message: why})
	}
	return nil
}

func (f *follower) describe(ctx context.Context, arns []string) ([]ecstypes.Task, error) {
	d, err := f.Tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &f.Cluster, Tasks: arns[:min(len(arns), 100)]}, once)
	if err != nil {
		return nil, err
	}
	return d.Tasks, nil
}

// ids are what tells equal tasks apart in the reasons for their ends.
var ids = regex.New(`(?i)/?[0-9a-f]{32}|,? request ?id: [^,\s]+`)

// ending says why a task ended, "" while it has not.
func ending(t ecstypes.Task) string {
	if aws.ToString(t.LastStatus) != "STOPPED" {
		return ""
	}
	s := "a task ended: " + ids.ReplaceAllString(Plain(aws.ToString(t.StoppedReason)), "")
	for _, c := range t.Containers {
		if c.ExitCode != nil && *c.ExitCode != 0 {
			s += fmt.Sprintf("; container %s exited with code %d", aws.ToString(c.Name), *c.ExitCode)
		}
	}
	return s
}

// installing is green's task set while it is being installed, else nil.
func (f *follower) installing() *types.ECSTaskSet {
	if f.out.Target == nil || f.events["Install"] != types.LifecycleEventStatusInProgress {
		return nil
	}
	for i, s := range f.out.Target.TaskSetsInfo {
		if s.TaskSetLabel == types.TargetLabelGreen && s.Identifer != nil {
			return &f.out.Target.TaskSetsInfo[i]
		}
	}
	return nil
}

// failing says which containers' own health checks fail, "" when none does.
func failing(tasks []ecstypes.Task) string {
	sick := map[string]int{}
	for _, t := range tasks {
		for _, c := range t.Containers {
			if c.HealthStatus == ecstypes.HealthStatusUnhealthy {
				sick[aws.ToString(c.Name)]++
			}
		}
	}
	var parts []string
	for name, n := range sick {
		parts = append(parts, fmt.Sprintf("container %s's own health check fails in %d of %d tasks", name, n, len(tasks)))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}
