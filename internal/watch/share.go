package watch

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// BatchCodeDeploy is CodeDeploy for several watchers.
type BatchCodeDeploy interface {
	CodeDeploy
	BatchGetDeployments(context.Context, *codedeploy.BatchGetDeploymentsInput, ...func(*codedeploy.Options)) (*codedeploy.BatchGetDeploymentsOutput, error)
}

// Shared is CodeDeploy and ECS for several watchers of one process: what they ask within
// a moment is asked in one call, of as many as AWS takes.
type Shared struct {
	BatchCodeDeploy
	ecs         ECS
	deployments batch[*types.DeploymentInfo]
	mu          sync.Mutex
	services    map[string]*batch[ecstypes.Service] // by cluster
}

// How many AWS takes in one call.
const (
	mostDeployments = 25
	mostServices    = 10
)

// Share makes clients that watchers may share.
func Share(cd BatchCodeDeploy, e ECS) *Shared {
	s := &Shared{BatchCodeDeploy: cd, ecs: e, services: map[string]*batch[ecstypes.Service]{}}
	s.deployments = batch[*types.DeploymentInfo]{most: mostDeployments, ask: s.askDeployments}
	return s
}

// GetDeployment asks for one of several deployments.
func (s *Shared) GetDeployment(ctx context.Context, in *codedeploy.GetDeploymentInput, opts ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentOutput, error) {
	d, err := s.deployments.get(ctx, aws.ToString(in.DeploymentId))
	if err != nil {
		return nil, err
	}
	if d == nil { // alone, or unknown: the call for one says it in its own words
		return s.BatchCodeDeploy.GetDeployment(ctx, in, opts...)
	}
	return &codedeploy.GetDeploymentOutput{DeploymentInfo: d}, nil
}

func (s *Shared) askDeployments(ctx context.Context, ids []string) (map[string]*types.DeploymentInfo, error) {
	if len(ids) == 1 {
		return nil, nil
	}
	out, err := s.BatchGetDeployments(ctx, &codedeploy.BatchGetDeploymentsInput{DeploymentIds: ids})
	if err != nil {
		return nil, err
	}
	found := map[string]*types.DeploymentInfo{}
	for i := range out.DeploymentsInfo {
		found[aws.ToString(out.DeploymentsInfo[i].DeploymentId)] = &out.DeploymentsInfo[i]
	}
	return found, nil
}

// DescribeServices asks for one of several services of a cluster.
func (s *Shared) DescribeServices(ctx context.Context, in *ecs.DescribeServicesInput, opts ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if len(in.Services) != 1 {
		return s.ecs.DescribeServices(ctx, in, opts...)
	}
	svc, err := s.cluster(aws.ToString(in.Cluster)).get(ctx, in.Services[0])
	if err != nil {
		return nil, err
	}
	out := &ecs.DescribeServicesOutput{}
	if svc.ServiceArn != nil {
		out.Services = append(out.Services, svc)
	}
	return out, nil
}

func (s *Shared) cluster(name string) *batch[ecstypes.Service] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.services[name] == nil {
		s.services[name] = &batch[ecstypes.Service]{most: mostServices, ask: func(ctx context.Context, services []string) (map[string]ecstypes.Service, error) {
			out, err := s.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &name, Services: services}, once)
			if err != nil {
				return nil, err
			}
			found := map[string]ecstypes.Service{}
			for _, svc := range out.Services {
				arn := aws.ToString(svc.ServiceArn)
				found[arn], found[arn[strings.LastIndexByte(arn, '/')+1:]] = svc, svc
			}
			return found, nil
		}}
	}
	return s.services[name]
}

// moment is for how long a question waits for others to go with it: so that there are at
// most ten calls a second, however many watch.
const moment = 100 * time.Millisecond

// batch gathers questions for a moment and asks them together.
type batch[T any] struct {
	most    int
	ask     func(context.Context, []string) (map[string]T, error)
	mu      sync.Mutex
	waiting *round[T]
}

// round is the questions of one call, and its answer once done is closed.
type round[T any] struct {
	keys []string
	done chan struct{}
	out  map[string]T
	err  error
}

func (b *batch[T]) get(ctx context.Context, key string) (T, error) {
	r := b.join(ctx, key)
	select {
	case <-r.done:
		return r.out[key], r.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// join adds a question to the round that waits. The first of a round has it asked.
func (b *batch[T]) join(ctx context.Context, key string) *round[T] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.waiting == nil || len(b.waiting.keys) == b.most {
		r := &round[T]{done: make(chan struct{})}
		b.waiting = r
		go b.run(context.WithoutCancel(ctx), r) // the others' question does not end with the first asker
	}
	b.waiting.keys = append(b.waiting.keys, key)
	return b.waiting
}

// answerWithin bounds a call that nobody may wait for any more.
const answerWithin = time.Minute

func (b *batch[T]) run(ctx context.Context, r *round[T]) {
	defer close(r.done)
	time.Sleep(moment)
	b.mu.Lock()
	if b.waiting == r {
		b.waiting = nil
	}
	keys := r.keys
	b.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r.out, r.err = b.ask(ctx, keys)
}
