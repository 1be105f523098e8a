package lambda

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// environment is where a function runs: a sandbox with one container and a runtime API of
// its own. It serves one invocation at a time and stays for the next.
type environment struct {
	name      string // of the function
	revision  string // id of the revision that runs here
	version   string
	sandbox   runtime.Sandbox
	container runtime.Container
	api       *agent.ConnServer
	journal   *journal
	born      time.Time
	began     time.Duration // what the first start took; 0 once it has been told
	idleSince time.Time

	next       chan *invocation
	ready      chan struct{} // closed when the function asks for work
	readyOnce  sync.Once
	initFailed chan []byte
	exited     chan struct{} // closed when the container has ended
	exit       runtime.Exit  // set before exited is closed

	mu      sync.Mutex
	current *invocation // given to the function, not answered yet
}

const (
	initLimit = 10 * time.Second
	// maxAge is well below the hour for which a role's keys are good.
	maxAge = 50 * time.Minute
)

// boot makes an environment and starts the function in it, without waiting until it is
// ready. The container is seen to its end even when its start fails.
func (s *Service) boot(ctx context.Context, f found) (*environment, error) {
	img, err := s.imageFor(ctx, f)
	if err != nil {
		return nil, err
	}
	stream := fmt.Sprintf("%s/[%s]%s", s.Clock.Now().UTC().Format("2006/01/02"), f.version, ids.Hex(32))
	sink := s.sink(ctx, f, stream)
	env, err := s.variables(ctx, f, stream)
	if err != nil {
		return nil, err
	}
	id := "lambda-" + ids.Hex(16)
	e := &environment{
		name: f.Name, revision: *f.Config.RevisionId, version: f.version, born: time.Now(),
		next: make(chan *invocation), ready: make(chan struct{}), initFailed: make(chan []byte, 1), exited: make(chan struct{}),
	}
	if e.journal, err = openJournal(filepath.Join(s.Dir, "logs", id), sink, s.Log); err != nil {
		return nil, err
	}
	e.api = agent.NewConnServer(e.handler())
	services := s.reached()
	services[runtimeAPI] = e.api.Handle
	e.sandbox, err = s.Driver.Create(ctx, runtime.SandboxSpec{ID: id, Services: services, Labels: map[string]string{"turnout.function": f.Name}})
	if err == nil {
		e.container, err = e.sandbox.Run(ctx, containerSpec(f, img, env, e.journal.file.Name()))
	}
	if err != nil {
		return nil, errors.Join(err, e.close(context.WithoutCancel(ctx)))
	}
	s.tasks.Go(func() {
		exit, err := e.container.Wait(context.WithoutCancel(ctx))
		if err != nil {
			exit.Error = err.Error()
		}
		e.exit = exit
		close(e.exited)
	})
	return e, nil
}

func (s *Service) imageFor(ctx context.Context, f found) (runtime.Image, error) {
	if f.Code.Image != "" {
		return s.pull(ctx, f.Code.Resolved, f.Config.Architectures[0])
	}
	ref, err := s.shelf.reference(f.Code.Zip)
	if err != nil {
		return runtime.Image{}, err
	}
	return s.Driver.Pull(ctx, runtime.Reference{Image: ref})
}

// sink opens an environment's log stream; nil has none.
func (s *Service) sink(ctx context.Context, f found, stream string) func(time.Time, []byte) error {
	if s.Logs == nil {
		return nil
	}
	sink, err := s.Logs(ctx, aws.ToString(f.Config.Role), aws.ToString(f.Config.LoggingConfig.LogGroup), stream)
	if err != nil {
		s.Log.Warn("a function runs without a log", "function", f.Name, "error", err)
	}
	return sink
}

