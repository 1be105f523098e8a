package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

var noAddr netip.AddrPort

// listener accepts connections at one address. Fields are guarded by Balancer.mu, except
// where said.
type listener struct {
	b      *Balancer
	id     string
	config Listener
	socket net.Listener // nil while it could not be opened
	fresh  bool         // the socket is not served yet
	bound  netip.AddrPort
	why    error

	counters listenerCounters // not guarded
	clients  clients          // guards itself

	serverOnce sync.Once
	server     *http.Server // for HTTP/2
	handed     handed
}

func (b *Balancer) newListener(id string) *listener {
	l := &listener{b: b, id: id}
	l.clients.open = map[*client]struct{}{}
	l.handed.done = make(chan struct{})
	l.handed.conns = make(chan net.Conn)
	return l
}

// bind opens the listener's socket unless it stands already.
func (l *listener) bind() error {
	if l.socket != nil {
		return nil
	}
	socket, why, err := listen(l.config.Addr)
	if err != nil {
		l.why = fmt.Errorf("listen on %s: %w", l.config.Addr, err)
		return l.why
	}
	l.socket, l.why, l.fresh = socket, why, true
	l.bound = socket.Addr().(*net.TCPAddr).AddrPort()
	return nil
}

// listen opens a socket at addr or, when the port is taken or forbidden, at another port
// of the same address; why then tells the reason. 80 becomes 8080 and 443 becomes 8443 if
// those are free.
func listen(addr netip.AddrPort) (socket net.Listener, why, err error) {
	socket, err = listenAt(addr)
	if !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EADDRINUSE) {
		return socket, nil, err
	}
	why = fmt.Errorf("listen on %s: %w", addr, err)
	if addr.Port() < 1024 {
		if socket, err = listenAt(netip.AddrPortFrom(addr.Addr(), 8000+addr.Port())); err == nil {
			return socket, why, nil
		}
	}
	socket, err = listenAt(netip.AddrPortFrom(addr.Addr(), 0))
	return socket, why, err
}

func listenAt(addr netip.AddrPort) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(context.Background(), "tcp", addr.String())
}

// unbind closes the socket; connections live on.
func (l *listener) unbind() {
	if l.socket != nil {
		l.socket.Close()
		l.socket = nil
	}
}

// serve accepts connections of a new socket. b.mu is held.
func (b *Balancer) serve(l *listener) {
	if !l.fresh {
		return
	}
	l.fresh = false
	socket := l.socket
	b.goes(func() { l.accept(socket) })
}

// accept runs until the socket is closed.
func (l *listener) accept(socket net.Listener) {
	for {
		c, err := socket.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of file descriptors, or the client was gone already
			l.b.opts.Log.Debug("accept", "listener", l.id, "error", err)
			select {
			case <-l.b.ctx.Done():
			case <-time.After(acceptPause):
			}
		default:
			l.b.goes(func() { l.welcome(c) })
		}
	}
}

const acceptPause = 5 * time.Millisecond

// shut stops the listener. Connections close when they have no request in flight. b.mu is
// held.
func (b *Balancer) shut(l *listener) {
	l.unbind()
	l.clients.close()
	l.serverOnce.Do(func() {}) // from now on none is made
	if l.server == nil {
		return
	}
	b.goes(func() {
		close(l.handed.done)
		if err := l.server.Shutdown(b.ctx); err != nil {
			l.server.Close()
		}
	})
}

// welcome finds out what a new connection speaks and serves it.
func (l *listener) welcome(c net.Conn) {
	l.counters.connections.Add(1)
	l.counters.active.Add(1)
	defer l.counters.active.Add(-1)
	r := l.b.table.Load().routes[l]
	if r == nil {
		c.Close()
		return
	}
	if r.tls != nil {
		tc := tls.Server(c, r.tls)
		ctx, cancel := context.WithTimeout(l.b.ctx, handshakeTimeout)
		began := time.Now()
		err := tc.HandshakeContext(ctx)
		cancel()
		if r.config.RecordConns {
			l.recordConn(c, tc, began, err)
		}
		if err != nil {
			l.b.opts.Log.Debug("tls handshake", "listener", l.id, "client", c.RemoteAddr().String(), "error", err)
			c.Close()
			return
		}
		c = tc
	} else if r.config.RecordConns {
		l.recordConn(c, nil, time.Now(), nil)
	}
	if r.config.Protocol == "TCP" || r.config.Protocol == "TLS" {
		l.serveTCP(c)
		return
	}
	if tc, ok := c.(*tls.Conn); ok && tc.ConnectionState().NegotiatedProtocol == "h2" {
		l.handOver(c)
		return
	}
	l.serveHTTP1(c)
}

const handshakeTimeout = 10 * time.Second
