package fake

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// pipe is a connection in memory. It differs from net.Pipe by a buffer in each direction:
// as over TCP, a writer does not wait for the reader of every byte.
func pipe(client, server net.Addr) (near, far net.Conn) {
	to, from := newStream(), newStream()
	return &conn{in: from, out: to, local: client, remote: server}, &conn{in: to, out: from, local: server, remote: client}
}

const buffered = 64 << 10

// stream is one direction.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond
	data    []byte
	ended   bool // no more is written
	refused bool // no more is read
}

func newStream() *stream {
	s := &stream{}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// deadline ends waits on a stream.
type deadline struct {
	mu    sync.Mutex
	at    time.Time
	timer *time.Timer
}

func (d *deadline) set(at time.Time, s *stream) {
	d.mu.Lock()
	d.at = at
	if d.timer != nil {
		d.timer.Stop()
	}
	if !at.IsZero() {
		d.timer = time.AfterFunc(time.Until(at), s.wake)
	}
	d.mu.Unlock() // before wake: waiters look at deadlines under the stream's lock
	s.wake()
}

func (d *deadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

func (d *deadline) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
}

func (s *stream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

func (s *stream) read(b []byte, d *deadline) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.refused:
			return 0, net.ErrClosed
		case d.passed():
			return 0, os.ErrDeadlineExceeded
		case len(s.data) > 0 || len(b) == 0:
			n := copy(b, s.data)
			s.data = s.data[n:]
			s.changed.Broadcast()
			return n, nil
		case s.ended:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(b []byte, d *deadline) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.ended:
			return n, net.ErrClosed
		case s.refused:
			return n, syscall.EPIPE
		case d.passed():
			return n, os.ErrDeadlineExceeded
		case len(b) == n:
			return n, nil
		case len(s.data) < buffered:
			more := min(len(b)-n, buffered-len(s.data))
			s.data = append(s.data, b[n:n+more]...)
			n += more
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

// finish ends a stream: what is buffered is still read, unless the reader is gone.
func (s *stream) finish(refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if refuse {
		s.refused = true
	} else {
		s.ended = true
	}
	s.changed.Broadcast()
}

// conn is one end of a pipe.
type conn struct {
	in, out       *stream
	local, remote net.Addr
	read, write   deadline
}

func (c *conn) Read(b []byte) (int, error)  { return c.in.read(b, &c.read) }
func (c *conn) Write(b []byte) (int, error) { return c.out.write(b, &c.write) }
func (c *conn) LocalAddr() net.Addr         { return c.local }
func (c *conn) RemoteAddr() net.Addr        { return c.remote }

// CloseWrite ends what the other side reads, as of a TCP connection.
func (c *conn) CloseWrite() error {
	c.out.finish(false)
	return nil
}

func (c *conn) Close() error {
	c.read.stop()
	c.write.stop()
	c.out.finish(false)
	c.in.finish(true)
	return nil
}

func (c *conn) SetDeadline(t time.Time) error {
	c.read.set(t, c.in)
	c.write.set(t, c.out)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.read.set(t, c.in)
	return nil
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.write.set(t, c.out)
	return nil
}

// listener hands over connections.
type listener struct {
	addr  net.Addr
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newListener(addr net.Addr) *listener {
	return &listener{addr: addr, conns: make(chan net.Conn), done: make(chan struct{})}
}

// offer is false when nobody accepts any more.
func (l *listener) offer(c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.done:
		return false
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *listener) Addr() net.Addr { return l.addr }
