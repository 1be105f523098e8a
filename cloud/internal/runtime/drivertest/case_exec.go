package drivertest

import (
	"bytes"
	"context"
	"slices"
	"strings"
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
