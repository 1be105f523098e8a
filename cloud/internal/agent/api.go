package agent

import (
	"context"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Spec is one task to run: the effective task definition (overrides applied) and what
// ECS resolved for it.
type Spec struct {
	ID         string // the task's id, 32 hex digits
	ARN        string
	Cluster    string // cluster name, for labels and metadata
	Service    string // service name or ""
	Definition types.TaskDefinition
	// Env holds additional variables per container, resolved secrets and environment
	// files among them: never logged, never shown. The definition's own environment wins
	// over it. AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is left out where the task cannot
	// reach MetadataAddr.
	Env map[string][]types.KeyValuePair
	// Credentials gives the registry's user and password for an image as Image rewrote
	// it ("" for anonymous); nil pulls anonymously.
	Credentials func(ctx context.Context, image string) (user, password string, err error)
	// Image rewrites a reference before it is pulled, for example from the real ECR host
	// name to the local registry; nil keeps it.
	Image func(ref string) string
	// Services are reachable inside the task, see runtime.SandboxSpec.
	Services map[netip.AddrPort]func(net.Conn)
	// LogSink receives every line that a container writes, for awslogs, without its end
	// and in pieces of 16 KiB if it is longer; nil for none. It may keep the line. Calls
	// for one container come in order, the last before the task is STOPPED.
	LogSink func(container string, at time.Time, line []byte)
}

// State is what is known of a task. Every report is a whole, immutable State.
type State struct {
	Status         string // PROVISIONING PENDING ACTIVATING RUNNING DEACTIVATING STOPPING DEPROVISIONING STOPPED
	Addr           netip.Addr
	Health         types.HealthStatus
	Containers     []ContainerState
	PullStartedAt  time.Time
	PullStoppedAt  time.Time
	StartedAt      time.Time // all containers running
	StoppingAt     time.Time
	StoppedAt      time.Time
	StopCode       types.TaskStopCode
	StoppedReason  string    // AWS's texts
	ExecutionEnded time.Time // the first essential container exited
}

// ContainerState is what is known of one container.
type ContainerState struct {
	Name        string
	Status      string // PENDING RUNNING STOPPED
	Health      types.HealthStatus
	ExitCode    *int32
	Reason      string // "CannotPullContainerError: …", "OutOfMemoryError: …"
	Image       string
	ImageDigest string
	RuntimeID   string
	StartedAt   time.Time
	StoppedAt   time.Time
}

// Runner starts tasks; Agent implements it. ECS declares its own interface like this.
type Runner interface {
	// Start begins to run spec and returns at once. observe is called with every new
	// state, in order, from one goroutine, the last with Status STOPPED. It may call
	// Task.Stop; what it waits for, the task waits for.
	Start(spec Spec, observe func(State)) Task
}

// Task is one running task.
type Task interface {
	// Stop begins to end the task (SIGTERM in reverse dependency order, stopTimeout,
	// SIGKILL); the first call's code and reason stay.
	Stop(code types.TaskStopCode, reason string)
	// Done is closed after the last observe call returned.
	Done() <-chan struct{}
	// Exec runs a program in a container of the task.
	Exec(ctx context.Context, container string, spec runtime.ExecSpec) (int, error)
	// Usage is what the task's running containers use together. Their driver may not
	// measure them: the error then matches errors.ErrUnsupported.
	Usage(ctx context.Context) (runtime.Usage, error)
	// Logs reads what a container wrote so far and, with follow, what it will write.
	Logs(ctx context.Context, container string, follow bool) (io.ReadCloser, error)
}
