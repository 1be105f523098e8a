package ecs

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

const cannotAssume = "ECS was unable to assume the role 'arn:aws:iam::123456789012:role/exec' that was provided for this task. Please verify that the role " +
	"being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role."

// trusting lets roles be assumed while it is on.
func trusting(on *atomic.Bool) func(*Options) {
	return func(o *Options) {
		o.Assume = func(ctx context.Context, role, _ string) (context.Context, error) {
			if !on.Load() {
				return nil, errors.New("no trust in " + role)
			}
			return ctx, nil
		}
	}
}

// withRole registers web:2, which has an execution role.
func (s *stage) withRole() {
	in := definitionInput("nginx")
	in.ExecutionRoleArn = aws.String("arn:aws:iam::123456789012:role/exec")
	must2(s.RegisterTaskDefinition(bg, in))
}

// A service whose task definition's role cannot be assumed is made, launches nothing and
// says why; when the role is mended, its tasks start without anybody's help.
func TestAServicesRoleCannotBeAssumed(t *testing.T) {
	var on atomic.Bool
	playWith(t, trusting(&on), func(t *testing.T, s *stage) {
		s.withRole()
		s.create(types.DeploymentControllerTypeEcs)
		time.Sleep(2 * time.Minute)
		s.wantEvents("(service s) failed to launch a task with (error "+cannotAssume+").", "(service s) is unable to consistently start tasks successfully.")
		if n := strings.Count(strings.Join(s.events(), "\n"), "failed to launch"); n != 1 {
			t.Errorf("told %d times", n)
		}
		if x := s.tasks(types.DesiredStatusStopped); len(x) != 0 || s.runner.started() != 0 {
			t.Errorf("tasks were made: %+v", x)
		}
		on.Store(true)
		s.stable()
		time.Sleep(time.Minute)
		s.wantEvents("failed to launch", "has started 2 tasks", "has reached a steady state")
	})
}

// The circuit breaker counts launches that failed.
func TestTheCircuitBreakerSeesAnUnassumableRole(t *testing.T) {
	var on atomic.Bool
	playWith(t, trusting(&on), func(t *testing.T, s *stage) {
		s.withRole()
		s.create(types.DeploymentControllerTypeEcs, func(in *ecs.CreateServiceInput) {
			in.DeploymentConfiguration = &types.DeploymentConfiguration{DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true}}
		})
		time.Sleep(10 * time.Minute)
		if d := s.service().Deployments; len(d) != 1 || d[0].RolloutState != types.DeploymentRolloutStateFailed || d[0].FailedTasks < 3 {
			t.Errorf("%+v", d)
		}
	})
}

// RunTask refuses; RegisterTaskDefinition has not looked.
func TestRunTaskWithARoleThatCannotBeAssumed(t *testing.T) {
	var on atomic.Bool
	playWith(t, trusting(&on), func(t *testing.T, s *stage) {
		_, err := s.RunTask(bg, runInput()) // web:1 has no role
		must(t, 0, err)
		s.withRole()
		_, err = s.RunTask(bg, runInput())
		wantError(t, err, "ClientException", cannotAssume)
		in := runInput()
		in.TaskDefinition, in.Overrides = aws.String("web:1"), &types.TaskOverride{TaskRoleArn: aws.String("arn:aws:iam::123456789012:role/other")}
		_, err = s.RunTask(bg, in)
		wantError(t, err, "ClientException", strings.ReplaceAll(cannotAssume, "role/exec", "role/other"))
		synctest.Wait()
		if n := s.runner.started(); n != 1 {
			t.Errorf("%d tasks were started", n)
		}
	})
}
