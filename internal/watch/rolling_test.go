package watch

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// rollout is an ECS whose service goes through states by the clock.
type rollout struct {
	began time.Time
	calls int
	steps []rolloutStep
}

// rolloutStep holds from at on. Each deployment is "id status state running/desired".
type rolloutStep struct {
	at          time.Duration
	deployments []string
}

func (r *rollout) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	r.calls++
	cur := r.steps[0]
	for _, st := range r.steps {
		if time.Since(r.began) >= st.at {
			cur = st
		}
	}
	s := types.Service{DeploymentConfiguration: &types.DeploymentConfiguration{DeploymentCircuitBreaker: &types.DeploymentCircuitBreaker{Enable: true, Rollback: true}}}
	for _, text := range cur.deployments {
		var d types.Deployment
		var id, status, state string
		if _, err := fmt.Sscanf(text, "%s %s %s %d/%d", &id, &status, &state, &d.RunningCount, &d.DesiredCount); err != nil {
			return nil, err
		}
		d.Id, d.Status, d.RolloutState, d.CreatedAt = &id, &status, types.DeploymentRolloutState(state), &r.began
		s.Deployments = append(s.Deployments, d)
	}
	return &ecs.DescribeServicesOutput{Services: []types.Service{s}}, nil
}

var good = []rolloutStep{
	{0, []string{"new PRIMARY IN_PROGRESS 0/2", "old ACTIVE COMPLETED 2/2"}},
	{10 * time.Second, []string{"new PRIMARY IN_PROGRESS 2/2", "old ACTIVE COMPLETED 2/2"}},
	{20 * time.Second, []string{"new PRIMARY IN_PROGRESS 2/2", "old ACTIVE COMPLETED 0/0"}},
	{30 * time.Second, []string{"new PRIMARY COMPLETED 2/2"}},
}

func TestRollingUntil(t *testing.T) {
	for until, end := range map[Until]time.Duration{Shifted: 20 * time.Second, Stable: 30 * time.Second, Done: 30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := &rollout{began: time.Now(), steps: good}
			out, err := FollowRolling(t.Context(), RollingOptions{ECS: r, ID: "new", Until: until})
			if err != nil || !out.Succeeded(until) {
				t.Errorf("%s: %+v, %v", until, out, err)
			}
			if late := time.Since(r.began) - end; late < 0 || late > time.Second {
				t.Errorf("%s: told %v after it happened", until, late)
			}
		})
	}
}

func TestARollingDeploymentThatRolledBackIsNeverASuccess(t *testing.T) {
	bad := append(good[:1:1],
		rolloutStep{30 * time.Second, []string{"new PRIMARY FAILED 0/2", "old ACTIVE COMPLETED 2/2"}},
		rolloutStep{31 * time.Second, []string{"back PRIMARY IN_PROGRESS 2/2", "new ACTIVE FAILED 0/0"}},
		rolloutStep{40 * time.Second, []string{"back PRIMARY COMPLETED 2/2"}},
	)
	for _, until := range []Until{Shifted, Stable, Done} {
		synctest.Test(t, func(t *testing.T) {
			r := &rollout{began: time.Now(), steps: bad}
			var story []string
			out, err := FollowRolling(t.Context(), RollingOptions{ECS: r, ID: "new", Until: until, Emit: func(e Event) {
				if e.Kind == Status {
					story = append(story, e.Name+":"+e.Status)
				}
			}})
			if err != nil || out.Succeeded(until) || !out.RolledBack() || aws.ToString(out.Primary.Id) != "back" {
				t.Errorf("%s: %+v, %v", until, out, err)
			}
			if got, want := strings.Join(story, " "), "new:IN_PROGRESS new:FAILED rollback:IN_PROGRESS rollback:COMPLETED"; got != want {
				t.Errorf("%s: %s, want %s", until, got, want)
			}
			if took := time.Since(r.began); took > 41*time.Second {
				t.Errorf("%s: ended after %v", until, took)
			}
		})
	}
}

func TestRollingDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rollout{began: time.Now(), steps: good[:1]}
		out, err := FollowRolling(t.Context(), RollingOptions{ECS: r, ID: "new", Deadline: time.Minute})
		if err == nil || out.Succeeded(Done) || r.calls > 70 {
			t.Errorf("%v after %d calls", err, r.calls)
		}
	})
}
