package watch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// many is an account with deployments d-0, d-1, … which all go through the same states,
// each of a service of its own, and counts what is asked.
type many struct {
	*script
	mu                      sync.Mutex
	single, batched, target int
	services                int
	most                    [2]int // asked for at once: deployments, services
}

func (m *many) GetDeployment(ctx context.Context, in *codedeploy.GetDeploymentInput, o ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.single++
	if *in.DeploymentId == "d-none" {
		return nil, &types.DeploymentDoesNotExistException{Message: in.DeploymentId}
	}
	return m.script.GetDeployment(ctx, in, o...)
}

func (m *many) BatchGetDeployments(ctx context.Context, in *codedeploy.BatchGetDeploymentsInput, _ ...func(*codedeploy.Options)) (*codedeploy.BatchGetDeploymentsOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batched++
	m.most[0] = max(m.most[0], len(in.DeploymentIds))
	out := &codedeploy.BatchGetDeploymentsOutput{}
	for _, id := range in.DeploymentIds {
		if id == "d-none" {
			continue
		}
		one, err := m.script.GetDeployment(ctx, nil)
		if err != nil {
			return nil, err
		}
		one.DeploymentInfo.DeploymentId = &id
		out.DeploymentsInfo = append(out.DeploymentsInfo, *one.DeploymentInfo)
	}
	return out, nil
}

func (m *many) ListDeploymentTargets(ctx context.Context, in *codedeploy.ListDeploymentTargetsInput, o ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentTargetsOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, err := m.script.ListDeploymentTargets(ctx, in, o...)
	if err == nil {
		l.TargetIds = []string{"town:" + *in.DeploymentId}
	}
	return l, err
}

func (m *many) GetDeploymentTarget(ctx context.Context, in *codedeploy.GetDeploymentTargetInput, o ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentTargetOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.target++
	return m.script.GetDeploymentTarget(ctx, in, o...)
}

func (m *many) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.services++
	m.most[1] = max(m.most[1], len(in.Services))
	out := &ecs.DescribeServicesOutput{}
	for _, name := range in.Services {
		out.Services = append(out.Services, ecstypes.Service{
			ServiceArn: aws.String("arn:aws:ecs:eu-west-1:123456789012:service/town/" + name),
			Events:     []ecstypes.ServiceEvent{message(m.began, name, "(service "+name+") of "+name)},
		})
	}
	return out, nil
}

// Several watchers of one process ask together, and each hears of its own deployment.
func TestWatchersShareTheirCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &many{script: &script{began: time.Now(), steps: canary}}
		s := Share(m, m)
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Go(func() {
				id, own := fmt.Sprint("d-", i), 0
				out, err := Follow(t.Context(), Options{CodeDeploy: s, ECS: s, ID: id, Emit: func(e Event) {
					if e.Kind == Service {
						own++
						if e.Message != "of "+id {
							t.Errorf("%s hears %q", id, e.Message)
						}
					}
				}})
				if err != nil || !out.Succeeded(Done) || own != 1 {
					t.Errorf("%s: %+v, %v, heard %d messages", id, out.Deployment, err, own)
				}
			})
		}
		wg.Wait()
		if late := time.Since(m.began) - 10*time.Minute; late > 1500*time.Millisecond {
			t.Errorf("the end was known after %v", late)
		}
		if m.most != [2]int{mostDeployments, mostServices} || m.batched*3 > m.target || m.single > m.batched {
			t.Errorf("%d calls for many, %d for one, beside %d for targets; at most %v at once", m.batched, m.single, m.target, m.most)
		}
	})
}

func TestAskingAloneAndForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &many{script: &script{began: time.Now(), steps: canary}}
		s := Share(m, m)
		if _, err := s.GetDeployment(t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: aws.String("d-1")}); err != nil || m.batched != 0 || m.single != 1 {
			t.Errorf("%v, %d calls for many", err, m.batched)
		}
		var wg sync.WaitGroup
		for _, id := range []string{"d-1", "d-none"} {
			wg.Go(func() {
				_, err := s.GetDeployment(t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: &id})
				var none *types.DeploymentDoesNotExistException
				if errors.As(err, &none) != (id == "d-none") {
					t.Errorf("%s: %v", id, err)
				}
			})
		}
		wg.Wait()
		m.fault = throttle
		for _, id := range []string{"d-1", "d-2"} {
			wg.Go(func() {
				if _, err := s.GetDeployment(t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: &id}); !Throttled(err) {
					t.Errorf("%s: %v", id, err)
				}
			})
		}
		wg.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: aws.String("d-1")}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		synctest.Wait()
		time.Sleep(2 * moment)
	})
}
