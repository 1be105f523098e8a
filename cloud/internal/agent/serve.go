package agent

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// ConnServer serves HTTP on connections that come one by one, such as those of
// Spec.Services.
type ConnServer struct {
	server *http.Server
	conns  *connListener
	done   chan struct{}
}

// NewConnServer begins to serve h; Close ends it.
func NewConnServer(h http.Handler) *ConnServer {
	s := &ConnServer{
		server: &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute},
		conns:  &connListener{queue: make(chan net.Conn), closed: make(chan struct{})},
		done:   make(chan struct{}),
	}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(s.conns) // always http.ErrServerClosed: the listener only ends by Close
	}()
	return s
}

// Handle serves a connection and takes care that it is closed.
func (s *ConnServer) Handle(c net.Conn) {
	select {
	case s.conns.queue <- c:
	case <-s.conns.closed:
		_ = c.Close()
	}
}

// Close ends all connections.
func (s *ConnServer) Close() error {
	err := s.server.Close()
	<-s.done
	return err
}

// connListener is a net.Listener whose connections are handed to it.
type connListener struct {
	queue  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

var errListenerClosed = errors.New("listener closed")

func (l *connListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.queue:
		return c, nil
	case <-l.closed:
		return nil, errListenerClosed
	}
}

func (l *connListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *connListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(MetadataAddr) }
