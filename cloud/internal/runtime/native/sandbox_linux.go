package native

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/layers"
)

// sandbox implements runtime.Sandbox: a holder and what is made through it.
type sandbox struct {
	driver   *driver
	id       string
	addr     netip.Addr
	dir      string // below the driver's
	hostname string
	shm      int64

	link   *link
	holder *os.Process
	dead   chan struct{} // closed when the holder was waited for

	mu       sync.Mutex
	closing  bool
	made     int              // containers so far
	users    map[[2]int]*link // holders for users other than root, rootless
	stock    []int            // sockets of the sandbox's network, not yet used
	services services
	running  sync.WaitGroup // containers

	once   sync.Once
	closed chan struct{}
	err    error
}

const defaultShm = 64 << 20

func newSandbox(d *driver, spec runtime.SandboxSpec, addr netip.Addr) *sandbox {
	s := &sandbox{
		driver: d, id: spec.ID, addr: addr, dir: filepath.Join(d.boxesDir(), spec.ID), hostname: spec.Hostname, shm: spec.ShmSize,
		dead: make(chan struct{}), closed: make(chan struct{}), users: map[[2]int]*link{},
	}
	if s.hostname == "" {
		s.hostname = s.id[:min(len(s.id), 12)]
	}
	s.hostname = s.hostname[:min(len(s.hostname), 63)]
	if s.shm <= 0 {
		s.shm = defaultShm
	}
	return s
}

func (d *driver) boxesDir() string { return filepath.Join(d.Dir, "sandboxes") }

// ID implements runtime.Sandbox.
func (s *sandbox) ID() string { return s.id }

// Addr implements runtime.Sandbox.
func (s *sandbox) Addr() netip.Addr { return s.addr }

// start makes the holder and its network, and offers the services.
func (s *sandbox) start(ctx context.Context, spec runtime.SandboxSpec) error {
	if err := os.MkdirAll(s.driver.layers.Dir(), 0o755); err != nil {
		return err
	}
	if err := os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	if err := s.spawn(); err != nil {
		return fmt.Errorf("start holder: %w", err)
	}
	req := inside.Request{Op: inside.OpNetwork, Hostname: s.hostname, Addr: s.addr.As4(), Proc: s.driver.rootless}
	for at := range spec.Services {
		if a := at.Addr().As4(); !at.Addr().IsLoopback() && !slices.Contains(req.Extra, a) {
			req.Extra = append(req.Extra, a)
		}
	}
	if _, err := s.link.call(ctx, req); err != nil {
		return s.explain(err)
	}
	return s.serve(ctx, spec.Services)
}

// spawn starts the holder.
func (s *sandbox) spawn() error {
	l, theirs, err := newLink()
	if err != nil {
		return err
	}
	defer theirs.Close()
	s.link = l
	log, err := os.OpenFile(filepath.Join(s.dir, "holder.log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	attr := &os.ProcAttr{Env: holderEnv, Files: []*os.File{null, log, log, theirs}, Sys: s.driver.namespaces()}
	if !s.driver.spawner.do(func() {
		s.holder, err = os.StartProcess("/proc/self/exe", []string{inside.Name, inside.KindHolder}, attr)
	}) {
		return errors.New("the driver is closed")
	}
	if err != nil {
		return err
	}
	go func() {
		defer close(s.dead)
		_, _ = s.holder.Wait() // how a helper ends says nothing
	}()
	return s.record()
}

// holderEnv keeps holders small: they do little at a time.
var holderEnv = []string{"GOMAXPROCS=2", "GOGC=50"}

// namespaces are those of a holder. It dies with this process, and everything in its PID
// namespace with it.
func (d *driver) namespaces() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true, // Ctrl-C at a terminal is not for containers
	}
	if d.rootless {
		// With mounts of its own the holder sees its own processes in /proc, which making
		// further user namespaces takes.
		attr.Cloneflags |= syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// explain adds to an error what the holder said before it ended.
func (s *sandbox) explain(err error) error {
	if !errors.Is(err, errGone) {
		return err
	}
	if text, _ := os.ReadFile(filepath.Join(s.dir, "holder.log")); len(text) > 0 {
		return fmt.Errorf("%w: %s", err, oneLine(string(text[:min(len(text), 500)])))
	}
	return err
}

// linkFor is the link to the holder that runs containers of a user: rootless, a user
// namespace has one user, so users other than root get holders of their own.
func (s *sandbox) linkFor(ctx context.Context, u inside.User) (*link, error) {
	if !s.driver.rootless || u.UID == 0 && u.GID == 0 {
		return s.link, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]int{u.UID, u.GID}
	if l := s.users[key]; l != nil {
		return l, nil
	}
	if s.closing {
		return nil, errGone
	}
	l, theirs, err := newLink()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	if _, err := s.link.call(ctx, inside.Request{Op: inside.OpHolder, User: &u}, theirs); err != nil {
		l.close()
		return nil, err
	}
	s.users[key] = l
	return l, nil
}

// Close implements runtime.Sandbox. It goes on in the background when ctx ends first.
func (s *sandbox) Close(ctx context.Context) error {
	s.once.Do(func() {
		go func() {
			defer close(s.closed)
			s.err = s.remove()
		}()
	})
	select {
	case <-s.closed:
		return s.err
	case <-ctx.Done():
		return fmt.Errorf("close sandbox %s: %w", s.id, context.Cause(ctx))
	}
}

func (s *sandbox) remove() error {
	s.mu.Lock()
	s.closing = true
	links := []*link{s.link}
	for _, l := range s.users {
		links = append(links, l)
	}
	stock := s.stock
	s.stock = nil
	s.mu.Unlock()
	s.services.close()
	closeFDs(stock)
	if s.holder != nil {
		_ = s.holder.Kill() // fails if it is dead, which is as good
		<-s.dead
	}
	for _, l := range links {
		if l != nil {
			l.close()
			<-l.done
		}
	}
	s.running.Wait()
	err := layers.RemoveAll(s.dir)
	s.driver.forget(s)
	if err != nil {
		return fmt.Errorf("close sandbox %s: %w", s.id, err)
	}
	return nil
}

// Dial implements runtime.Sandbox.
func (s *sandbox) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	to := netip.AddrPortFrom(s.addr, port)
	fd, err := s.socket(ctx)
	if err == nil {
		var c net.Conn
		if c, err = connect(ctx, fd, to); err == nil {
			return c, nil
		}
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
}

// socketsAtOnce is how many sockets are fetched when there is none in stock.
const socketsAtOnce = 8

// socket is a fresh socket in the sandbox's network.
func (s *sandbox) socket(ctx context.Context) (int, error) {
	if fd, ok := s.fromStock(nil); ok {
		return fd, nil
	}
	r, err := s.link.call(ctx, inside.Request{Op: inside.OpSockets, Count: socketsAtOnce})
	if err != nil {
		closeFDs(r.files)
		return 0, err
	}
	fd, ok := s.fromStock(r.files)
	if !ok {
		return 0, errGone
	}
	return fd, nil
}

// fromStock adds sockets to the stock and takes one.
func (s *sandbox) fromStock(more []int) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		closeFDs(more)
		return 0, false
	}
	s.stock = append(s.stock, more...)
	if len(s.stock) == 0 {
		return 0, false
	}
	fd := s.stock[len(s.stock)-1]
	s.stock = s.stock[:len(s.stock)-1]
	return fd, true
}
