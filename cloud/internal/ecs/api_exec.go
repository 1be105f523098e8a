package ecs

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var (
	errExecDisabled = invalid("The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running. " +
		"Wait and try again or run a new task with execute command enabled and try again.")
	errUnconnected = &types.TargetNotConnectedException{Message: aws.String("The execute command failed due to an internal error. Try again later.")}
)

// execAgent is the agent of ECS Exec in a container: it runs as long as that.
func execAgent(k agent.ContainerState) types.ManagedAgent {
	return types.ManagedAgent{Name: types.ManagedAgentNameExecuteCommandAgent, LastStatus: optional(k.Status), LastStartedAt: when(k.StartedAt)}
}

// ExecuteCommand offers a session that runs a command in a container of a task, on a
// terminal.
func (s *Service) ExecuteCommand(ctx context.Context, in *ecs.ExecuteCommandInput, _ ...func(*ecs.Options)) (*ecs.ExecuteCommandOutput, error) {
	if !in.Interactive {
		return nil, invalid("Interactive is the only mode supported currently.")
	}
	argv, err := words(aws.ToString(in.Command))
	if err != nil {
		return nil, invalid("The command is invalid: %s.", err)
	}
	var t task
	var described types.Task
	s.Store.View(func(tx *store.Tx) {
		if t, err = s.execTarget(tx, in); err == nil {
			described = s.describeTask(tx, t)
		}
	})
	if err != nil {
		return nil, err
	}
	c, err := execContainer(described, in.Container)
	if err != nil {
		return nil, err
	}
	target := s.engine.task(t.ID)
	if target == nil || aws.ToString(c.LastStatus) != running || s.Sessions == nil {
		return nil, errUnconnected
	}
	if err := s.connected(ctx, t); err != nil {
		s.Log.Warn("the agent of ECS Exec is not connected", "task", t.ID, "error", err)
		return nil, errUnconnected
	}
	id, url, token := s.Sessions.Offer(func(ctx context.Context, spec runtime.ExecSpec) (int, error) {
		spec.Argv = argv
		return target.Exec(ctx, *c.Name, spec)
	})
	return &ecs.ExecuteCommandOutput{
		ClusterArn: described.ClusterArn, TaskArn: described.TaskArn, ContainerArn: c.ContainerArn, ContainerName: c.Name, Interactive: true,
		Session: &types.Session{SessionId: &id, StreamUrl: &url, TokenValue: &token},
	}, nil
}

// connected tells why a task's agent has no channel to its service: it opens that with the
// task role. AWS's agent tries when it starts, and again and again; here it is asked for when
// somebody wants it.
func (s *Service) connected(ctx context.Context, t task) error {
	if s.Channel == nil {
		return nil
	}
	td, _, err := s.effectiveDefinition(t)
	if err != nil {
		return err
	}
	role := aws.ToString(td.TaskRoleArn)
	if role == "" {
		return errors.New("the task has no role")
	}
	if ctx, err = s.Assume(ctx, role, t.ID); err != nil {
		return err
	}
	return s.Channel(ctx)
}

// execTarget is the task of a call, if commands may be run in it.
func (s *Service) execTarget(tx *store.Tx, in *ecs.ExecuteCommandInput) (task, error) {
	c, err := s.clusterOf(tx, in.Cluster)
	if err != nil {
		return task{}, err
	}
	t, ok, err := s.taskIn(tx, c, aws.ToString(in.Task))
	switch {
	case err != nil:
		return t, err
	case !ok:
		return t, errTask
	case t.stopped() || t.Desired == stopped:
		return t, errUnconnected
	case !t.Exec:
		return t, errExecDisabled
	case t.lastStatus() != running:
		return t, errUnconnected
	}
	return t, nil
}

// execContainer is the container that is named, or the only one.
func execContainer(t types.Task, name *string) (types.Container, error) {
	if name == nil && len(t.Containers) == 1 {
		return t.Containers[0], nil
	}
	if name == nil {
		return types.Container{}, invalid("The task has more than one container. Specify the name of one and try again.")
	}
	for _, c := range t.Containers {
		if *c.Name == *name {
			return c, nil
		}
	}
	return types.Container{}, invalid("The container %s was not found in the task.", *name)
}

// words splits a command as a shell does: at spaces, but for what stands in quotes or
// behind a backslash.
func words(command string) ([]string, error) {
	var out []string
	var word strings.Builder
	begun, quote := false, rune(0)
	escaped := false
	for _, r := range command {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			begun, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			begun, quote = true, r
		case strings.ContainsRune(" \t\n", r):
			if begun {
				out = append(out, word.String())
			}
			word.Reset()
			begun = false
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a quote is not closed")
	}
	if begun {
		out = append(out, word.String())
	}
	if len(out) == 0 {
		return nil, errors.New("it is empty")
	}
	return out, nil
}
