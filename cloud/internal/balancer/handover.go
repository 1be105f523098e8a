package balancer

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// replayed is a connection whose first bytes were read already.
type replayed struct {
	net.Conn
	first []byte
}

func (c *replayed) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// handedOver is what is remembered of a connection in the hands of net/http.
type handedOver struct {
	since time.Time
	once  sync.Once
	id    string
}

// known is what logs know the connection by.
func (h *handedOver) known() string {
	h.once.Do(func() { h.id = newConnID() })
	return h.id
}

type handedKey struct{}

func handedOf(ctx context.Context) *handedOver {
	h, _ := ctx.Value(handedKey{}).(*handedOver)
	return h
}

// ends tells whether the request's connection has lived long enough.
func (x *proxied) ends(ctx context.Context) bool {
	h := handedOf(ctx)
	return h != nil && aged(h.since, x.began, x.v.routes.keepAlive)
}

const (
	headTimeout   = 30 * time.Second // for the whole head, once it has begun
	maxHTTP2Calls = 128              // at a time on one connection
)

// handed brings connections to net/http. It is a net.Listener.
type handed struct {
	conns chan net.Conn
	done  chan struct{}
}

func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handed) Close() error   { return nil }
func (h *handed) Addr() net.Addr { return &net.TCPAddr{} }

// handOver lets net/http serve a connection from its first byte on: those of HTTP/2.
func (l *listener) handOver(c net.Conn) {
	l.serverOnce.Do(l.startServer)
	if l.server == nil { // the listener was shut
		c.Close()
		return
	}
	select {
	case l.handed.conns <- c:
	case <-l.handed.done:
		c.Close()
	}
}

func (l *listener) startServer() {
	l.server = &http.Server{
		Handler:           http.HandlerFunc(l.serveHTTP2),
		ReadHeaderTimeout: headTimeout,
		IdleTimeout:       defaultIdle,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(l.b.opts.Log.Handler(), slog.LevelDebug),
		Protocols:         new(http.Protocols),
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxHTTP2Calls},
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, handedKey{}, &handedOver{since: time.Now()})
		},
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				l.counters.active.Add(1)
			case http.StateClosed:
				l.counters.active.Add(-1)
			}
		},
	}
	l.server.Protocols.SetHTTP1(true)
	l.server.Protocols.SetHTTP2(true)
	l.server.Protocols.SetUnencryptedHTTP2(true)
	l.b.goes(func() { _ = l.server.Serve(&l.handed) })
}
