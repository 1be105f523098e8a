package balancer

import (
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// clients are the connections that a listener serves itself.
type clients struct {
	mu     sync.Mutex
	open   map[*client]struct{}
	closed atomic.Bool
}

// client is one connection of a client.
type client struct {
	stream
	l     *listener
	phase atomic.Int32
	from  netip.Addr
	port  uint16
	since time.Time // when it was accepted
	begun time.Time // when the request that is being read or served began

	headSize int64  // of the request that was read last
	id       string // in logs; made when first needed

	told  *edits // what tells was made for
	tells []byte // lines that tell targets of the client's TLS
}

// Phases of a connection. Only an idle one is closed when its listener is shut.
const (
	idle int32 = iota
	busy
	ended
)

// admit registers a connection; it refuses when the listener was shut.
func (l *listener) admit(c net.Conn) (*client, bool) {
	from := sourceOf(c)
	k := &client{stream: stream{Conn: c}, l: l, from: from.Addr(), port: from.Port(), since: time.Now()}
	l.clients.mu.Lock()
	defer l.clients.mu.Unlock()
	if l.clients.closed.Load() {
		c.Close()
		return nil, false
	}
	l.clients.open[k] = struct{}{}
	return k, true
}

// leave closes the connection.
func (c *client) leave() {
	c.Close()
	c.free()
	c.forget()
}

func (c *client) forget() {
	c.l.clients.mu.Lock()
	defer c.l.clients.mu.Unlock()
	delete(c.l.clients.open, c)
}

// close closes idle connections and makes the others close when they become idle.
func (s *clients) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed.Store(true)
	for c := range s.open {
		if c.phase.CompareAndSwap(idle, ended) {
			c.Close()
		}
	}
}
