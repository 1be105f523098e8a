//go:build linux

package native

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/drivertest"
	"github.com/turnoutdev/turnout/testkit"
)

func netPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func servicesAt(addrs ...string) map[netip.AddrPort]func(net.Conn) {
	all := map[netip.AddrPort]func(net.Conn){}
	for _, a := range addrs {
		all[netip.MustParseAddrPort(a)] = func(c net.Conn) { c.Close() }
	}
	return all
}

func mustNew(t testing.TB, o Options) *driver {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return d.(*driver)
}

// place is a driver with one sandbox and the probe image.
type place struct {
	t    testing.TB
	d    *driver
	s    runtime.Sandbox
	img  runtime.Image
	runs int
}

func newPlace(t testing.TB, o Options) *place {
	t.Helper()
	needNative(t)
	o.Dir, o.Images = t.TempDir(), local{probeImage(t)}
	p := &place{t: t, d: mustNew(t, o)}
	var err error
	if p.img, err = p.d.Pull(t.Context(), runtime.Reference{Image: "local"}); err != nil {
		t.Fatal(err)
	}
	if p.s, err = p.d.Create(t.Context(), runtime.SandboxSpec{ID: "place"}); err != nil {
		t.Fatal(err)
	}
	return p
}

var probeImages struct {
	sync.Mutex
	made v1.Image
}

// probeImage is made once: compressing it takes a while under the race detector.
func probeImage(t testing.TB) v1.Image {
	t.Helper()
	probeImages.Lock()
	defer probeImages.Unlock()
	if probeImages.made == nil {
		program, err := os.ReadFile(drivertest.Probe(t))
		if err != nil {
			t.Fatal(err)
		}
		probeImages.made = drivertest.Image(t, v1.Config{Volumes: map[string]struct{}{"/data": {}}}, drivertest.Layer(t,
			drivertest.File("probe", string(program), 0o755), drivertest.File("data/given", "by the image", 0o644),
			drivertest.File("foreign", "\x7fELF of another world", 0o755), drivertest.File("script", "#!/no/such/shell\n", 0o755)))
	}
	return probeImages.made
}

func (p *place) try(change func(*runtime.ContainerSpec), argv ...string) (runtime.Container, string, error) {
	p.t.Helper()
	p.runs++
	log := filepath.Join(p.t.TempDir(), "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		p.t.Fatal(err)
	}
	spec := runtime.ContainerSpec{Name: fmt.Sprint("c", p.runs), Image: p.img.ID, Entrypoint: argv, LogPath: log}
	if change != nil {
		change(&spec)
	}
	c, err := p.s.Run(p.t.Context(), spec)
	return c, log, err
}

// output runs the probe to its end.
func (p *place) output(change func(*runtime.ContainerSpec), args ...string) (int, string) {
	p.t.Helper()
	c, log, err := p.try(change, append([]string{"/probe"}, args...)...)
	if err != nil {
		p.t.Fatal(err)
	}
	e, err := c.Wait(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		p.t.Fatal(err)
	}
	return e.Code, string(text)
}

func (p *place) sleeper(change func(*runtime.ContainerSpec)) runtime.Container {
	p.t.Helper()
	c, _, err := p.try(change, "/probe", "sleep")
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *place) exec(c runtime.Container, args ...string) (int, string) {
	p.t.Helper()
	var out bytes.Buffer
	code, err := c.Exec(p.t.Context(), runtime.ExecSpec{Argv: append([]string{"/probe"}, args...), Stdout: &out, Stderr: &out})
	if err != nil {
		p.t.Fatal(err)
	}
	return code, out.String()
}

// Both ways of working, as far as this user may.
func modes(t *testing.T, f func(t *testing.T, rootless bool)) {
	for _, rootless := range []bool{false, true} {
		if !rootless && !privileged() {
			continue
		}
		t.Run(fmt.Sprintf("rootless=%v", rootless), func(t *testing.T) {
			if err := tryHere(rootless); err != nil {
				testkit.NeedOrSkip(t, err.Error())
			}
			f(t, rootless)
		})
	}
}

