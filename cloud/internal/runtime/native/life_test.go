//go:build linux

package native

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/drivertest"
)

// A caller that gives up on Run leaves no container behind.
func TestRunGivenUp(t *testing.T) {
	p := newPlace(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := p.s.Run(ctx, runtime.ContainerSpec{Name: "x", Image: p.img.ID, Entrypoint: []string{"/probe", "sleep"}, LogPath: log})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	p.open(0)
}

// open waits until so many requests to the holder are: those of what runs.
func (p *place) open(want int) {
	p.t.Helper()
	l := p.s.(*sandbox).link
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		l.mu.Lock()
		open := len(l.calls)
		l.mu.Unlock()
		if open == want {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("%d requests are open, want %d", open, want)
		}
	}
}

// Whenever a caller gives up on Exec, the program ends.
func TestExecGivenUp(t *testing.T) {
	p := newPlace(t, Options{})
	c := p.sleeper(nil)
	for i := range 30 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*150*time.Microsecond)
		if _, err := c.Exec(ctx, runtime.ExecSpec{Argv: []string{"/probe", "sleep"}, Stdout: io.Discard}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Exec: %v", err)
		}
		cancel()
	}
	p.open(1)
}

// If the helper process ends, so does all that it held, and that is told.
func TestHolderDies(t *testing.T) {
	modes(t, func(t *testing.T, rootless bool) {
		p := newPlace(t, Options{Rootless: rootless})
		root, other := p.sleeper(nil), p.sleeper(func(s *runtime.ContainerSpec) { s.User = "1000" })
		if err := p.s.(*sandbox).holder.Kill(); err != nil {
			t.Fatal(err)
		}
		for _, c := range []runtime.Container{root, other} {
			e, err := c.Wait(t.Context())
			if err != nil || e.Code != 137 || e.Error != "the sandbox's helper process ended" {
				t.Errorf("%+v, %v", e, err)
			}
			if _, err := c.Exec(t.Context(), runtime.ExecSpec{Argv: []string{"/probe"}}); err == nil {
				t.Error("exec in it gives no error")
			}
		}
		if _, err := p.s.Dial(t.Context(), 80); err == nil {
			t.Error("dial gives no error")
		}
		if err := p.s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

const childEnv = "TURNOUT_NATIVE_CHILD"

// beChild holds a sandbox until it is killed.
func beChild(dir string) {
	err := func() error {
		f := drivertest.Factory{New: factory(false).New}
		d, err := f.New(dir)
		if err != nil {
			return err
		}
		_, err = d.Create(context.Background(), runtime.SandboxSpec{ID: "orphan"})
		return err
	}()
	fmt.Println("made", err)
	time.Sleep(time.Minute)
}

// The kernel ends sandboxes with the process that made them, before anybody sweeps.
func TestNothingOutlivesTheCloud(t *testing.T) {
	needNative(t)
	dir := t.TempDir()
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), childEnv+"="+dir)
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	text, err := os.ReadFile(filepath.Join(dir, "sandboxes", "orphan", holderFile))
	if line != "made <nil>\n" || err != nil {
		t.Fatalf("child said %q; %v", line, err)
	}
	var pid int
	var started, boot string
	if _, err := fmt.Sscan(string(text), &pid, &started, &boot); err != nil {
		t.Fatal(err)
	}
	if now, err := startTime(pid); err != nil || now != started+" "+boot {
		t.Fatalf("holder %d was started at %q, %v; its file says %q", pid, now, err, text)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if now, err := startTime(pid); err != nil || now != started+" "+boot || zombie(pid) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the holder lives on")
		}
	}
}

func zombie(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err != nil || bytes.Contains(status, []byte("State:\tZ"))
}

// Sweep kills only what is what the folder says.
func TestSweepLeavesOthersAlone(t *testing.T) {
	d := mustNew(t, Options{Dir: t.TempDir()})
	victim := exec.Command("sleep", "60")
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	defer victim.Process.Kill()
	record := func(id, text string) {
		dir := filepath.Join(d.boxesDir(), id)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, holderFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	record("reused", fmt.Sprintf("%d 12345 another-boot\n", victim.Process.Pid))
	record("gone", "999999999 1 x\n")
	record("broken", "not a number")
	if err := os.Mkdir(filepath.Join(d.boxesDir(), "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := d.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(d.boxesDir()); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if err := victim.Process.Signal(syscall.Signal(0)); err != nil || zombie(victim.Process.Pid) {
		t.Errorf("a process that has nothing to do with it: %v", err)
	}
	started, err := startTime(victim.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	go victim.Wait() // or it stays as a zombie
	record("live", fmt.Sprintf("%d %s\n", victim.Process.Pid, started))
	if err := d.Sweep(t.Context()); err != nil {
		t.Error(err)
	}
	if !zombie(victim.Process.Pid) {
		t.Error("a leftover holder lives")
	}
}

// Where limits cannot be enforced that is said once, and containers run.
func TestNoCgroups(t *testing.T) {
	needNative(t)
	var said bytes.Buffer
	p := newPlace(t, Options{Rootless: true, Log: slog.New(slog.NewTextHandler(&said, nil))})
	for range 2 {
		if code, text := p.output(func(s *runtime.ContainerSpec) { s.MemoryBytes, s.CPUShares = 16<<20, 512 }, "eat", "32"); code != 0 {
			t.Error(text)
		}
	}
	if n := strings.Count(said.String(), "not enforced"); n != 1 {
		t.Errorf("said %d times: %s", n, said.String())
	}
}

// A service that hangs does not keep the sandbox.
func TestCloseEndsServices(t *testing.T) {
	p := newPlace(t, Options{})
	at := netip.MustParseAddrPort("10.98.0.1:80")
	ended := make(chan error, 1)
	s, err := p.d.Create(t.Context(), runtime.SandboxSpec{ID: "served", Services: map[netip.AddrPort]func(net.Conn){at: func(c net.Conn) {
		_, err := io.Copy(io.Discard, c)
		ended <- err
	}}})
	if err != nil {
		t.Fatal(err)
	}
	fd, err := s.(*sandbox).socket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c, err := connect(t.Context(), fd, at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for { // accepted
		s.(*sandbox).services.mu.Lock()
		n := len(s.(*sandbox).services.conns)
		s.(*sandbox).services.mu.Unlock()
		if n == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	<-ended
}
