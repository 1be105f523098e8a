package ecs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Targets is what ECS asks of Elastic Load Balancing.
type Targets interface {
	DescribeTargetGroups(context.Context, *elb.DescribeTargetGroupsInput, ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error)
	RegisterTargets(context.Context, *elb.RegisterTargetsInput, ...func(*elb.Options)) (*elb.RegisterTargetsOutput, error)
	DeregisterTargets(context.Context, *elb.DeregisterTargetsInput, ...func(*elb.Options)) (*elb.DeregisterTargetsOutput, error)
	DescribeTargetHealth(context.Context, *elb.DescribeTargetHealthInput, ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error)
}

// Feed signals that target health may have changed.
type Feed interface {
	Subscribe() (<-chan struct{}, func())
}

// Logs opens a log stream for a container.
type Logs interface {
	Sink(group, stream string, createGroup bool) (func(at time.Time, line []byte) error, error)
}

// Options say what a Service works with.
type Options struct {
	Store         *store.Store
	Clock         *clock.Clock
	Place         arn.Place
	Runner        agent.Runner
	Targets       Targets
	HealthChanged Feed
	RegistryAuth  func(ctx context.Context, image string) (user, password string, err error)
	RewriteImage  func(string) string
	Logs          Logs
	Log           *slog.Logger
}

// Service is ECS.
type Service struct {
	Options
	t tables

	mu   sync.Mutex
	live map[string]agent.Task // by task id
	wake chan struct{}
}

// New opens the service's tables. It starts nothing.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	t, err := openTables(o.Store)
	if err != nil {
		return nil, err
	}
	return &Service{Options: o, t: t, live: map[string]agent.Task{}, wake: make(chan struct{}, 1)}, nil
}

// Ops are the operations that the service answers.
func (s *Service) Ops() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreateCluster), wire.Handle(s.DescribeClusters), wire.Handle(s.ListClusters), wire.Handle(s.DeleteCluster),
		wire.Handle(s.RegisterTaskDefinition), wire.Handle(s.DescribeTaskDefinition), wire.Handle(s.DeregisterTaskDefinition), wire.Handle(s.ListTaskDefinitions),
		wire.Handle(s.CreateService), wire.Handle(s.DescribeServices), wire.Handle(s.UpdateService), wire.Handle(s.DeleteService), wire.Handle(s.ListServices),
		wire.Handle(s.CreateTaskSet), wire.Handle(s.DeleteTaskSet), wire.Handle(s.UpdateServicePrimaryTaskSet), wire.Handle(s.DescribeTaskSets), wire.Handle(s.UpdateTaskSet),
		wire.Handle(s.ListTasks), wire.Handle(s.DescribeTasks), wire.Handle(s.StopTask),
	}
}

func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