func TestWhatAContainerSees(t *testing.T) {
	modes(t, func(t *testing.T, rootless bool) {
		p := newPlace(t, Options{Rootless: rootless})
		c := p.sleeper(nil)
		for file, want := range map[string]string{
			"/proc/timer_list": "",
			"/proc/1/cmdline":  "/probe\x00sleep\x00",
			"/proc/sys/net/ipv4/ip_unprivileged_port_start": "0\n",
		} {
			if code, got := p.exec(c, "cat", file); code != 0 || got != want {
				t.Errorf("%s: %d, %q, want %q", file, code, got, want)
			}
		}
		for _, file := range []string{"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/x", "/dev/new/x"} {
			code, text := p.exec(c, "write", file, "x")
			if want := file == "/dev/new/x"; (code == 0) != want {
				t.Errorf("write %s: %d %s", file, code, text)
			}
		}
		_, mounts := p.exec(c, "cat", "/proc/self/mounts")
		for line := range strings.Lines(mounts) {
			if at := strings.Fields(line)[1]; at != "/" && !slices.Contains([]string{"proc", "dev", "sys", "etc"}, strings.Split(at, "/")[1]) {
				t.Errorf("a mount of the host's is there: %s", line)
			}
		}
		_, status := p.exec(c, "cat", "/proc/self/status")
		if !strings.Contains(status, "NoNewPrivs:\t1") {
			t.Error("a program may gain privileges")
		}
	})
}

