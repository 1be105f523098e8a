package elbv2

import (
	"crypto/tls"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Balancer is the data path.
type Balancer interface {
	// Apply makes the state hold; when it returns, new requests follow it.
	Apply(balancer.State) error
	// Health tells of all targets of a group, those that drain included.
	Health(group string) []balancer.Health
	// Bound tells where a listener stands, and why if that is not where it was declared.
	Bound(listener string) (netip.AddrPort, error)
}

// Network knows the subnets of the cloud.
type Network interface {
	Subnet(id string) (vpc, zone string, ok bool)
}

// Options says what a Service works with.
type Options struct {
	Store    *store.Store
	Clock    *clock.Clock
	Place    arn.Place
	Balancer Balancer
	Network  Network      // nil knows none
	Log      *slog.Logger // default slog.Default()

	// Functions may be set after New, before anything calls. Nil has none.
	Functions Functions
	// Objects may be set so, too. Nil writes no logs.
	Objects Objects
	// Admit asks whether a bucket's policy lets one of AWS's services do something; account
	// is from where that acts, which some policies name instead. Nil lets it.
	Admit func(service, account, action, resource string, keys map[string]string) error
	// Endpoint is the URL of the API, by which files of trust stores are handed out.
	Endpoint func() string
}

// Service answers the API.
type Service struct {
	Options
	tables tables

	publishing sync.Mutex // held while the balancer's state is composed and applied
	told       map[string]string
	configs    map[string]tlsEntry

	gateMu sync.Mutex
	gates  map[string]gateEntry // by rule
	login  *login

	logs  logs
	subMu sync.Mutex
	subs  map[chan struct{}]struct{}
}

type tlsEntry struct {
	made   string // the policy, protocols and certificates that it was made of
	config *tls.Config
}

// New opens the service's tables. It starts nothing.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	t, err := openTables(o.Store)
	if err != nil {
		return nil, err
	}
	l, err := newLogin()
	if err != nil {
		return nil, err
	}
	return &Service{
		Options: o, tables: t, login: l,
		gates:   map[string]gateEntry{},
		told:    map[string]string{},
		configs: map[string]tlsEntry{},
		subs:    map[chan struct{}]struct{}{},
	}, nil
}

// Publish hands the stored state to the balancer, so that load balancers listen again
// after a restart. Call it once, when the neighbours know each other; later changes are
// published by the calls that make them.
func (s *Service) Publish() { s.publish() }

// change writes to the store and, if that went well, makes the balancer follow.
func (s *Service) change(fn func(*store.Tx) error) error {
	if err := s.Store.Update(fn); err != nil {
		return err
	}
	s.publish()
	return nil
}

// Subscribe returns a channel that gets a signal when the health of targets may have
// changed, and a function that ends it. Signals are coalesced.
func (s *Service) Subscribe() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s.subMu.Lock()
	s.subs[c] = struct{}{}
	s.subMu.Unlock()
	return c, func() {
		s.subMu.Lock()
		delete(s.subs, c)
		s.subMu.Unlock()
	}
}

// HealthChanged is what the balancer calls when a target of the group changed its state.
func (s *Service) HealthChanged(string) {
	s.subMu.Lock()
	defer s.subMu.Unlock()
	for c := range s.subs {
		select {
		case c <- struct{}{}:
		default: // it will look anyway
		}
	}
}
