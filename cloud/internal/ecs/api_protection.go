package ecs

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxProtectedTasks = 10
	protectMinutes    = 120
	maxProtectMinutes = 2880
)

// protectable finds the tasks of a call about scale-in protection, and the failures of
// those that cannot be protected.
func (s *Service) protectable(tx *store.Tx, cluster *string, refs []string) ([]task, []types.Failure, error) {
	c, err := s.clusterOf(tx, cluster)
	if err != nil {
		return nil, nil, err
	}
	var tasks []task
	failures := []types.Failure{}
	for _, ref := range refs {
		t, ok, err := s.taskIn(tx, c, ref)
		switch {
		case err != nil:
			return nil, nil, err
		case !ok:
			failures = append(failures, missing(s.Place.Of("ecs", "task/"+c.Name+"/"+last(ref))))
		case t.Service == "" || t.Desired != running:
			failures = append(failures, types.Failure{
				Arn: aws.String(s.taskARN(t)), Reason: aws.String("TASK_NOT_VALID"), Detail: aws.String("Only running tasks of a service can be protected."),
			})
		default:
			tasks = append(tasks, t)
		}
	}
	return tasks, failures, nil
}

func (s *Service) protection(t task) types.ProtectedTask {
	out := types.ProtectedTask{TaskArn: aws.String(s.taskARN(t))}
	if t.Protected.After(s.Clock.Now()) {
		out.ProtectionEnabled, out.ExpirationDate = true, aws.Time(t.Protected)
	}
	return out
}

// GetTaskProtection tells which tasks are protected, all of the cluster when none is named.
func (s *Service) GetTaskProtection(_ context.Context, in *ecs.GetTaskProtectionInput, _ ...func(*ecs.Options)) (*ecs.GetTaskProtectionOutput, error) {
	out := &ecs.GetTaskProtectionOutput{ProtectedTasks: []types.ProtectedTask{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		var tasks []task
		if tasks, out.Failures, err = s.protectable(tx, in.Cluster, in.Tasks); err != nil {
			return
		}
		if len(in.Tasks) == 0 {
			c, _ := s.clusterOf(tx, in.Cluster)
			for _, t := range s.t.tasks.All(tx, c.Name+"/") {
				if t.alive() && t.Protected.After(s.Clock.Now()) {
					tasks = append(tasks, t)
				}
			}
		}
		for _, t := range tasks {
			out.ProtectedTasks = append(out.ProtectedTasks, s.protection(t))
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateTaskProtection protects tasks from being scaled in, for two hours unless the
// request says how long, or ends that.
func (s *Service) UpdateTaskProtection(_ context.Context, in *ecs.UpdateTaskProtectionInput, _ ...func(*ecs.Options)) (*ecs.UpdateTaskProtectionOutput, error) {
	minutes := *or(in.ExpiresInMinutes, protectMinutes)
	switch n := len(in.Tasks); {
	case n == 0 || n > maxProtectedTasks:
		return nil, invalid("Tasks must contain between 1 and %d elements.", maxProtectedTasks)
	case minutes < 1 || minutes > maxProtectMinutes:
		return nil, invalid("expiresInMinutes must be between 1 and %d.", maxProtectMinutes)
	}
	var until time.Time
	if in.ProtectionEnabled {
		until = s.Clock.Now().Add(time.Duration(minutes) * time.Minute)
	}
	out := &ecs.UpdateTaskProtectionOutput{ProtectedTasks: []types.ProtectedTask{}}
	woken := map[string]bool{}
	err := s.Store.Update(func(tx *store.Tx) (err error) {
		var tasks []task
		if tasks, out.Failures, err = s.protectable(tx, in.Cluster, in.Tasks); err != nil {
			return err
		}
		for _, t := range tasks {
			t.Protected = until
			s.t.tasks.Put(tx, t.key(), t)
			out.ProtectedTasks = append(out.ProtectedTasks, s.protection(t))
			woken[t.Service] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for key := range woken {
		s.engine.wake(key)
	}
	return out, nil
}
