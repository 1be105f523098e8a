package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Options are what the service needs.
type Options struct {
	Store  *store.Store
	Clock  *clock.Clock
	Place  arn.Place
	Driver runtime.Driver // runs functions
	Dir    string         // folder of the functions' code and logs, made when missing
	Log    *slog.Logger   // nil for silence

	// Endpoint is the cloud's API on this machine, where functions find it too, by
	// AWS_ENDPOINT_URL, and API serves it to them. Reach are more addresses that they reach:
	// load balancers'. All may be left out.
	Endpoint netip.AddrPort
	API      func(net.Conn)
	Reach    func() []netip.AddrPort

	// Assume gives keys of a function's role to its environment. The error is what
	// CreateFunction's caller is told of a role that Lambda may not assume.
	Assume func(ctx context.Context, roleARN, session string) (*types.Credentials, error)

	// Logs opens a log stream in the name of a function's role; nil throws lines away.
	// A role that may not write has no log, as on AWS: the function runs without.
	Logs func(ctx context.Context, roleARN, group, stream string) (func(at time.Time, line []byte) error, error)

	// Object reads code from S3; nil refuses it.
	Object func(ctx context.Context, bucket, key, version string) ([]byte, error)

	// Image rewrites the reference of an image to where it is pulled from, and Login
	// gives the credentials for it. Nil keeps references and pulls anonymously.
	Image func(ref string) string
	Login func(ctx context.Context, ref string) (user, password string, err error)
}

// Service is Lambda.
type Service struct {
	Options
	t     tables
	shelf *shelf // zips as images

	life   context.Context // of environments and of invocations that nobody waits for
	end    context.CancelFunc
	tasks  sync.WaitGroup
	mu     sync.Mutex
	closed bool
	idle   map[string][]*environment // by revision id, the longest idle first
	busy   map[string]int            // invocations under way, by function
}

// New opens the service on its tables and folder. Environments are started by invocations
// and ended by Run.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Image == nil {
		o.Image = func(ref string) string { return ref }
	}
	if o.Login == nil {
		o.Login = func(context.Context, string) (string, string, error) { return "", "", nil }
	}
	t, err := openTables(o.Store)
	if err = errors.Join(err, os.MkdirAll(filepath.Join(o.Dir, "code"), 0o700), os.MkdirAll(filepath.Join(o.Dir, "logs"), 0o700)); err != nil {
		return nil, fmt.Errorf("open lambda: %w", err)
	}
	s := &Service{Options: o, t: t, idle: map[string][]*environment{}, busy: map[string]int{}}
	s.shelf = &shelf{zip: s.zip, images: map[string]*shelved{}}
	s.life, s.end = context.WithCancel(context.Background())
	return s, s.forget()
}

// idleFor is how long an environment stays without work.
const idleFor = 5 * time.Minute

// Run ends idle environments until ctx ends, then all of them, and returns when they have
// ended. Later invocations are refused.
func (s *Service) Run(ctx context.Context) error {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.reap(func(e *environment) bool { return time.Since(e.idleSince) >= idleFor })
		case <-ctx.Done():
			s.mu.Lock()
			s.closed = true
			s.mu.Unlock()
			s.end()
			s.reap(func(*environment) bool { return true })
			s.tasks.Wait()
			return s.shelf.close()
		}
	}
}

// Ops are the operations that the service answers.
func (s *Service) Ops() []wire.Op {
	const policies = "callers of the account are authorized by their own policies"
	return []wire.Op{
		wire.Handle(s.CreateFunction).Differing("Runtimes provided.al2023 and provided.al2, with nothing but the zip in the file system, or images; no layers, extensions, SnapStart and file systems."),
		wire.Handle(s.GetFunction).Differing("Code is not handed out: Location is absent."),
		wire.Handle(s.GetFunctionConfiguration),
		wire.Handle(s.UpdateFunctionCode),
		wire.Handle(s.UpdateFunctionConfiguration),
		wire.Handle(s.DeleteFunction),
		wire.Handle(s.ListFunctions),
		wire.Handle(s.PublishVersion),
		wire.Handle(s.ListVersionsByFunction),
		wire.Handle(s.CreateAlias),
		wire.Handle(s.GetAlias),
		wire.Handle(s.UpdateAlias),
		wire.Handle(s.DeleteAlias),
		wire.Handle(s.ListAliases),
		wire.Handle(s.Invoke).
			Differing("Invocations that nobody waits for are retried as on AWS, but forgotten when the cloud ends.").
			Differing("Time-outs are in real time; processes are not frozen between invocations."),
		wire.Handle(s.PutFunctionConcurrency),
		wire.Handle(s.GetFunctionConcurrency),
		wire.Handle(s.DeleteFunctionConcurrency),
		wire.Handle(s.GetFunctionCodeSigningConfig),
		wire.Handle(s.GetAccountSettings),
		wire.Handle(s.AddPermission).RecordOnly(policies),
		wire.Handle(s.RemovePermission).RecordOnly(policies),
		wire.Handle(s.GetPolicy),
		wire.Handle(s.ListTags),
		wire.Handle(s.TagResource),
		wire.Handle(s.UntagResource),
	}
}
