package fake

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/net/nettest"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ runtime.Driver = (*Driver)(nil)

// story runs f with a driver in a bubble of fake time.
func story(t *testing.T, o Options, f func(*testing.T, *Driver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := New(o)
		f(t, d)
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if left := d.Running(); len(left) > 0 {
			t.Errorf("after Close run %q", left)
		}
	})
}

func box(t *testing.T, d *Driver, ports ...uint16) runtime.Sandbox {
	t.Helper()
	s, err := d.Create(t.Context(), runtime.SandboxSpec{ID: "task", Ports: ports})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t *testing.T, d *Driver, s runtime.Sandbox, image, name string) runtime.Container {
	t.Helper()
	img, err := d.Pull(t.Context(), runtime.Reference{Image: image})
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := s.Run(t.Context(), runtime.ContainerSpec{Name: name, Image: img.ID, LogPath: log})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func get(t *testing.T, s runtime.Sandbox, port uint16) (string, error) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return s.Dial(ctx, port) },
	}}
	res, err := client.Get("http://task/")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

func exit(t *testing.T, c runtime.Container) runtime.Exit {
	t.Helper()
	e, err := c.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestLeftAlone(t *testing.T) {
	story(t, Options{}, func(t *testing.T, d *Driver) {
		s := box(t, d, 9000, 9001)
		c := start(t, d, s, "127.0.0.1:4566/hello:1", "web")
		synctest.Wait()
		for _, port := range []uint16{9000, 9001} {
			if body, err := get(t, s, port); body != "127.0.0.1:4566/hello:1" || err != nil {
				t.Errorf("port %d: %q, %v", port, body, err)
			}
		}
		if _, err := s.Dial(t.Context(), 80); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("another port: %v", err)
		}
		if code, err := c.Exec(t.Context(), runtime.ExecSpec{Argv: []string{"curl"}}); code != 0 || err != nil {
			t.Errorf("Exec: %d, %v", code, err)
		}
		if d := cmp.Diff([]string{"task/web"}, d.Running()); d != "" {
			t.Error(d)
		}
		if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if e := exit(t, c); e.Code != 0 {
			t.Errorf("after SIGTERM: %+v", e)
		}
		if _, err := s.Dial(t.Context(), 9000); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("after the exit: %v", err)
		}
		if _, err := c.Exec(t.Context(), runtime.ExecSpec{}); err == nil {
			t.Error("Exec after the exit gives no error")
		}
		if err := c.Signal(t.Context(), syscall.SIGTERM); err != nil {
			t.Errorf("Signal after the exit: %v", err)
		}
	})
}

func TestPull(t *testing.T) {
	refused := errors.New("unauthorized")
	images := map[string]Image{
		"hello":                {Digest: "sha256:any"},
		"hello:2":              {Digest: "sha256:two", PullDelay: time.Minute, Architecture: "arm64", Config: runtime.ImageConfig{User: "app"}},
		"10.0.0.1:80/secret:1": {PullError: refused},
		"gone":                 {PullError: runtime.ErrNoImage},
	}
	story(t, Options{Images: images}, func(t *testing.T, d *Driver) {
		for ref, want := range map[string]string{
			"hello": "sha256:any", "hello:1": "sha256:any", "reg.io/hello:1": "sha256:any", "127.0.0.1:5000/hello@sha256:ab": "sha256:any",
			"hello:2": "sha256:two", "localhost:5000/hello:2": "sha256:two",
		} {
			if img, err := d.Pull(t.Context(), runtime.Reference{Image: ref}); err != nil || img.Digest != want {
				t.Errorf("%s: %+v, %v, want %s", ref, img, err, want)
			}
		}
		began := time.Now()
		img, err := d.Pull(t.Context(), runtime.Reference{Image: "hello:2"})
		if err != nil || time.Since(began) != time.Minute || img.Architecture != "arm64" || img.Config.User != "app" {
			t.Errorf("%+v, %v after %v", img, err, time.Since(began))
		}
		for ref, want := range map[string]error{"10.0.0.1:80/secret:1": refused, "gone": runtime.ErrNoImage, "other:1": runtime.ErrNoImage} {
			if _, err := d.Pull(t.Context(), runtime.Reference{Image: ref}); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", ref, err, want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := d.Pull(ctx, runtime.Reference{Image: "hello:2"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("beyond its time: %v", err)
		}
	})
}

func TestPrograms(t *testing.T) {
	term, kill := syscall.SIGTERM, syscall.SIGKILL
	for _, c := range []struct {
		name    string
		program Program
		signals []syscall.Signal
		code    int
		after   time.Duration
		oom     bool
	}{
		{"ends", Exiting(time.Hour, 3), nil, 3, time.Hour, false},
		{"ends at once", Exiting(0, 1), nil, 1, 0, false},
		{"out of memory", Program{Ends: true, Code: 137, OOM: true}, nil, 137, 0, true},
		{"killed", Program{}, []syscall.Signal{kill}, 137, 0, false},
		{"stops slowly", Program{TermDelay: time.Minute, TermCode: 9}, []syscall.Signal{term, term}, 9, time.Minute, false},
		{"stubborn", Program{IgnoresTerm: true}, []syscall.Signal{term, kill}, 137, 0, false},
		{"other signals mean nothing", Exiting(time.Second, 0), []syscall.Signal{syscall.SIGHUP}, 0, time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, Options{Images: map[string]Image{"x": {Program: c.program}}}, func(t *testing.T, d *Driver) {
				began := time.Now()
				u := start(t, d, box(t, d), "x", "c")
				for _, sig := range c.signals {
					if err := u.Signal(t.Context(), sig); err != nil {
						t.Fatal(err)
					}
				}
				e := exit(t, u)
				if e.Code != c.code || e.OOMKilled != c.oom || !e.At.Equal(began.Add(c.after)) {
					t.Errorf("%+v after %v, want %d after %v", e, e.At.Sub(began), c.code, c.after)
				}
			})
		})
	}
}

