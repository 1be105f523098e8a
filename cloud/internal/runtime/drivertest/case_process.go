package drivertest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/testkit"
)

func testExitCodes(r *rig) {
	b := r.box()
	for _, code := range []int{0, 3, 255} {
		before := time.Now().Add(-time.Second) // engines round
		u := b.run(command("exit", fmt.Sprint(code)))
		e := u.exit()
		if e.Code != code || e.OOMKilled || e.Error != "" || e.At.Before(before) || e.At.After(time.Now().Add(time.Second)) {
			r.Errorf("exit of %d: %+v", code, e)
		}
		if again := u.exit(); again != e {
			r.Errorf("Wait again: %+v, before %+v", again, e)
		}
		if err := u.Signal(r.context(), syscall.SIGTERM); err != nil {
			r.Errorf("Signal after the exit: %v", err)
		}
		if u.ID() == "" {
			r.Error("no ID")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.run().Wait(ctx); !errors.Is(err, context.Canceled) {
		r.Errorf("Wait with an ended context: %v", err)
	}
}

func testSignals(r *rig) {
	b := r.box()
	u := b.run(command("wait")).says("ready")
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := u.Signal(r.context(), sig); err != nil {
			r.Fatal(err)
		}
		u.says("got " + sig.String())
	}
	if e := u.exit(); e.Code != 7 {
		r.Errorf("a program that handles SIGTERM by exit 7: %+v", e)
	}
}

func testSignalByKernel(r *rig) {
	b := r.box()
	u := b.run(command("stubborn")).says("ready")
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := u.Signal(r.context(), sig); err != nil {
			r.Fatal(err)
		}
	}
	if e := u.exit(); e.Code != 137 || e.OOMKilled {
		r.Errorf("killed: %+v, want code 137", e)
	}
	// An init that has not got its own handlers yet loses the signal, as any process 1 does.
	u = b.run(command("idle"), func(s *runtime.ContainerSpec) { s.Init = true }).says("ready")
	if err := u.Signal(r.context(), syscall.SIGTERM); err != nil {
		r.Fatal(err)
	}
	if e := u.exit(); e.Code != 143 {
		r.Errorf("SIGTERM under an init: %+v, want code 143", e)
	}
}

