package ecs

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/ecs/taskdef"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// assume is Assume for a role that may be absent: tasks on container instances need none.
func (s *Service) assume(ctx context.Context, role, session string) (context.Context, error) {
	if role == "" {
		return AsTasksService(ctx, "", session)
	}
	return s.Assume(ctx, role, session)
}

// unassumable is a role of a task definition that ECS cannot take on.
type unassumable struct {
	role  string
	cause error
}

func (e *unassumable) Error() string {
	return "ECS was unable to assume the role '" + e.role + "' that was provided for this task. Please verify that the role being passed " +
		"has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."
}

func (e *unassumable) Unwrap() error { return e.cause }

// checkRoles tries the roles of a task definition. ECS does so before it makes a task, so
// that none is ever seen that could not have a role; registering a task definition does
// not look whether its roles exist.
func (s *Service) checkRoles(ctx context.Context, td types.TaskDefinition) error {
	for _, role := range []string{aws.ToString(td.TaskRoleArn), aws.ToString(td.ExecutionRoleArn)} {
		if role == "" {
			continue
		}
		if _, err := s.Assume(ctx, role, "ECS"); err != nil {
			return &unassumable{role, err}
		}
	}
	return nil
}

// warnOfRole logs what AWS does not tell: what is wrong with the role.
func (s *Service) warnOfRole(err error) {
	s.Log.Warn("a task's role cannot be assumed: it must exist in the cloud's account and trust "+tasksService, "error", errors.Unwrap(err))
}

// lookAtRoles checks the roles of the task definitions of a service's sets. It returns
// what is wrong, by set id.
func (s *Service) lookAtRoles(ctx context.Context, key string) map[string]error {
	defs := map[string]types.TaskDefinition{}
	s.Store.View(func(tx *store.Tx) {
		for _, x := range s.setsOf(tx, key) {
			if d, ok := s.definitionOf(tx, x.Work.Definition); ok {
				defs[x.ID] = d.TaskDefinition
			}
		}
	})
	wrong := map[string]error{}
	for id, td := range defs {
		if err := s.checkRoles(ctx, td); err != nil {
			wrong[id] = err
		}
	}
	return wrong
}

// checkRun checks the roles that RunTask would give its tasks. What else is wrong with the
// request is told by those who look at that.
func (s *Service) checkRun(ctx context.Context, in *ecs.RunTaskInput) error {
	var d definition
	var ok bool
	s.Store.View(func(tx *store.Tx) { d, ok = s.definitionOf(tx, aws.ToString(in.TaskDefinition)) })
	if !ok {
		return nil
	}
	td, err := taskdef.Override(d.TaskDefinition, in.Overrides)
	if err != nil {
		return nil
	}
	if err := s.checkRoles(ctx, td); err != nil {
		s.warnOfRole(err)
		return client("%s", err.Error())
	}
	return nil
}

// refuse notes that n tasks of a set could not be launched.
func (p *pass) refuse(x *set, n int, err error) {
	before := p.v.Told
	p.tellOnce("%s failed to launch a task with (error %s).", subject(p.v, *x), err)
	if p.v.Told != before {
		p.s.warnOfRole(err)
	}
	x.Misses += n
	x.Failed += int32(n)
	x.MissAt = p.now
	p.putSet(x)
}
