package balancer

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

const idleTCP = 350 * time.Second

// serveTCP passes one connection to a target, as network load balancers do. Without a
// target the client is reset.
func (l *listener) serveTCP(c net.Conn) {
	k, ok := l.admit(c)
	if !ok {
		return
	}
	defer k.leave()
	k.phase.Store(busy)
	v := l.b.decide(l, connQuery{c})
	l.counters.requests.Add(1)
	if v.target == nil {
		reset(c)
		return
	}
	defer v.target.release()
	v.target.counters.requests.Add(1)
	p := &v.target.pool
	t, err := p.open(l.b.ctx)
	if err != nil {
		reset(c)
		return
	}
	defer p.drop(t)
	defer context.AfterFunc(l.b.ctx, func() { c.Close(); t.Close() })()
	idle := v.routes.config.IdleTimeout
	if idle <= 0 {
		idle = idleTCP
	}
	l.b.pipe(c, t, idle)
}

// pipe passes bytes both ways until both ways have ended, one has failed, or nothing moved
// for as long as idle.
func (b *Balancer) pipe(c, t net.Conn, idle time.Duration) (in, out int64) {
	var both sync.WaitGroup
	clock := newActivity(idle)
	way := func(dst, src net.Conn, moved *int64) {
		defer both.Done()
		n, err := clock.pass(dst, src, -1, nil)
		if *moved = n; err != nil {
			dst.Close() // the other way ends by that
			src.Close()
			return
		}
		closeWrite(dst)
	}
	both.Add(2)
	go way(t, c, &in)
	way(c, t, &out)
	both.Wait()
	return in, out
}

// closeWrite tells the peer that no more comes.
func closeWrite(c net.Conn) {
	if h, ok := c.(interface{ CloseWrite() error }); ok {
		_ = h.CloseWrite()
		return
	}
	c.Close()
}

// reset closes a connection so that the peer sees a failure, not an end.
func reset(c net.Conn) {
	if tc, ok := c.(*net.TCPConn); ok {
		_ = tc.SetLinger(0)
	}
	c.Close()
}

// connQuery is a connection without request: only its source can be matched.
type connQuery struct{ c net.Conn }

func (connQuery) method() string         { return "" }
func (connQuery) host() string           { return "" }
func (connQuery) hostport() string       { return "" }
func (connQuery) path() string           { return "" }
func (connQuery) rawQuery() string       { return "" }
func (connQuery) header(string) []string { return nil }
func (q connQuery) source() netip.Addr   { return sourceOf(q.c).Addr() }

func sourceOf(c net.Conn) netip.AddrPort {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
	}
	return netip.AddrPort{}
}
