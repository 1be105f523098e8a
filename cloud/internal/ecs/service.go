package ecs

import (
	"context"
	"log/slog"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Options say what a Service works with. Store, Runner and Targets are required.
type Options struct {
	Store   *store.Store
	Clock   *clock.Clock
	Place   arn.Place
	Runner  agent.Runner
	Targets Targets
	// HealthChanged wakes the scheduler; nil lets it poll the health of targets.
	HealthChanged Feed
	// RegistryAuth gives the login for an image's registry, "" for none.
	RegistryAuth func(ctx context.Context, image string) (user, password string, err error)
	// RewriteImage turns a reference into one that can be pulled here.
	RewriteImage func(string) string
	// Secrets reads what a container's secret is taken from: an SSM parameter's name or ARN,
	// or a Secrets Manager ARN with its suffixes. Without it, tasks with secrets fail.
	Secrets func(ctx context.Context, valueFrom string) (string, error)
	// Files reads an environment file, an S3 object's ARN.
	Files func(ctx context.Context, object string) ([]byte, error)
	// Assume returns a context in which calls are those of a task's role, in a session of
	// that name, which is the task's id. Without it, they are the ECS tasks service's.
	Assume func(ctx context.Context, roleARN, session string) (context.Context, error)
	// Endpoints tells what a task reaches inside; role is its task role's ARN, or "".
	Endpoints func(taskARN, role string) Endpoints
	Logs      Logs
	// Sessions offers sessions of ECS Exec to clients; nil has none.
	Sessions Sessions
	// Channel asks whether the agent of ECS Exec may open its channels, with the task role's
	// identity in ctx. Nil lets it, whatever the role.
	Channel func(ctx context.Context) error
	// Alarms are what deployments of the ECS controller are watched by; nil watches none.
	Alarms Alarms
	// Observe is told of a service's counts when the scheduler has looked at it.
	Observe func(Sample)
	Log     *slog.Logger
}

// Service is ECS: its methods are the API, Run is the scheduler.
type Service struct {
	Options
	t      tables
	engine engine
}

// New opens the service's tables. It starts nothing.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Assume == nil {
		o.Assume = AsTasksService
	}
	t, err := openTables(o.Store)
	if err != nil {
		return nil, err
	}
	s := &Service{Options: o, t: t}
	s.engine = engine{s: s, keepers: map[string]chan struct{}{}, live: map[string]*handle{}}
	return s, nil
}

// AsTasksService is Assume for tasks without an execution role: calls are the service's own.
func AsTasksService(ctx context.Context, role, _ string) (context.Context, error) {
	return identity.With(ctx, identity.Caller{Kind: identity.Service, Service: tasksService, RoleARN: role}), nil
}

// tasksService is the principal that assumes the roles of tasks.
const tasksService = "ecs-tasks.amazonaws.com"
