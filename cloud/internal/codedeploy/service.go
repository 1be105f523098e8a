package codedeploy

import (
	"context"
	"log/slog"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// ECS is what CodeDeploy's role may ask of ECS.
type ECS interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	CreateTaskSet(context.Context, *ecs.CreateTaskSetInput, ...func(*ecs.Options)) (*ecs.CreateTaskSetOutput, error)
	UpdateServicePrimaryTaskSet(context.Context, *ecs.UpdateServicePrimaryTaskSetInput, ...func(*ecs.Options)) (*ecs.UpdateServicePrimaryTaskSetOutput, error)
	DeleteTaskSet(context.Context, *ecs.DeleteTaskSetInput, ...func(*ecs.Options)) (*ecs.DeleteTaskSetOutput, error)
}

// ELB is what CodeDeploy's role may ask of Elastic Load Balancing.
type ELB interface {
	DescribeTargetGroups(context.Context, *elb.DescribeTargetGroupsInput, ...func(*elb.Options)) (*elb.DescribeTargetGroupsOutput, error)
	DescribeListeners(context.Context, *elb.DescribeListenersInput, ...func(*elb.Options)) (*elb.DescribeListenersOutput, error)
	ModifyListener(context.Context, *elb.ModifyListenerInput, ...func(*elb.Options)) (*elb.ModifyListenerOutput, error)
	DescribeRules(context.Context, *elb.DescribeRulesInput, ...func(*elb.Options)) (*elb.DescribeRulesOutput, error)
	ModifyRule(context.Context, *elb.ModifyRuleInput, ...func(*elb.Options)) (*elb.ModifyRuleOutput, error)
}

// Objects reads AppSpecs in S3.
type Objects interface {
	// Object gives an object's content, no more than limit bytes of it, and its ETag: of a
	// version, or of the newest for "". Errors are S3's own, or a denial.
	Object(ctx context.Context, bucket, key, version string, limit int64) (content []byte, etag string, err error)
}

// Feed signals that services of ECS may have changed. Signals are coalesced.
type Feed interface {
	Subscribe() (<-chan struct{}, func())
}

// Options say what a Service works with.
type Options struct {
	Store   *store.Store
	Clock   *clock.Clock
	Place   arn.Place
	ECS     ECS
	Changed Feed // tells when to look at ECS again; nil lets the engine poll it
	ELB     ELB
	Objects Objects                                                            // revisions in S3; nil has none
	Invoke  func(ctx context.Context, function string, payload []byte) error   // Lambda hooks; nil has none
	Alarms  func(ctx context.Context, names []string) (map[string]bool, error) // name → in ALARM; nil has none
	Assume  func(ctx context.Context, roleARN string) (context.Context, error) // acts as the service role
	Log     *slog.Logger
}

// Service is CodeDeploy.
type Service struct {
	Options
	t     tables
	mu    sync.Mutex
	wakes map[string]chan struct{} // by deployment id
	begin chan string              // new deployments
}

// New opens the service's tables. It starts nothing.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Assume == nil {
		o.Assume = func(ctx context.Context, role string) (context.Context, error) {
			return identity.With(ctx, identity.Caller{Kind: identity.Service, Service: "codedeploy.amazonaws.com", RoleARN: role, ARN: role}), nil
		}
	}
	t, err := openTables(o.Store)
	if err != nil {
		return nil, err
	}
	return &Service{Options: o, t: t, wakes: map[string]chan struct{}{}, begin: make(chan string, 64)}, nil
}

// Run resumes unfinished deployments and runs new ones until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	var open []string
	s.Store.View(func(tx *store.Tx) {
		for id, d := range s.t.deployments.All(tx, "") {
			if !d.over() {
				open = append(open, id)
			}
		}
	})
	for _, id := range open {
		wg.Go(func() { s.own(ctx, id) })
	}
	for {
		select {
		case id := <-s.begin:
			wg.Go(func() { s.own(ctx, id) })
		case <-ctx.Done():
			return nil
		}
	}
}
