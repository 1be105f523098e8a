package watch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Unsteady says what keeps a service from being stable, "" when nothing does: all its
// tasks run, what is primary is steady, and nothing else of it runs beside. The SDK's own
// waiter knows nothing of task sets.
func Unsteady(s types.Service) string {
	switch {
	case aws.ToString(s.Status) != "ACTIVE":
		return "it is " + aws.ToString(s.Status)
	case s.PendingCount > 0:
		return fmt.Sprintf("%d tasks are pending", s.PendingCount)
	case s.RunningCount != s.DesiredCount:
		return fmt.Sprintf("%d of %d tasks are running", s.RunningCount, s.DesiredCount)
	}
	for _, t := range s.TaskSets {
		if aws.ToString(t.Status) != "PRIMARY" && t.ComputedDesiredCount+t.RunningCount > 0 {
			return fmt.Sprintf("task set %s is %s beside the primary one", aws.ToString(t.Id), aws.ToString(t.Status))
		}
		if t.StabilityStatus != types.StabilityStatusSteadyState {
			return fmt.Sprintf("task set %s is %s", aws.ToString(t.Id), t.StabilityStatus)
		}
	}
	if len(s.TaskSets) == 0 {
		return unsteadyRolling(s.Deployments)
	}
	return ""
}

func unsteadyRolling(all []types.Deployment) string {
	for _, d := range all {
		switch {
		case d.RolloutState != types.DeploymentRolloutStateCompleted && d.RolloutState != "":
			return fmt.Sprintf("deployment %s is %s", aws.ToString(d.Id), d.RolloutState)
		case aws.ToString(d.Status) != "PRIMARY":
			return fmt.Sprintf("deployment %s is %s beside the primary one", aws.ToString(d.Id), aws.ToString(d.Status))
		}
	}
	return ""
}

// ErrOther is matched when a service became stable on another revision than the one it was
// going to: that one was rolled back or replaced.
var ErrOther = errors.New("was rolled back or replaced")

// coming is the revision that a service goes to: that of its newest task set or deployment.
func coming(s types.Service) string {
	var newest time.Time
	arn := ""
	see := func(at *time.Time, revision *string) {
		if t := aws.ToTime(at); arn == "" || t.After(newest) {
			newest, arn = t, aws.ToString(revision)
		}
	}
	for _, t := range s.TaskSets {
		see(t.CreatedAt, t.TaskDefinition)
	}
	if len(s.TaskSets) == 0 {
		for _, d := range s.Deployments {
			see(d.CreatedAt, d.TaskDefinition)
		}
	}
	return arn
}

// serving is the revision of what is primary.
func serving(s types.Service) string {
	for _, t := range s.TaskSets {
		if aws.ToString(t.Status) == "PRIMARY" {
			return aws.ToString(t.TaskDefinition)
		}
	}
	for _, d := range s.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			return aws.ToString(d.TaskDefinition)
		}
	}
	return aws.ToString(s.TaskDefinition)
}

// UntilStable polls until the service is stable, ctx ends or the deadline (0: none) passes. tell
// hears what keeps it, whenever that changes. A service that is going away never is, and
// one that is stable on another revision than it was going to is an error (ErrOther).
func UntilStable(ctx context.Context, client ECS, cluster, service string, pace Pace, deadline time.Duration, tell func(string)) error {
	last, wanted, got := "", "", ""
	trouble := func(err error, wait time.Duration) { tell(fmt.Sprintf("%v; asking again in %s", err, wait)) }
	err := pace.Every(ctx, deadline, trouble, func(ctx context.Context) (bool, bool, error) {
		out, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{service}})
		if err != nil {
			return false, false, err
		}
		if len(out.Services) == 0 || aws.ToString(out.Services[0].Status) == "INACTIVE" {
			return false, false, fmt.Errorf("service %s is gone from cluster %s", service, cluster)
		}
		if wanted == "" {
			wanted = coming(out.Services[0])
		}
		got = serving(out.Services[0])
		why := Unsteady(out.Services[0])
		changed := why != last
		if last = why; changed && why != "" {
			tell(why)
		}
		return why == "", changed, nil
	})
	switch {
	case err != nil && last != "":
		return fmt.Errorf("%w: %s", err, last)
	case err == nil && got != wanted:
		return fmt.Errorf("service %s is stable on %s: %s %w", service, got, wanted, ErrOther)
	}
	return err
}

// TaskReader is what waiting for tasks asks of ECS.
type TaskReader interface {
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

// UntilTasks polls until all tasks have reached a status (RUNNING, STOPPED) and returns
// them as they are then. A task that stopped instead of running is an error.
func UntilTasks(ctx context.Context, client TaskReader, cluster string, ids []string, status string, pace Pace, deadline time.Duration, tell func(string)) ([]types.Task, error) {
	var tasks []types.Task
	seen := map[string]string{}
	trouble := func(err error, wait time.Duration) { tell(fmt.Sprintf("%v; asking again in %s", err, wait)) }
	err := pace.Every(ctx, deadline, trouble, func(ctx context.Context) (bool, bool, error) {
		out, err := client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &cluster, Tasks: ids})
		if err != nil {
			return false, false, err
		}
		if len(out.Failures) > 0 {
			return false, false, fmt.Errorf("task %s: %s", aws.ToString(out.Failures[0].Arn), aws.ToString(out.Failures[0].Reason))
		}
		tasks = out.Tasks
		over, changed := len(tasks) > 0, false
		for _, t := range tasks {
			arn, now := aws.ToString(t.TaskArn), aws.ToString(t.LastStatus)
			if seen[arn] != now {
				seen[arn], changed = now, true
				tell(arn + " is " + now)
			}
			if now == "STOPPED" && status != "STOPPED" {
				return false, false, fmt.Errorf("task %s stopped before it was %s: %s", arn, status, aws.ToString(t.StoppedReason))
			}
			over = over && now == status
		}
		return over, changed, nil
	})
	return tasks, err
}