func TestStart(t *testing.T) {
	refused := &runtime.StartError{Reason: "exec format error"}
	behave := func(image string, spec runtime.ContainerSpec) Program {
		if spec.Name == "bad" {
			return Program{StartDelay: time.Minute, StartError: refused}
		}
		p := Serving(image + " " + spec.Name)
		p.ReadyAfter, p.Output = time.Second, []string{"hello", "world"}
		return p
	}
	story(t, Options{Behave: behave}, func(t *testing.T, d *Driver) {
		s := box(t, d, 9000)
		img, err := d.Pull(t.Context(), runtime.Reference{Image: "x"})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := s.Run(t.Context(), runtime.ContainerSpec{Name: "bad", Image: img.ID}); !errors.Is(err, refused) || time.Since(began) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, err := s.Run(t.Context(), runtime.ContainerSpec{Name: "good", Image: "sha256:unknown"}); err == nil {
			t.Error("an image that was not pulled runs")
		}
		log := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(log, []byte("before\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Run(t.Context(), runtime.ContainerSpec{Name: "good", Image: img.ID, LogPath: log}); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(log); string(got) != "before\nhello\nworld\n" {
			t.Errorf("log %q", got)
		}
		if _, err := get(t, s, 9000); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("before it is ready: %v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if body, err := get(t, s, 9000); body != "x good" || err != nil {
			t.Errorf("%q, %v", body, err)
		}
	})
}

func TestExec(t *testing.T) {
	p := Program{Exec: Results(time.Second, 1, 1, 0)}
	story(t, Options{Images: map[string]Image{"x": {Program: p}}}, func(t *testing.T, d *Driver) {
		s := box(t, d)
		c := start(t, d, s, "x", "c")
		for i, want := range []int{1, 1, 0, 0} {
			began := time.Now()
			if code, err := c.Exec(t.Context(), runtime.ExecSpec{}); code != want || err != nil || time.Since(began) != time.Second {
				t.Errorf("%d: %d, %v after %v, want %d", i, code, err, time.Since(began), want)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := c.Exec(ctx, runtime.ExecSpec{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("beyond its time: %v", err)
		}
		go s.Close(t.Context())
		if _, err := c.Exec(t.Context(), runtime.ExecSpec{}); !errors.Is(err, errExited) {
			t.Errorf("when the container ends: %v", err)
		}
	})
}

func TestSandboxes(t *testing.T) {
	story(t, Options{}, func(t *testing.T, d *Driver) {
		echo := netip.MustParseAddrPort("169.254.170.2:80")
		services := map[netip.AddrPort]func(net.Conn){echo: func(c net.Conn) {
			defer c.Close()
			_, _ = io.Copy(c, c)
		}}
		s, err := d.Create(t.Context(), runtime.SandboxSpec{ID: "a", Services: services})
		if err != nil {
			t.Fatal(err)
		}
		other, err := d.Create(t.Context(), runtime.SandboxSpec{ID: "b"})
		if err != nil || other.Addr() == s.Addr() {
			t.Errorf("%v, addresses %v and %v", err, s.Addr(), other.Addr())
		}
		if _, err := d.Create(t.Context(), runtime.SandboxSpec{ID: "b"}); err == nil {
			t.Error("an id is given twice")
		}
		c, err := d.Sandbox("a").DialService(echo)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); string(got) != "hello" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		c.Close()
		if _, err := d.Sandbox("b").DialService(echo); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a service that is not there: %v", err)
		}
		u := start(t, d, s, "x", "c")
		if err := errors.Join(s.Close(t.Context()), s.Close(t.Context())); err != nil {
			t.Error(err)
		}
		if e := exit(t, u); e.Code != 137 {
			t.Errorf("a container of a closed sandbox: %+v", e)
		}
		if _, err := s.Run(t.Context(), runtime.ContainerSpec{Image: "x"}); err == nil {
			t.Error("a closed sandbox runs a container")
		}
		if d.Sandbox("a") != nil {
			t.Error("a closed sandbox is still there")
		}
	})
}

// Restarted containers get their port back.
func TestPortIsFreeAfterExit(t *testing.T) {
	story(t, Options{}, func(t *testing.T, d *Driver) {
		s := box(t, d, 80)
		for range 3 {
			c := start(t, d, s, "x", "c")
			synctest.Wait()
			if body, err := get(t, s, 80); body != "x" || err != nil {
				t.Fatal(body, err)
			}
			if err := c.Signal(t.Context(), syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			exit(t, c)
		}
	})
}

// Connections behave as net.Conn asks for.
func TestConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		a := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}
		c1, c2 = pipe(a, a)
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
}

func TestConnIsBuffered(t *testing.T) {
	near, far := pipe(&net.TCPAddr{}, &net.TCPAddr{})
	sent := bytes.Repeat([]byte("x"), buffered)
	if _, err := near.Write(sent); err != nil { // nobody reads
		t.Fatal(err)
	}
	near.Close()
	got, err := io.ReadAll(far)
	if !bytes.Equal(got, sent) || err != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := far.Write(sent); err == nil {
		t.Error("write to a closed connection succeeds")
	}
}
