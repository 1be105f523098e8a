package ecs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// ListTasks lists the ARNs of tasks, newest first: those that are to run, unless stopped
// ones are asked for.
func (s *Service) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	var found []task
	var err error
	s.Store.View(func(tx *store.Tx) {
		var f filter
		if f, err = s.filterOf(tx, in); err != nil {
			return
		}
		for _, t := range s.t.tasks.All(tx, f.cluster+"/") {
			if f.passes(t) {
				found = append(found, t)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(found, func(a, b task) int { return b.Created.Compare(a.Created) })
	var all []string
	for _, t := range found {
		all = append(all, s.taskARN(t))
	}
	part, next, err := paged(all, in.NextToken, in.MaxResults, maxListed)
	if err != nil {
		return nil, err
	}
	return &ecs.ListTasksOutput{TaskArns: part, NextToken: next}, nil
}

// filter is which tasks a list is about; empty members let all pass.
type filter struct {
	cluster, service, family, startedBy, desired string
	launch                                       types.LaunchType
	none                                         bool
}

func (s *Service) filterOf(tx *store.Tx, in *ecs.ListTasksInput) (filter, error) {
	c, err := s.clusterOf(tx, in.Cluster)
	if err != nil {
		return filter{}, err
	}
	f := filter{
		cluster: c.Name, family: aws.ToString(in.Family), startedBy: aws.ToString(in.StartedBy), desired: string(in.DesiredStatus), launch: in.LaunchType,
		none: in.ContainerInstance != nil || in.DaemonName != nil || in.DesiredStatus == types.DesiredStatusPending,
	}
	if f.desired == "" {
		f.desired = running
	}
	if f.startedBy != "" && (f.family != "" || in.ServiceName != nil) {
		return f, invalid("startedBy cannot be combined with other filters.")
	}
	if in.ServiceName != nil {
		v, err := s.serviceIn(tx, c, *in.ServiceName)
		if err != nil {
			return f, err
		}
		f.service = v.key()
	}
	return f, nil
}

func (f filter) passes(t task) bool {
	return !f.none && t.Desired == f.desired &&
		(f.service == "" || t.Service == f.service) &&
		(f.family == "" || strings.HasPrefix(last(t.Definition), f.family+":")) &&
		(f.startedBy == "" || t.StartedBy == f.startedBy) &&
		(f.launch == "" || t.LaunchType == f.launch)
}

// DescribeTasks describes tasks by id or ARN.
func (s *Service) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	switch n := len(in.Tasks); {
	case n == 0:
		return nil, invalid("Tasks cannot be empty.")
	case n > maxDescribed:
		return nil, invalid("Tasks cannot have more than %d elements.", maxDescribed)
	}
	out := &ecs.DescribeTasksOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		var c cluster
		if c, err = s.clusterOf(tx, in.Cluster); err != nil {
			return
		}
		for _, ref := range in.Tasks {
			t, ok, failed := s.taskIn(tx, c, ref)
			switch {
			case failed != nil:
				err = failed
				return
			case ok:
				d := s.describeTask(tx, t)
				d.Tags = append([]types.Tag{}, shown(t.Tags, in.Include)...)
				out.Tasks = append(out.Tasks, d)
			default:
				out.Failures = append(out.Failures, missing(s.Place.Of("ecs", "task/"+c.Name+"/"+last(ref))))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// userStop is the reason of a task that somebody stopped without giving one.
const userStop = "Task stopped by user"

// StopTask stops a task. One of a service leaves its target groups first and is replaced.
func (s *Service) StopTask(_ context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	var out types.Task
	var t task
	err := s.Store.Update(func(tx *store.Tx) error {
		c, err := s.clusterOf(tx, in.Cluster)
		if err != nil {
			return err
		}
		var ok bool
		if t, ok, err = s.taskIn(tx, c, aws.ToString(in.Task)); err != nil {
			return err
		}
		if !ok {
			return errTask
		}
		if t.Desired == running {
			reason := aws.ToString(in.Reason)
			if reason == "" {
				reason = userStop
			}
			t.condemn(types.TaskStopCodeUserInitiated, reason)
			s.t.tasks.Put(tx, t.key(), t)
		}
		out = s.describeTask(tx, t)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if t.Service == "" {
		s.engine.halt(t)
	} else {
		s.engine.wake(t.Service)
	}
	return &ecs.StopTaskOutput{Task: &out}, nil
}

// condemn marks a task as to be stopped. The first reason stays.
func (t *task) condemn(code types.TaskStopCode, reason string) {
	if t.Desired == running {
		t.Desired, t.StopCode, t.Reason = stopped, code, reason
		t.Version++
	}
}
