package balancer

import (
	"net"
	"sync"
	"sync/atomic"
)

// clients are the connections that a listener serves itself.
type clients struct {
	mu     sync.Mutex
	open   map[*client]struct{}
	closed bool
}

// client is one connection of a client.
type client struct {
	stream
	l     *listener
	phase atomic.Int32
}

// Phases of a connection. Only an idle one is closed when its listener is shut.
const (
	idle int32 = iota
	busy
	ended
)

// admit registers a connection; it refuses when the listener was shut.
func (l *listener) admit(c net.Conn) (*client, bool) {
	k := &client{stream: stream{Conn: c}, l: l}
	l.clients.mu.Lock()
	defer l.clients.mu.Unlock()
	if l.clients.closed {
		c.Close()
		return nil, false
	}
	l.clients.open[k] = struct{}{}
	return k, true
}

func (c *client) leave() {
	c.Close()
	c.free()
	c.l.clients.mu.Lock()
	defer c.l.clients.mu.Unlock()
	delete(c.l.clients.open, c)
}

// close closes idle connections and makes the others close when they become idle.
func (s *clients) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.open {
		if c.phase.CompareAndSwap(idle, ended) {
			c.Close()
		}
	}
}

// ending tells whether the listener was shut.
func (s *clients) ending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}
