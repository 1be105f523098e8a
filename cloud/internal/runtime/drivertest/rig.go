package drivertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// rig is a driver in a test, with what a test does again and again.
type rig struct {
	*testing.T
	factory Factory
	reg     *Registry
	dir     string
	driver  runtime.Driver
}

func newRig(t *testing.T, f Factory, reg *Registry) *rig {
	t.Helper()
	r := &rig{T: t, factory: f, reg: reg, dir: t.TempDir()}
	r.driver = r.open()
	return r
}

// in is the rig for one case.
func (r *rig) in(t *testing.T) *rig {
	c := *r
	c.T = t
	return &c
}

// open makes a driver on the rig's folder that is closed after the test.
func (r *rig) open() runtime.Driver {
	r.Helper()
	d, err := r.factory.New(r.dir)
	if err != nil {
		r.Fatalf("New: %v", err)
	}
	r.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			r.Errorf("Close of the driver: %v", err)
		}
	})
	return d
}

func (r *rig) pull(ref string) runtime.Image {
	r.Helper()
	img, err := r.driver.Pull(r.context(), runtime.Reference{Image: r.reg.Host + "/" + ref})
	if err != nil {
		r.Fatalf("Pull %s: %v", ref, err)
	}
	return img
}

var boxes atomic.Int64

// newID is a sandbox id that no other test of this machine uses.
func newID() string {
	return fmt.Sprintf("t%d-%d-%x", os.Getpid(), boxes.Add(1), time.Now().UnixNano()&0xffffff)
}

// box is a sandbox in a test.
type box struct {
	runtime.Sandbox
	r *rig
	n int
}

func (r *rig) box(changes ...func(*runtime.SandboxSpec)) *box {
	r.Helper()
	spec := runtime.SandboxSpec{ID: newID(), Ports: []uint16{9000}}
	for _, c := range changes {
		c(&spec)
	}
	s, err := r.driver.Create(r.context(), spec)
	if err != nil {
		r.Fatalf("Create: %v", err)
	}
	r.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			r.Errorf("Close of sandbox %s: %v", s.ID(), err)
		}
	})
	return &box{Sandbox: s, r: r}
}

// unit is a container in a test.
type unit struct {
	runtime.Container
	r   *rig
	log string
}

type change = func(*runtime.ContainerSpec)

// command makes a container run the probe.
func command(args ...string) change {
	return func(s *runtime.ContainerSpec) { s.Entrypoint, s.Cmd = []string{"/probe"}, args }
}

// try runs a container of probe:1, which by default only sleeps.
func (b *box) try(changes ...change) (*unit, error) {
	b.r.Helper()
	b.n++
	spec := runtime.ContainerSpec{Name: "c" + strconv.Itoa(b.n), LogPath: filepath.Join(b.r.TempDir(), "log")}
	command("sleep")(&spec)
	for _, c := range changes {
		c(&spec)
	}
	if spec.Image == "" {
		spec.Image = b.r.pull("probe:1").ID
	}
	if err := os.WriteFile(spec.LogPath, nil, 0o600); err != nil {
		b.r.Fatal(err)
	}
	c, err := b.Run(b.r.context(), spec)
	return &unit{c, b.r, spec.LogPath}, err
}

func (b *box) run(changes ...change) *unit {
	b.r.Helper()
	u, err := b.try(changes...)
	if err != nil {
		b.r.Fatalf("Run: %v", err)
	}
	return u
}

// output runs a container to its end and returns what it wrote, which must be followed by
// exit code 0.
func (b *box) output(changes ...change) string {
	b.r.Helper()
	u := b.run(changes...)
	if e := u.exit(); e.Code != 0 {
		b.r.Fatalf("exit %+v: %s", e, u.text())
	}
	return u.text()
}

// about runs a container that tells about itself.
func (b *box) about(changes ...change) About {
	b.r.Helper()
	return parseAbout(b.r, b.output(append([]change{command("about")}, changes...)...))
}

// About is what the probe tells about its process.
type About struct {
	Args, Env     []string
	UID, GID, PID int
	Groups        []int
	Cwd, Hostname string
	Status        map[string]string
	NoFile        [2]uint64
}

func parseAbout(r *rig, text string) About {
	r.Helper()
	var a About
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		r.Fatalf("about: %v in %q", err, text)
	}
	return a
}

func (u *unit) exit() runtime.Exit {
	u.r.Helper()
	e, err := u.Wait(u.r.context())
	if err != nil {
		u.r.Fatalf("Wait: %v\n%s", err, u.text())
	}
	return e
}

func (u *unit) text() string {
	b, err := os.ReadFile(u.log)
	if err != nil {
		u.r.Fatal(err)
	}
	return string(b)
}

// says waits until the container wrote text.
func (u *unit) says(text string) *unit {
	u.r.Helper()
	u.r.until(func() error {
		if !strings.Contains(u.text(), text) {
			return fmt.Errorf("log has no %q: %q", text, u.text())
		}
		return nil
	})
	return u
}

// exec runs the probe in the container.
func (u *unit) exec(args ...string) (code int, stdout, stderr string) {
	u.r.Helper()
	var out, errs bytes.Buffer
	code, err := u.Exec(u.r.context(), runtime.ExecSpec{Argv: append([]string{"/probe"}, args...), Stdout: &out, Stderr: &errs})
	if err != nil {
		u.r.Fatalf("Exec %q: %v", args, err)
	}
	return code, out.String(), errs.String()
}

// until tries again and again what shall become true by itself.
func (r *rig) until(try func() error) {
	r.Helper()
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	r.Fatal(err)
}

// fetch gets a page from a port of the sandbox.
func (b *box) fetch(port uint16) (string, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return b.Dial(ctx, port) },
	}}
	res, err := client.Get("http://task/")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), errors.Join(err, statusError(res.StatusCode))
}

func statusError(code int) error {
	if code == http.StatusOK {
		return nil
	}
	return fmt.Errorf("status %d", code)
}

// page waits until the sandbox serves on a port, and returns what.
func (b *box) page(port uint16) string {
	b.r.Helper()
	var body string
	b.r.until(func() (err error) {
		body, err = b.fetch(port)
		return err
	})
	return body
}