func testEntrypoint(r *rig) {
	img := r.pull("rich:1").ID
	plain := r.pull("probe:1").ID
	b := r.box()
	for _, c := range []struct {
		name            string
		image           string
		entrypoint, cmd []string
		want            []string
	}{
		{"from the image", img, nil, nil, []string{"/probe", "about", "of", "image"}},
		{"own cmd", img, nil, []string{"about", "mine"}, []string{"/probe", "about", "mine"}},
		{"own entrypoint drops the image's cmd", img, []string{"/probe", "about"}, nil, []string{"/probe", "about"}},
		{"both", img, []string{"/probe"}, []string{"about", "x"}, []string{"/probe", "about", "x"}},
		{"image without any", plain, nil, []string{"/probe", "about"}, []string{"/probe", "about"}},
	} {
		got := b.about(func(s *runtime.ContainerSpec) { s.Image, s.Entrypoint, s.Cmd = c.image, c.entrypoint, c.cmd })
		if d := cmp.Diff(c.want, got.Args); d != "" {
			r.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func testEnvironment(r *rig) {
	img := r.pull("rich:1").ID
	b := r.box(func(s *runtime.SandboxSpec) { s.Hostname = "env-host" })
	got := b.about(func(s *runtime.ContainerSpec) {
		s.Image, s.Env = img, []string{"OVER=task", "NEW=a=b", "EMPTY="}
	})
	for _, want := range []string{
		"FROM_IMAGE=yes", "OVER=task", "NEW=a=b", "EMPTY=", "HOSTNAME=env-host", "HOME=/home/app",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	} {
		if !slices.Contains(got.Env, want) {
			r.Errorf("environment lacks %s: %q", want, got.Env)
		}
	}
	if slices.Contains(got.Env, "OVER=image") {
		r.Errorf("a variable is there twice: %q", got.Env)
	}
	for _, kv := range got.Env { // nothing of the cloud's own process
		if k, _, _ := strings.Cut(kv, "="); !slices.Contains([]string{"PATH", "HOSTNAME", "HOME", "FROM_IMAGE", "OVER", "NEW", "EMPTY", "TERM"}, k) {
			r.Errorf("foreign variable %s", kv)
		}
	}
}

func testUsers(r *rig) {
	img := r.pull("rich:1").ID
	b := r.box()
	for _, c := range []struct {
		user     string
		uid, gid int
		home     string
	}{
		{"", 1000, 1001, "/home/app"}, // the image's
		{"app", 1000, 1001, "/home/app"},
		{"1000", 1000, 1001, "/home/app"},
		{"0", 0, 0, "/root"},
		{"root", 0, 0, "/root"},
		{"4242", 4242, 0, "/"},
		{"4242:77", 4242, 77, "/"},
		{"app:staff", 1000, 2000, "/home/app"},
		{"0:other", 0, 2001, "/root"},
	} {
		got := b.about(func(s *runtime.ContainerSpec) { s.Image, s.User = img, c.user })
		if got.UID != c.uid || got.GID != c.gid || !slices.Contains(got.Env, "HOME="+c.home) {
			r.Errorf("user %q: %d:%d %q, want %d:%d HOME=%s", c.user, got.UID, got.GID, got.Env, c.uid, c.gid, c.home)
		}
	}
	for _, user := range []string{"nobody-here", "app:no-group"} {
		_, err := b.try(func(s *runtime.ContainerSpec) { s.Image, s.User = img, user })
		var refused *runtime.StartError
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, user[strings.Index(user, ":")+1:]) {
			r.Errorf("user %q: %v, want a StartError that names it", user, err)
		}
	}
}

func testGroups(r *rig) {
	b := r.box()
	for user, want := range map[string][]int{"app": {1001, 2000}, "app:other": {2001}, "app:staff": {2000}} {
		got := b.about(func(s *runtime.ContainerSpec) { s.User = user }).Groups
		for _, g := range want {
			if !slices.Contains(got, g) && g != want[0] { // the first is the primary one
				r.Errorf("user %s: groups %v, want %v", user, got, want)
			}
		}
		if len(got) > len(want) {
			r.Errorf("user %s: groups %v, want %v", user, got, want)
		}
	}
}

func testWorkingDir(r *rig) {
	img := r.pull("rich:1").ID
	b := r.box()
	for dir, want := range map[string]string{"": "/work", "/opt": "/opt", "/made/for/it": "/made/for/it"} {
		if got := b.about(func(s *runtime.ContainerSpec) { s.Image, s.WorkingDir = img, dir }); got.Cwd != want {
			r.Errorf("folder %q: works in %s, want %s", dir, got.Cwd, want)
		}
	}
	if got := b.about(); got.Cwd != "/" {
		r.Errorf("without any folder: works in %s", got.Cwd)
	}
}

func testStartErrors(r *rig) {
	b := r.box()
	for _, c := range []struct {
		argv []string
		want string
	}{
		{[]string{"/no/such/program"}, "/no/such/program"},
		{[]string{"no-such-program"}, "no-such-program"},
		{[]string{"/opt/data"}, "/opt/data"},
		{[]string{"/opt/text"}, "exec format error"},
		{[]string{"/opt"}, "/opt"},
	} {
		_, err := b.try(func(s *runtime.ContainerSpec) { s.Entrypoint, s.Cmd = c.argv, nil })
		var refused *runtime.StartError
		if !errors.As(err, &refused) || !strings.Contains(refused.Reason, c.want) || strings.Contains(refused.Reason, "\n") {
			r.Errorf("%q: %v, want a StartError of one line with %q", c.argv, err, c.want)
		}
	}
	if got := b.output(command("echo", "still good")); got != "still good\n" {
		r.Errorf("after failures: %q", got)
	}
}

func testLogs(r *rig) {
	const lines = 20_000
	b := r.box()
	u := b.run(command("flood", fmt.Sprint(lines)))
	if e := u.exit(); e.Code != 0 {
		r.Fatal(e)
	}
	text := u.text()
	if n := strings.Count(text, "\n"); n != lines || !strings.Contains(text, fmt.Sprintf("line %d ", lines-1)) {
		r.Errorf("%d lines when Wait returned, want %d", n, lines)
	}
	kept := r.TempDir() + "/log"
	if err := os.WriteFile(kept, []byte("before\n"), 0o600); err != nil {
		r.Fatal(err)
	}
	c, err := b.Run(r.context(), runtime.ContainerSpec{Name: "kept", Image: r.pull("probe:1").ID, Entrypoint: []string{"/probe", "cat", "/nothing"}, LogPath: kept})
	if err != nil {
		r.Fatal(err)
	}
	if e, err := c.Wait(r.context()); e.Code != 1 || err != nil {
		r.Errorf("%+v, %v", e, err)
	}
	if got, _ := os.ReadFile(kept); string(got) != "before\nopen /nothing: no such file or directory\n" {
		r.Errorf("log: %q", got)
	}
}

// Programs write to /dev/stdout by name, as any user, and shells truncate what they
// redirect to: nothing of the log may get lost.
func testLogsReopened(r *rig) {
	b := r.box()
	for _, user := range []string{"root", "app"} {
		if got := b.output(command("reopen", "one", "two"), func(s *runtime.ContainerSpec) { s.User = user }); got != "one\ntwo\n" {
			r.Errorf("as %s: %q", user, got)
		}
	}
}

func testCapabilities(r *rig) {
	const docker = "00000000a80425fb"
	b := r.box()
	a := b.about()
	if a.Status["CapBnd"] != docker || a.Status["CapEff"] != docker {
		r.Errorf("as root: bounding %s, effective %s, want %s", a.Status["CapBnd"], a.Status["CapEff"], docker)
	}
	a = b.about(func(s *runtime.ContainerSpec) { s.User = "app" })
	if a.Status["CapBnd"] != docker || strings.Trim(a.Status["CapEff"], "0") != "" {
		r.Errorf("as app: bounding %s, effective %s", a.Status["CapBnd"], a.Status["CapEff"])
	}
	a = b.about(func(s *runtime.ContainerSpec) {
		s.CapDrop, s.CapAdd = []string{"ALL"}, []string{"CAP_NET_ADMIN", "sys_ptrace"}
	})
	if want := fmt.Sprintf("%016x", 1<<12|1<<19); a.Status["CapEff"] != want {
		r.Errorf("two capabilities: %s, want %s", a.Status["CapEff"], want)
	}
	a = b.about(func(s *runtime.ContainerSpec) { s.CapDrop = []string{"CHOWN"} })
	if want := "00000000a80425fa"; a.Status["CapEff"] != want {
		r.Errorf("without CHOWN: %s, want %s", a.Status["CapEff"], want)
	}
}

func testUlimits(r *rig) {
	a := r.box().about(func(s *runtime.ContainerSpec) { s.Ulimits = []runtime.Ulimit{{Name: "nofile", Soft: 200, Hard: 300}} })
	// Go's runtime raises the soft limit to the hard one when it starts.
	if a.NoFile[1] != 300 {
		r.Errorf("open files: %v, want a hard limit of 300", a.NoFile)
	}
}

func testSysctls(r *rig) {
	b := r.box()
	u := b.run(func(s *runtime.ContainerSpec) { s.Sysctls = map[string]string{"kernel.msgmax": "9000"} })
	if _, out, errs := u.exec("cat", "/proc/sys/kernel/msgmax"); strings.TrimSpace(out) != "9000" {
		r.Errorf("kernel.msgmax is %q %s", out, errs)
	}
	if _, err := b.try(func(s *runtime.ContainerSpec) { s.Sysctls = map[string]string{"kernel.panic": "1"} }); err == nil {
		r.Error("a sysctl of the whole machine is taken")
	}
}

func testInitReaps(r *rig) {
	got := r.box().output(command("orphans"), func(s *runtime.ContainerSpec) { s.Init = true })
	if got != "zombies 0\n" {
		r.Errorf("with an init: %q", got)
	}
}

func testMemory(r *rig) {
	b := r.box()
	limited := func(s *runtime.ContainerSpec) { s.MemoryBytes = 32 << 20 }
	if err := testkit.Tries(5, func() error {
		u := b.run(command("eat", "256"), limited)
		if e := u.exit(); e.Code != 137 || !e.OOMKilled {
			return fmt.Errorf("256 MiB where 32 are allowed: %+v %s", e, u.text())
		}
		return nil
	}); err != nil {
		r.Error(err)
	}
	if got := b.output(command("eat", "4"), limited); got != "ate 4\n" {
		r.Errorf("4 MiB where 32 are allowed: %q", got)
	}
}