// variables are a function's environment.
func (s *Service) variables(ctx context.Context, f found, stream string) ([]string, error) {
	env := []string{
		"AWS_LAMBDA_RUNTIME_API=" + runtimeAPI.String(),
		"AWS_LAMBDA_FUNCTION_NAME=" + f.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=" + f.version,
		fmt.Sprintf("AWS_LAMBDA_FUNCTION_MEMORY_SIZE=%d", *f.Config.MemorySize),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=" + aws.ToString(f.Config.LoggingConfig.LogGroup),
		"AWS_LAMBDA_LOG_STREAM_NAME=" + stream,
		"AWS_REGION=" + s.Place.Region, "AWS_DEFAULT_REGION=" + s.Place.Region,
		"_HANDLER=" + aws.ToString(f.Config.Handler),
		"LAMBDA_TASK_ROOT=" + taskRoot, "LAMBDA_RUNTIME_DIR=/var/runtime",
		"PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin", "LANG=en_US.UTF-8", "TZ=:UTC",
	}
	if s.Endpoint.IsValid() {
		env = append(env, "AWS_ENDPOINT_URL=http://"+s.Endpoint.String())
	}
	if s.Assume != nil {
		keys, err := s.Assume(ctx, aws.ToString(f.Config.Role), f.Name)
		if err != nil {
			return nil, &types.InvalidParameterValueException{Type: user, Message: aws.String("The role defined for the function cannot be assumed by Lambda.")}
		}
		env = append(env, "AWS_ACCESS_KEY_ID="+*keys.AccessKeyId, "AWS_SECRET_ACCESS_KEY="+*keys.SecretAccessKey, "AWS_SESSION_TOKEN="+*keys.SessionToken)
	}
	if e := f.Config.Environment; e != nil {
		for k, v := range e.Variables {
			env = append(env, k+"="+v)
		}
	}
	return env, nil
}

// cpuPerMiB is a function's share of a CPU: one at 1,769 MiB.
const cpuPerMiB = 1024.0 / 1769

func containerSpec(f found, img runtime.Image, env []string, log string) runtime.ContainerSpec {
	memory := int64(*f.Config.MemorySize)
	spec := runtime.ContainerSpec{
		Name: "function", Image: img.ID, Env: env, LogPath: log, User: "993:990", ReadonlyRoot: true,
		MemoryBytes: memory << 20, CPUShares: max(int64(float64(memory)*cpuPerMiB), 2),
		Tmpfs: map[string]int64{"/tmp": int64(aws.ToInt32(f.Config.EphemeralStorage.Size)) << 20},
	}
	if c := f.Config.ImageConfigResponse; c != nil && c.ImageConfig != nil {
		spec.Entrypoint, spec.Cmd, spec.WorkingDir = c.ImageConfig.EntryPoint, c.ImageConfig.Command, aws.ToString(c.ImageConfig.WorkingDirectory)
	}
	return spec
}

// reached are the addresses of this machine that a function reaches under the same names.
func (s *Service) reached() map[netip.AddrPort]func(net.Conn) {
	var all []netip.AddrPort
	if s.Reach != nil {
		all = s.Reach()
	}
	services := map[netip.AddrPort]func(net.Conn){}
	for _, at := range all {
		services[at] = agent.Relay(s.life, at)
	}
	if s.Endpoint.IsValid() && s.API != nil {
		services[s.Endpoint] = s.API
	}
	return services
}

// close ends the function and all that belongs to its environment.
func (e *environment) close(ctx context.Context) error {
	var errs []error
	if e.sandbox != nil {
		errs = append(errs, e.sandbox.Close(ctx))
	}
	if e.container != nil {
		<-e.exited
	}
	errs = append(errs, e.api.Close())
	e.journal.close()
	return errors.Join(errs...)
}

// gone tells why the container has ended, when it has.
func (e *environment) gone() *failure {
	why := fmt.Sprintf("Runtime exited with error: exit status %d", e.exit.Code)
	switch {
	case e.exit.Error != "":
		why = "Runtime exited with error: " + e.exit.Error
	case e.exit.OOMKilled, e.exit.Code == 137:
		why = "Runtime exited with error: signal: killed"
	case e.exit.Code == 0:
		why = "Runtime exited without providing a reason"
	}
	return &failure{"Runtime.ExitError", why}
}
