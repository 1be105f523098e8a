package watch

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"golang.org/x/time/rate"
)

// account is an AWS that enforces its rates for all watchers together.
type account struct {
	*script
	mu         sync.Mutex
	deployment *rate.Limiter // nil: none
	target     *rate.Limiter
	services   *rate.Limiter
	refused    int
}

func (a *account) allow(l *rate.Limiter) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if l != nil && !l.Allow() {
		a.refused++
		return throttle()
	}
	return nil
}

func (a *account) GetDeployment(ctx context.Context, in *codedeploy.GetDeploymentInput, o ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	if err := a.allow(a.deployment); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.script.GetDeployment(ctx, in, o...)
}

func (a *account) ListDeploymentTargets(ctx context.Context, in *codedeploy.ListDeploymentTargetsInput, o ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentTargetsOutput, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.script.ListDeploymentTargets(ctx, in, o...)
}

func (a *account) GetDeploymentTarget(ctx context.Context, in *codedeploy.GetDeploymentTargetInput, o ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentTargetOutput, error) {
	if err := a.allow(a.target); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.script.GetDeploymentTarget(ctx, in, o...)
}

func (a *account) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	return &ecs.DescribeServicesOutput{}, a.allow(a.services)
}

// watchMany has 50 jobs watch 50 deployments at once and returns how late each knew of
// the end.
func watchMany(t *testing.T, a *account) []time.Duration {
	t.Helper()
	var late []time.Duration
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			// A process of its own: nothing is shared but the account.
			o := Options{CodeDeploy: a, ECS: a, ID: "d-1", Cluster: "c", Service: "s", Budget: rate.NewLimiter(0.5, 10)}
			out, err := Follow(t.Context(), o)
			if err != nil || !out.Succeeded(Done) {
				t.Errorf("%+v, %v", out.Deployment, err)
			}
			a.mu.Lock()
			defer a.mu.Unlock()
			late = append(late, time.Since(a.began)-10*time.Minute)
		})
	}
	wg.Wait()
	slices.Sort(late)
	return late
}

func TestFiftyWatchersUnderTheRatesOfECS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &account{script: &script{began: time.Now(), steps: canary}, services: rate.NewLimiter(1, 20)}
		late := watchMany(t, a)
		if p95 := late[47]; p95 > 1500*time.Millisecond {
			t.Errorf("the end was known after %v (p95)", p95)
		}
		// The account's other users get through, too: watchers that are refused ask less.
		if a.refused > 50*10*60/20 {
			t.Errorf("%d calls were throttled in ten minutes", a.refused)
		}
	})
}

func TestFiftyWatchersWhereEverythingIsThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &account{
			script: &script{began: time.Now(), steps: canary}, services: rate.NewLimiter(1, 20),
			deployment: rate.NewLimiter(10, 20), target: rate.NewLimiter(10, 20),
		}
		if late := watchMany(t, a); late[49] > time.Minute {
			t.Errorf("the end was known after %v (worst)", late[49])
		}
	})
}
