package balancer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httputil"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what a Balancer works with.
type Options struct {
	// Dial reaches targets; nil is the machine's own network.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Scale shortens the balancer's own waits: the time between health checks, the
	// deregistration delay, slow start. Nil leaves them as they are.
	Scale func(time.Duration) time.Duration
	// OnHealth is called, with no lock held, after a target of the group changed its
	// state, appeared or vanished.
	OnHealth func(groupID string)
	// Invoke calls a function that is a target and returns its answer. It fails, too, when
	// the function does.
	Invoke func(ctx context.Context, function string, payload []byte) ([]byte, error)
	Log    *slog.Logger // nil for slog.Default

	// OnRequest and OnConnection are told of what has ended, or begun, at listeners that
	// record it. They must not wait.
	OnRequest    func(Entry)
	OnConnection func(Connection)

	// GroupHeader names a response header that tells the name of the target group that
	// served; "" for none. AWS has no such header.
	GroupHeader string
}

// Balancer runs listeners and target groups. Its methods are safe for concurrent use.
type Balancer struct {
	opts  Options
	table atomic.Pointer[table]
	proxy *httputil.ReverseProxy

	mu        sync.Mutex // guards everything below, and what listeners and groups say they have under it
	closed    bool
	listeners map[string]*listener
	groups    map[string]*group
	leaving   map[*target]struct{} // not registered any more, but with requests in flight

	ctx  context.Context // ends when everything is to be cut off
	cut  context.CancelFunc
	work sync.WaitGroup // all goroutines
}

// ErrClosed is returned by Apply after Close.
var ErrClosed = errors.New("balancer is closed")

// New returns a Balancer that does nothing yet.
func New(o Options) *Balancer {
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Scale == nil {
		o.Scale = func(d time.Duration) time.Duration { return d }
	}
	if o.OnHealth == nil {
		o.OnHealth = func(string) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	b := &Balancer{
		opts:      o,
		listeners: map[string]*listener{},
		groups:    map[string]*group{},
		leaving:   map[*target]struct{}{},
	}
	b.ctx, b.cut = context.WithCancel(context.Background())
	b.table.Store(&table{})
	b.proxy = b.newProxy()
	return b
}

// Bound tells where a listener stands. The error says why that is not the address that it
// was given; with a zero address, why it does not stand at all.
func (b *Balancer) Bound(listenerID string) (netip.AddrPort, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.listeners[listenerID]
	if l == nil {
		return netip.AddrPort{}, fmt.Errorf("listener %s is unknown", listenerID)
	}
	return l.bound, l.why
}

// Close stops listening, lets requests in flight end, and cuts off what has not ended when
// ctx does; its error is then ctx's cause. All goroutines have ended when it returns.
func (b *Balancer) Close(ctx context.Context) error {
	b.mu.Lock()
	b.closed = true
	for id, l := range b.listeners {
		delete(b.listeners, id)
		b.shut(l)
	}
	for id, g := range b.groups {
		delete(b.groups, id)
		b.retireAll(g)
	}
	b.mu.Unlock()
	done := make(chan struct{})
	go func() { b.work.Wait(); close(done) }()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("close balancer: %w", context.Cause(ctx))
	}
	b.cut()
	<-done
	return err
}

// goes runs f in a goroutine that Close waits for.
func (b *Balancer) goes(f func()) {
	b.work.Add(1)
	go func() {
		defer b.work.Done()
		f()
	}()
}

// scaled shortens one of the balancer's own waits, but not below floor.
func (b *Balancer) scaled(d, floor time.Duration) time.Duration {
	return max(b.opts.Scale(d), min(d, floor))
}
