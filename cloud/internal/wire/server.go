package wire

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// Call runs one decoded operation: in is a pointer to the SDK's Input, the result one to
// its Output.
type Call func(ctx context.Context, in any) (any, error)

// Options says what a Server serves and what it asks before it does.
type Options struct {
	Services []*Service
	Log      *slog.Logger // default slog.Default()
	MaxBody  int64        // bytes of a request's body, before and after decompression; default 32 MiB

	// Authenticate tells who calls; nil lets everybody in as nobody. Called(r.Context())
	// names the operation. body is what was signed; it is nil for services with a Handler.
	// Operations that take no signature (sts AssumeRoleWithWebIdentity) pass by it.
	Authenticate func(r *http.Request, body []byte) (identity.Caller, error)

	// Authorize refuses what the caller (identity.From(ctx)) may not do; nil permits all.
	Authorize func(ctx context.Context, service, op string, in any) error

	// Middleware wraps each operation once, when the server is made: throttling, faults.
	// A Call that returns http.ErrAbortHandler cuts the connection without an answer.
	Middleware func(service, op string, next Call) Call
}

// Server answers for all services on one port. It is an http.Handler.
type Server struct {
	opts     Options
	log      *slog.Logger
	targets  map[string]*Service   // by TargetPrefix
	versions map[string][]*Service // by Version, those that speak awsQuery or ec2Query
	scopes   map[string]*Service   // by signing name
	calls    map[*Op]Call
	mounts   []mount // longest prefix first
	rest     []*Service
}

type mount struct {
	prefix  string
	handler http.Handler
}

const defaultMaxBody = 32 << 20

// NewServer makes a server of the services in o. It starts nothing.
func NewServer(o Options) *Server {
	if o.MaxBody <= 0 {
		o.MaxBody = defaultMaxBody
	}
	s := &Server{
		opts:     o,
		log:      o.Log,
		targets:  map[string]*Service{},
		versions: map[string][]*Service{},
		scopes:   map[string]*Service{},
		calls:    map[*Op]Call{},
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	for _, svc := range o.Services {
		s.add(svc)
	}
	return s
}

func (s *Server) add(svc *Service) {
	if svc.TargetPrefix != "" {
		s.targets[svc.TargetPrefix] = svc
	}
	if svc.speaks(Query) || svc.speaks(EC2Query) {
		s.versions[svc.Version] = append(s.versions[svc.Version], svc)
	}
	for _, n := range svc.SigningNames {
		s.scopes[n] = svc
	}
	if svc.Handler != nil || svc.speaks(RestJSON) {
		s.rest = append(s.rest, svc)
	}
	for i := range svc.Ops {
		op := &svc.Ops[i]
		s.calls[op] = s.chain(svc, op)
	}
}

// chain is what happens to a decoded request: middleware, then the model's constraints,
// then the caller's permission, then the operation.
func (s *Server) chain(svc *Service, op *Op) Call {
	call := func(ctx context.Context, in any) (any, error) {
		if err := svc.check(ctx, op, in); err != nil {
			return nil, err
		}
		if s.opts.Authorize != nil {
			if err := s.opts.Authorize(ctx, svc.ID, op.Name, in); err != nil {
				return nil, err
			}
		}
		return op.call(ctx, in)
	}
	if s.opts.Middleware != nil {
		return s.opts.Middleware(svc.ID, op.Name, call)
	}
	return call
}

// Handle serves all paths under prefix by h, before any AWS service but those with a
// Handler of their own is considered; the
// prefix "/" serves what no service claims. Call it before the server serves.
func (s *Server) Handle(prefix string, h http.Handler) {
	s.mounts = append(s.mounts, mount{prefix, h})
	slices.SortStableFunc(s.mounts, func(a, b mount) int { return len(b.prefix) - len(a.prefix) })
}

func (s *Server) mounted(path string) http.Handler {
	for _, m := range s.mounts {
		if m.prefix != "/" && strings.HasPrefix(path, m.prefix) {
			return m.handler
		}
	}
	return nil
}

// streams tells whether a request is signed for a service with a Handler, whose paths are
// its callers' own choice.
func (s *Server) streams(r *http.Request) bool {
	if presigned2(r) {
		return true
	}
	svc := s.scopes[scopeService(r)]
	return svc != nil && svc.Handler != nil
}

func (s *Server) fallback() http.Handler {
	for _, m := range s.mounts {
		if m.prefix == "/" {
			return m.handler
		}
	}
	return nil
}

// Services returns what the server serves, for coverage tables.
func (s *Server) Services() []*Service { return s.opts.Services }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 && r.Header.Get("Expect") == "100-continue" {
		// net/http goes on only where a body follows. botocore expects it for an empty one
		// too: it takes the answer for that of the next request on the connection as well.
		w.WriteHeader(http.StatusContinue)
	}
	if h := s.mounted(r.URL.Path); h != nil && !s.streams(r) {
		h.ServeHTTP(w, r)
		return
	}
	x := &exchange{srv: s, w: w, r: r, id: requestID()}
	if s.log.Enabled(r.Context(), slog.LevelDebug) {
		defer x.observe()()
	}
	if err := x.route(); err != nil {
		x.fail(err)
		return
	}
	x.serve()
}