// What the cloud was started with is not for containers.
func TestNoForeignDescriptors(t *testing.T) {
	secret, err := os.Create(filepath.Join(t.TempDir(), "secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	if _, err := unix.FcntlInt(secret.Fd(), unix.F_SETFD, 0); err != nil { // as of a shell's exec 9<file
		t.Fatal(err)
	}
	p := newPlace(t, Options{})
	file := fmt.Sprintf("/proc/1/fd/%d", secret.Fd())
	for _, init := range []bool{false, true} {
		c := p.sleeper(func(s *runtime.ContainerSpec) { s.Init = init })
		for _, of := range []string{file, strings.Replace(file, "1", "self", 1)} {
			if code, text := p.exec(c, "cat", of); code == 0 || strings.Contains(text, "secret") {
				t.Errorf("init=%v: %s is there: %s", init, of, text)
			}
		}
	}
}

// Nothing but the sandbox can be reached, and that is told at once.
func TestNoOtherNetwork(t *testing.T) {
	p := newPlace(t, Options{})
	began := time.Now()
	for _, at := range []string{"10.97.0.77:80", "8.8.8.8:53", "192.168.1.1:80"} {
		if code, text := p.output(nil, "dial", at); code != 1 || !strings.Contains(text, "network is unreachable") {
			t.Errorf("dial %s: %d %q", at, code, text)
		}
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("that took %v", d)
	}
}

func TestVolumesStayWritable(t *testing.T) {
	modes(t, func(t *testing.T, rootless bool) {
		p := newPlace(t, Options{Rootless: rootless})
		c := p.sleeper(func(s *runtime.ContainerSpec) { s.ReadonlyRoot, s.WorkingDir = true, "/made/anew" })
		if _, got := p.exec(c, "cat", "/data/given"); got != "by the image" {
			t.Errorf("the volume has %q", got)
		}
		if code, text := p.exec(c, "write", "/data/new", "x"); code != 0 {
			t.Error(text)
		}
		if code, _ := p.exec(c, "write", "/made/anew/x", "x"); code == 0 {
			t.Error("the root is written to")
		}
	})
}

func TestPrivileged(t *testing.T) {
	p := newPlace(t, Options{})
	privileged := func(s *runtime.ContainerSpec) { s.Privileged = true }
	_, status := p.output(privileged, "cat", "/proc/self/status")
	if !strings.Contains(status, "NoNewPrivs:\t0") || strings.Contains(status, "CapEff:\t00000000a80425fb") {
		t.Error(status)
	}
	if code, text := p.output(privileged, "write", "/proc/sys/net/ipv4/ip_default_ttl", "64"); code != 0 {
		t.Error(text)
	}
}

func TestCannotBeExecuted(t *testing.T) {
	p := newPlace(t, Options{})
	for _, c := range []struct {
		program string
		change  func(*runtime.ContainerSpec)
		want    string
	}{
		{"/foreign", nil, "exec /foreign: exec format error"},
		{"/script", nil, "exec /script: no such file or directory (its interpreter or dynamic loader is not in the image)"},
		{"none", nil, `exec: "none": executable file not found in $PATH`},
		{"/none", nil, `exec: "/none": stat /none: no such file or directory`},
		{"/data", nil, `exec: "/data": is a directory`},
		{"/data/given", nil, `exec: "/data/given": permission denied`},
		{"/foreign", func(s *runtime.ContainerSpec) { s.Init = true }, "exec /foreign: exec format error"},
		{"/probe", func(s *runtime.ContainerSpec) { s.WorkingDir = "/probe" }, "make /probe: mkdir /probe: not a directory"},
		{"/probe", func(s *runtime.ContainerSpec) { s.User = "nobody" }, "unable to find user nobody: no matching entries in passwd file"},
		{"/probe", func(s *runtime.ContainerSpec) { s.CapAdd = []string{"FLY"} }, `unknown capability "FLY"`},
		{"/probe", func(s *runtime.ContainerSpec) { s.Entrypoint = nil }, "no command specified: neither the image nor the container has one"},
	} {
		_, _, err := p.try(c.change, c.program)
		var refused *runtime.StartError
		if !errors.As(err, &refused) || refused.Reason != c.want {
			t.Errorf("%s: %v, want %q", c.program, err, c.want)
		}
	}
	for name, change := range map[string]func(*runtime.ContainerSpec){
		"no such image": func(s *runtime.ContainerSpec) { s.Image = "sha256:none" },
		"no log":        func(s *runtime.ContainerSpec) { s.LogPath = "/none/none" },
		"no source":     func(s *runtime.ContainerSpec) { s.Mounts = []runtime.Mount{{Source: "/none/none", Target: "/x"}} },
		"relative":      func(s *runtime.ContainerSpec) { s.Mounts = []runtime.Mount{{Source: "/", Target: "x"}} },
	} {
		_, _, err := p.try(change, "/probe", "sleep")
		var refused *runtime.StartError
		if err == nil || errors.As(err, &refused) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want an error of one line that is no StartError", name, err)
		}
	}
	// An image for another architecture is refused whatever its programs are.
	p.d.images[p.img.ID].Architecture = "s390x"
	_, _, err := p.try(nil, "/probe", "sleep")
	var refused *runtime.StartError
	want := "exec /probe sleep: exec format error: the image is built for linux/s390x, this machine is linux/" + thisArch
	if !errors.As(err, &refused) || refused.Reason != want {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestExecTellsWhy(t *testing.T) {
	p := newPlace(t, Options{})
	c := p.sleeper(nil)
	for argv, want := range map[string]struct {
		code int
		text string
	}{
		"/none":    {127, "exec: \"/none\": stat /none: no such file or directory\n"},
		"none":     {127, "exec: \"none\": executable file not found in $PATH\n"},
		"/data":    {126, "exec: \"/data\": is a directory\n"},
		"/foreign": {126, "exec /foreign: exec format error\n"},
	} {
		var errs bytes.Buffer
		code, err := c.Exec(t.Context(), runtime.ExecSpec{Argv: []string{argv}, Stderr: &errs})
		if code != want.code || err != nil || errs.String() != want.text {
			t.Errorf("%s: %d, %v, %q", argv, code, err, errs.String())
		}
	}
	var both bytes.Buffer // one writer for both, from one goroutine
	code, err := c.Exec(t.Context(), runtime.ExecSpec{Argv: []string{"/probe", "cat", "/data/given", "/none"}, Stdout: &both, Stderr: &both})
	if code != 1 || err != nil || both.String() != "by the imageopen /none: no such file or directory\n" {
		t.Errorf("%d, %v, %q", code, err, both.String())
	}
	if _, err := c.Exec(t.Context(), runtime.ExecSpec{}); err == nil {
		t.Error("no command gives no error")
	}
}
