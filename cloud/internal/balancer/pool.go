package balancer

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// Idle connections to a target.
const (
	maxIdle  = 512
	idleLife = 30 * time.Second
)

// pool holds the connections to one target: all of them, to cut them, and the idle ones,
// to use them again.
type pool struct {
	t      *target
	mu     sync.Mutex
	all    map[net.Conn]struct{}
	idle   []*upstream // the longest idle first
	reaper *time.Timer
	shut   bool // closeAll was called

	transport *http.Transport // for clients that speak HTTP/2; made when first needed
}

// upstream is a connection to a target for HTTP/1. A TCP connection can be spliced.
type upstream struct {
	stream
	p      *pool
	raw    net.Conn // below TLS; what the pool knows it by
	reused bool
	since  time.Time // idle since
}

func (p *pool) init(t *target) {
	p.t = t
	p.all = map[net.Conn]struct{}{}
}

// http returns what sends requests of net/http to the target.
func (p *pool) http(g *Group) *http.Transport {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.transport == nil {
		p.transport = newTransport(p, g)
	}
	return p.transport
}

// get returns an idle connection, the one used last, or nil.
func (p *pool) get() *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.idle)
	if n == 0 {
		return nil
	}
	u := p.idle[n-1]
	p.idle[n-1] = nil
	p.idle = p.idle[:n-1]
	u.reused = true
	return u
}

// put keeps a connection for later requests, unless the target drains.
func (p *pool) put(u *upstream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut || p.t.draining.Load() || len(p.idle) >= maxIdle {
		p.dropLocked(u.raw)
		return
	}
	u.since = time.Now()
	p.idle = append(p.idle, u)
	if p.reaper == nil {
		p.reaper = time.AfterFunc(idleLife, p.reap)
	}
}

// reap closes what was idle for too long.
func (p *pool) reap() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reaper = nil
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].since) >= idleLife {
		p.dropLocked(p.idle[n].raw)
		n++
	}
	p.idle = append(p.idle[:0:0], p.idle[n:]...)
	if len(p.idle) > 0 && !p.shut {
		p.reaper = time.AfterFunc(idleLife-time.Since(p.idle[0].since), p.reap)
	}
}

// closeIdle closes the connections that no request uses.
func (p *pool) closeIdle() {
	p.mu.Lock()
	for _, u := range p.idle {
		p.dropLocked(u.raw)
	}
	p.idle = nil
	if p.reaper != nil {
		p.reaper.Stop()
		p.reaper = nil
	}
	tr := p.transport
	p.mu.Unlock()
	if tr != nil {
		tr.CloseIdleConnections() // calls drop
	}
}

// closeAll cuts all connections, and those that are still to come.
func (p *pool) closeAll() {
	p.closeIdle()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	for c := range p.all {
		p.dropLocked(c)
	}
}

func (p *pool) dropLocked(c net.Conn) {
	delete(p.all, c)
	c.Close()
}

// drop closes a connection.
func (p *pool) drop(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropLocked(c)
}

// open dials. The connection is the pool's until it is dropped.
func (p *pool) open(ctx context.Context) (net.Conn, error) {
	c, err := p.t.dial(ctx)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shut {
		c.Close()
		return nil, net.ErrClosed
	}
	p.all[c] = struct{}{}
	return c, nil
}

// dialHTTP1 opens a connection for HTTP/1, with TLS if the group wants it.
func (p *pool) dialHTTP1(ctx context.Context, g *Group) (*upstream, error) {
	c, err := p.open(ctx)
	if err != nil {
		return nil, err
	}
	u := &upstream{stream: stream{Conn: c}, p: p, raw: c}
	if g.tls() {
		tc := tls.Client(c, targetTLS())
		ctx, cancel := context.WithTimeout(ctx, dialTimeout)
		defer cancel()
		if err := tc.HandshakeContext(ctx); err != nil {
			p.drop(c)
			return nil, err
		}
		u.Conn = tc
	}
	return u, nil
}

// owned is a pool's connection in the hands of net/http.
type owned struct {
	net.Conn
	p *pool
}

func (o *owned) Close() error {
	o.p.drop(o.Conn)
	return nil
}
