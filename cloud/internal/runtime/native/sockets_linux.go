package native

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// connect connects a fresh socket, wherever its network is, and takes it over.
func connect(ctx context.Context, fd int, to netip.AddrPort) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		_ = unix.Close(fd)
		return nil, context.Cause(ctx)
	}
	err := unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())})
	f := os.NewFile(uintptr(fd), "socket") // waits without holding a thread, as it does not block
	defer f.Close()
	if err == unix.EINPROGRESS {
		err = connected(ctx, f)
	}
	if err != nil {
		return nil, os.NewSyscallError("connect", err)
	}
	return net.FileConn(f) // a duplicate
}

// connected waits until a socket is connected, or is not.
func connected(ctx context.Context, f *os.File) error {
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var outcome error
	err = raw.Write(func(fd uintptr) bool {
		code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		if err != nil || code != 0 {
			outcome = errors.Join(err, errno(code))
			return true
		}
		_, err = unix.Getpeername(int(fd))
		return err == nil // ENOTCONN: not yet
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errors.Join(err, outcome)
}

func errno(code int) error {
	if code == 0 {
		return nil
	}
	return unix.Errno(code)
}

// listen makes a fresh socket a listener, and takes it over.
func listen(fd int, at netip.AddrPort) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "socket")
	defer f.Close()
	err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())})
	}
	if err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %v: %w", at, err)
	}
	return net.FileListener(f)
}

// services are listeners in a sandbox and the connections that they accepted.
type services struct {
	mu        sync.Mutex
	closed    bool
	listeners []net.Listener
	conns     map[net.Conn]bool
	accepting sync.WaitGroup
}

// serve listens in the sandbox and hands out what is accepted.
func (s *sandbox) serve(ctx context.Context, all map[netip.AddrPort]func(net.Conn)) error {
	for at, handle := range all {
		fd, err := s.socket(ctx)
		if err != nil {
			return err
		}
		l, err := listen(fd, at)
		if err != nil {
			return err
		}
		s.services.add(l, handle)
	}
	return nil
}

func (s *services) add(l net.Listener, handle func(net.Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, l)
	s.accepting.Go(func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil { // no descriptor is free, say
				time.Sleep(10 * time.Millisecond)
				continue
			}
			if tracked := s.track(c); tracked != nil {
				go handle(tracked)
			}
		}
	})
}

// track remembers a connection until it is closed; nil if the sandbox is.
func (s *services) track(c net.Conn) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = c.Close()
		return nil
	}
	if s.conns == nil {
		s.conns = map[net.Conn]bool{}
	}
	s.conns[c] = true
	return &tracked{c, s}
}

// tracked is a connection that its services know of.
type tracked struct {
	net.Conn
	services *services
}

func (t *tracked) Close() error {
	t.services.mu.Lock()
	delete(t.services.conns, t.Conn)
	t.services.mu.Unlock()
	return t.Conn.Close()
}

// close ends all listeners and connections: an open socket would keep the network alive.
func (s *services) close() {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.listeners {
		_ = l.Close()
	}
	for c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.accepting.Wait()
}
