package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// stage is a runtime.Driver whose containers are Go functions. It writes down what it is
// asked for and when.
type stage struct {
	born time.Time
	// programs are run by container name; a name that is not here serves.
	programs map[string]program
	images   map[string]runtime.Image // further ones than web:1
	pullErr  map[string][]error       // errors of the first pulls of an image
	pullTime time.Duration
	runErr   map[string]error // by container name
	createErr,
	sweepErr error
	health func(container string) (code int, takes time.Duration)

	mu      sync.Mutex
	journal []string
	specs   map[string]runtime.ContainerSpec
	boxes   int
	open    int
}

// program is what a container does; it gets signals and writes lines.
type program func(p *actor) runtime.Exit

func newStage() *stage {
	return &stage{born: time.Now(), specs: map[string]runtime.ContainerSpec{}}
}

// note writes "3s what happened".
func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = append(s.journal, fmt.Sprintf("%v ", time.Since(s.born))+fmt.Sprintf(format, args...))
}

// noted returns the entries with one of the verbs, all without any.
func (s *stage) noted(verbs ...string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var got []string
	for _, line := range s.journal {
		keep := len(verbs) == 0
		for _, v := range verbs {
			keep = keep || strings.Fields(line)[1] == v
		}
		if keep {
			got = append(got, line)
		}
	}
	return got
}

func (s *stage) Name() string { return "stage" }

func (s *stage) Pull(ctx context.Context, ref runtime.Reference) (runtime.Image, error) {
	s.note("pull %s", strings.TrimSpace(strings.Join([]string{ref.Image, ref.Username, ref.Platform}, " ")))
	select {
	case <-time.After(s.pullTime):
	case <-ctx.Done():
		return runtime.Image{}, fmt.Errorf("pull %s: %w", ref.Image, ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if errs := s.pullErr[ref.Image]; len(errs) > 0 {
		s.pullErr[ref.Image] = errs[1:]
		return runtime.Image{}, errs[0]
	}
	if img, ok := s.images[ref.Image]; ok {
		return img, nil
	}
	if strings.HasSuffix(ref.Image, "web:1") {
		return runtime.Image{ID: "id-of-web", Digest: "sha256:web", OS: "linux", Architecture: "amd64"}, nil
	}
	return runtime.Image{}, fmt.Errorf("manifest of %s: %w", ref.Image, runtime.ErrNoImage)
}

func (s *stage) Create(_ context.Context, spec runtime.SandboxSpec) (runtime.Sandbox, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.createErr; err != nil && (!errors.Is(err, runtime.ErrNoServices) || len(spec.Services) > 0) {
		return nil, err
	}
	s.boxes++
	s.open++
	b := &box{stage: s, spec: spec, addr: netip.AddrFrom4([4]byte{10, 9, 0, byte(s.boxes)})}
	b.life, b.end = context.WithCancel(context.Background())
	return b, nil
}

func (s *stage) Sweep(context.Context) error { return s.sweepErr }
func (s *stage) Close(context.Context) error { return nil }

// box is a sandbox of a stage.
type box struct {
	stage *stage
	spec  runtime.SandboxSpec
	addr  netip.Addr
	life  context.Context
	end   context.CancelFunc
	once  sync.Once
}

func (b *box) ID() string       { return b.spec.ID }
func (b *box) Addr() netip.Addr { return b.addr }

func (b *box) Dial(_ context.Context, port uint16) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		fmt.Fprintf(far, "port %d", port)
		far.Close()
	}()
	return near, nil
}

func (b *box) Run(_ context.Context, spec runtime.ContainerSpec) (runtime.Container, error) {
	b.stage.note("run %s", spec.Name)
	name, _, _ := strings.Cut(spec.Name, "-restart-")
	b.stage.mu.Lock()
	b.stage.specs[spec.Name] = spec
	err, does := b.stage.runErr[name], b.stage.programs[name]
	b.stage.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if does == nil {
		does = serve
	}
	a := &actor{stage: b.stage, name: spec.Name, log: spec.LogPath, signals: make(chan syscall.Signal, 9), exited: make(chan struct{}), life: b.life}
	go func() {
		a.exit = does(a)
		a.exit.At = time.Now()
		b.stage.note("exit %s %d", spec.Name, a.exit.Code)
		close(a.exited)
	}()
	return a, nil
}

func (b *box) Close(context.Context) error {
	b.once.Do(func() {
		b.end()
		b.stage.mu.Lock()
		defer b.stage.mu.Unlock()
		b.stage.open--
	})
	return nil
}

// actor is a container of a stage.
type actor struct {
	stage   *stage
	name    string
	log     string
	signals chan syscall.Signal
	exited  chan struct{}
	exit    runtime.Exit
	life    context.Context
}

func (a *actor) ID() string { return "runtime-" + a.name }

func (a *actor) Wait(ctx context.Context) (runtime.Exit, error) {
	select {
	case <-a.exited:
		return a.exit, nil
	case <-ctx.Done():
		return runtime.Exit{}, ctx.Err()
	}
}

func (a *actor) Signal(_ context.Context, sig syscall.Signal) error {
	a.stage.note("signal %s %d", a.name, int(sig))
	a.signals <- sig
	return nil
}

func (a *actor) Exec(ctx context.Context, spec runtime.ExecSpec) (int, error) {
	a.stage.note("exec %s %s", a.name, strings.Join(spec.Argv, " "))
	if a.stage.health == nil {
		return 0, nil
	}
	code, takes := a.stage.health(a.name)
	select {
	case <-time.After(takes):
		return code, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// say writes to the container's log.
func (a *actor) say(text string) {
	f, err := os.OpenFile(a.log, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = io.WriteString(f, text)
		f.Close()
	}
	if err != nil {
		panic(err)
	}
}

// lasts waits d, or for the first signal of those that end it.
func (a *actor) lasts(d time.Duration, ends ...syscall.Signal) runtime.Exit {
	timer := time.After(d)
	for {
		select {
		case <-timer:
			return runtime.Exit{}
		case <-a.life.Done():
			return runtime.Exit{Code: 137}
		case got := <-a.signals:
			for _, sig := range append(ends, syscall.SIGKILL) {
				if got == sig {
					return runtime.Exit{Code: 128 + int(got)}
				}
			}
		}
	}
}

const forever = 1000 * time.Hour

// serve runs until SIGTERM.
func serve(a *actor) runtime.Exit { return a.lasts(forever, syscall.SIGTERM) }

// stubborn runs until SIGKILL.
func stubborn(a *actor) runtime.Exit { return a.lasts(forever) }

// exits ends by itself.
func exits(after time.Duration, code int) program {
	return func(a *actor) runtime.Exit {
		e := a.lasts(after, syscall.SIGTERM)
		if e.Code == 0 {
			e.Code = code
		}
		return e
	}
}

// immortal does not even heed SIGKILL; it ends with its sandbox.
func immortal(a *actor) runtime.Exit {
	<-a.life.Done()
	return runtime.Exit{Code: 137}
}
