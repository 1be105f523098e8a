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
)

// pollChecks looks for what holds up an installation whose tasks run: a container's own
// health check, of which neither CodeDeploy nor the load balancer tells.
func (f *follower) pollChecks(ctx context.Context) error {
	set := f.installing()
	if f.Tasks == nil || set == "" {
		return nil
	}
	l, err := f.Tasks.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &f.Cluster, StartedBy: &set}, once)
	if err != nil || len(l.TaskArns) == 0 {
		return err
	}
	d, err := f.Tasks.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &f.Cluster, Tasks: l.TaskArns[:min(len(l.TaskArns), 100)]}, once)
	if err != nil {
		return err
	}
	if s := failing(d.Tasks); s != f.checks {
		f.checks = s
		if s != "" {
			f.emit(Event{Kind: Health, Name: "green", Message: s})
		}
	}
	return nil
}

// installing is green's task set while its tasks run but it is not installed, else "".
func (f *follower) installing() string {
	if f.out.Target == nil || f.events["Install"] != types.LifecycleEventStatusInProgress {
		return ""
	}
	for _, s := range f.out.Target.TaskSetsInfo {
		if s.TaskSetLabel == types.TargetLabelGreen && s.DesiredCount > 0 && s.RunningCount >= s.DesiredCount {
			return aws.ToString(s.Identifer)
		}
	}
	return ""
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
