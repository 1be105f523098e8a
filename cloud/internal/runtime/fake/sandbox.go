package fake

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Sandbox implements runtime.Sandbox.
type Sandbox struct {
	driver *Driver
	spec   runtime.SandboxSpec
	addr   netip.Addr
	life   context.Context
	end    context.CancelFunc

	mu        sync.Mutex
	closed    bool
	made      int
	listeners map[uint16]*listener
	running   map[*Container]bool
	all       sync.WaitGroup
}

var errClosed = errors.New("the sandbox is closed")

func newSandbox(d *Driver, spec runtime.SandboxSpec, addr netip.Addr) *Sandbox {
	s := &Sandbox{driver: d, spec: spec, addr: addr, listeners: map[uint16]*listener{}, running: map[*Container]bool{}}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// ID implements runtime.Sandbox.
func (s *Sandbox) ID() string { return s.spec.ID }

// Addr implements runtime.Sandbox.
func (s *Sandbox) Addr() netip.Addr { return s.addr }

// Dial implements runtime.Sandbox.
func (s *Sandbox) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	at := net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.addr, port))
	if err := ctx.Err(); err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: at, Err: context.Cause(ctx)}
	}
	s.mu.Lock()
	l := s.listeners[port]
	s.mu.Unlock()
	if l != nil {
		near, far := pipe(&net.TCPAddr{IP: at.IP, Port: 50_000}, at)
		if l.offer(far) {
			return near, nil
		}
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: at, Err: syscall.ECONNREFUSED}
}

// DialService connects to one of SandboxSpec.Services, as a program inside would.
func (s *Sandbox) DialService(at netip.AddrPort) (net.Conn, error) {
	handle := s.spec.Services[at]
	s.mu.Lock()
	defer s.mu.Unlock()
	if handle == nil || s.closed {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(at), Err: syscall.ECONNREFUSED}
	}
	near, far := pipe(&net.TCPAddr{IP: s.addr.AsSlice(), Port: 50_000}, net.TCPAddrFromAddrPort(at))
	go handle(far)
	return near, nil
}

// Run implements runtime.Sandbox.
func (s *Sandbox) Run(ctx context.Context, spec runtime.ContainerSpec) (runtime.Container, error) {
	s.driver.mu.Lock()
	img, ok := s.driver.pulled[spec.Image]
	s.driver.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("run %s: image %q has not been pulled", spec.Name, spec.Image)
	}
	p := img.image.Program
	if s.driver.opts.Behave != nil {
		p = s.driver.opts.Behave(img.ref, spec)
	}
	if err := sleep(ctx, p.StartDelay); err != nil {
		return nil, fmt.Errorf("run %s: %w", spec.Name, err)
	}
	if p.StartError != nil {
		return nil, p.StartError
	}
	if err := write(spec.LogPath, p.Output); err != nil {
		return nil, fmt.Errorf("run %s: %w", spec.Name, err)
	}
	return s.start(spec, p)
}

func (s *Sandbox) start(spec runtime.ContainerSpec, p Program) (*Container, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("run %s: %w", spec.Name, errClosed)
	}
	s.made++
	c := &Container{
		id: fmt.Sprintf("%s-%d", s.spec.ID, s.made), name: spec.Name, sandbox: s, program: p, began: time.Now(),
		signals: make(chan syscall.Signal), done: make(chan struct{}),
	}
	s.running[c] = true
	s.all.Go(c.live)
	return c, nil
}

// bind makes a container the one that listens on a port; nil if another does.
func (s *Sandbox) bind(port uint16) *listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listeners[port] != nil {
		return nil
	}
	l := newListener(net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.addr, port)))
	s.listeners[port] = l
	return l
}

// unbind frees ports.
func (s *Sandbox) unbind(bound map[uint16]*listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for port := range bound {
		delete(s.listeners, port)
	}
}

// exited takes a container out.
func (s *Sandbox) exited(c *Container) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, c)
}

func (s *Sandbox) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for c := range s.running {
		all = append(all, c.name)
	}
	return all
}

// Close implements runtime.Sandbox.
func (s *Sandbox) Close(context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.end()
	s.all.Wait()
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	if s.driver.boxes[s.spec.ID] == s {
		delete(s.driver.boxes, s.spec.ID)
	}
	return nil
}
