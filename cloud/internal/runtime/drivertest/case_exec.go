package drivertest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func testExec(r *rig) {
	img := r.pull("rich:1").ID
	u := r.box().run(func(s *runtime.ContainerSpec) { s.Image, s.Env = img, []string{"MINE=1"} })
	if code, out, errs := u.exec("echo", "a", "b"); code != 0 || out != "a b\n" || errs != "" {
		r.Errorf("echo: %d, %q, %q", code, out, errs)
	}
	if code, out, errs := u.exec("cat", "/nothing"); code != 1 || out != "" || !strings.Contains(errs, "no such file") {
		r.Errorf("cat: %d, %q, %q", code, out, errs)
	}
	if code, _, _ := u.exec("exit", "42"); code != 42 {
		r.Errorf("exit 42: %d", code)
	}
	_, out, _ := u.exec("about")
	a := parseAbout(r, out)
	if a.UID != 1000 || a.GID != 1001 || a.Cwd != "/work" || !slices.Contains(a.Env, "MINE=1") || !slices.Contains(a.Env, "FROM_IMAGE=yes") || !slices.Contains(a.Env, "HOME=/home/app") {
		r.Errorf("exec is %+v", a)
	}
	if strings.Trim(a.Status["CapEff"], "0") != "" || a.Status["CapBnd"] != "00000000a80425fb" {
		r.Errorf("exec may %s of %s", a.Status["CapEff"], a.Status["CapBnd"])
	}
	execStdin(r, u)
	if _, out, _ := u.exec("cat", "/proc/1/cmdline"); out != "/probe\x00sleep\x00" {
		r.Errorf("process 1 is %q", out)
	}
	execMissing(r, u)
}

func execStdin(r *rig, u *unit) {
	var out bytes.Buffer
	code, err := u.Exec(r.context(), runtime.ExecSpec{Argv: []string{"/probe", "stdin"}, Stdin: strings.NewReader("typed"), Stdout: &out})
	if code != 0 || err != nil || out.String() != "typed" {
		r.Errorf("stdin: %d, %v, %q", code, err, out.String())
	}
}

// A program that is not there is an error or an exit code as of a shell; and after the
// container's exit there is nothing to run it in.
func execMissing(r *rig, u *unit) {
	for _, argv := range [][]string{{"/nothing"}, {"nothing"}, {"/opt/data"}} {
		if code, err := u.Exec(r.context(), runtime.ExecSpec{Argv: argv}); err == nil && code != 126 && code != 127 {
			r.Errorf("exec %q: %d without an error", argv, code)
		}
	}
	if err := u.Signal(r.context(), 9); err != nil {
		r.Fatal(err)
	}
	u.exit()
	if code, err := u.Exec(r.context(), runtime.ExecSpec{Argv: []string{"/probe", "exit", "0"}}); err == nil {
		r.Errorf("exec after the exit: code %d without an error", code)
	}
}

// A terminal has a size, echoes, makes lines of carriage returns, and passes the signal of
// Ctrl-C on.
func testExecTerminal(r *rig) {
	u := r.box().run()
	sizes := make(chan runtime.Size, 1)
	sizes <- runtime.Size{Rows: 24, Cols: 80}
	typed, keyboard := io.Pipe()
	defer keyboard.Close()
	var out lockedBuffer
	go func() { _, _ = keyboard.Write([]byte("hello\r")) }()
	code, err := u.Exec(r.context(), runtime.ExecSpec{Argv: []string{"/probe", "terminal"}, Stdin: typed, Stdout: &out, Terminal: &runtime.Terminal{Sizes: sizes}})
	got := strings.ReplaceAll(out.String(), "\r", "")
	if code != 3 || err != nil || !strings.Contains(got, "24x80\n") || !strings.Contains(got, "hello\n") || !strings.HasSuffix(got, "read \"hello\\n\"\n") || strings.Contains(got, "controlling") {
		r.Errorf("terminal: %d, %v, %q", code, err, got)
	}
	typed, interrupts := io.Pipe()
	go func() { // one that comes before the program is lost
		for range time.Tick(100 * time.Millisecond) {
			if _, err := interrupts.Write([]byte{3}); err != nil {
				return
			}
		}
	}()
	code, err = u.Exec(r.context(), runtime.ExecSpec{Argv: []string{"/probe", "sleep"}, Stdin: typed, Terminal: &runtime.Terminal{}})
	_ = typed.Close()
	if code != 130 && code != 2 || err != nil {
		r.Errorf("Ctrl-C: %d, %v", code, err)
	}
}

// lockedBuffer is written while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func testExecCancelled(r *rig) {
	u := r.box().run()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if code, err := u.Exec(ctx, runtime.ExecSpec{Argv: []string{"/probe", "sleep"}}); err == nil {
		r.Errorf("exec beyond its context: code %d without an error", code)
	}
	if d := time.Since(began); d > limit/3 {
		r.Errorf("exec returned %v after it was cancelled", d)
	}
	if code, _, errs := u.exec("exit", "0"); code != 0 {
		r.Errorf("exec after it: %d %s", code, errs)
	}
}
