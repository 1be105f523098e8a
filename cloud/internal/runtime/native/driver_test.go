//go:build linux

package native

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/drivertest"
	"github.com/turnoutdev/turnout/testkit"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		beChild(dir)
		return
	}
	drivertest.Main(m, factory(false), func() error {
		return goleak.Find(goleak.IgnoreCurrent())
	})
}

func factory(rootless bool) drivertest.Factory {
	return drivertest.Factory{
		New:       func(dir string) (runtime.Driver, error) { return New(Options{Dir: dir, Rootless: rootless}) },
		Leftovers: leftovers,
	}
}

var available = sync.OnceValue(Available)

// needNative skips where the driver cannot work at all.
func needNative(t testing.TB) {
	t.Helper()
	if err := available(); err != nil {
		testkit.NeedOrSkip(t, err.Error())
	}
}

var rootlessLacks = map[string]string{
	"SupplementaryGroups": "a user namespace made without privileges has one group",
	"Memory":              "limits take root",
}

func TestDriver(t *testing.T) {
	needNative(t)
	f := factory(false)
	if !privileged() {
		f.Lacks = rootlessLacks
	}
	drivertest.Run(t, f)
}

// TestRootless runs the suite as a user without any privilege.
func TestRootless(t *testing.T) {
	needNative(t)
	if !privileged() {
		return // TestDriver was just that
	}
	dir, err := os.MkdirTemp("", "rootless-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	probe := filepath.Join(dir, "probe")
	content, err := os.ReadFile(drivertest.Probe(t))
	if err == nil {
		err = os.WriteFile(probe, content, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestDriver$", "-test.v")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, drivertest.ProbeEnv+"="+probe)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	t.Logf("as user %d:\n%s", nobody, out)
	if err != nil {
		t.Error(err)
	}
	if bytes.Contains(out, []byte("--- SKIP: TestDriver")) {
		testkit.NeedOrSkip(t, "user namespaces are not for everybody here; the child above says why")
	}
}

// leftovers lists processes, mounts, folders and cgroups that name a sandbox.
func leftovers(dir string, ids []string) []string {
	var left []string
	note := func(what, text string) {
		for _, id := range ids {
			if strings.Contains(text, id) {
				left = append(left, what)
				return
			}
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(mounts)) {
		note("mount "+line, line)
	}
	for _, pattern := range []string{dir + "/sandboxes/*", cgroupRoot + "/turnout-*/*", cgroupRoot + "/*/turnout-*/*"} {
		found, _ := filepath.Glob(pattern)
		for _, f := range found {
			note("folder "+f, f)
		}
	}
	return append(left, processes(dir, note)...)
}

// processes lists holders of removed sandboxes, and has those noted that see a
// sandbox's file system.
func processes(dir string, note func(what, text string)) []string {
	var left []string
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		if mounts, err := os.ReadFile(p + "/mountinfo"); err == nil {
			command, _ := os.ReadFile(p + "/cmdline")
			note(fmt.Sprintf("process %s, %q", p, command), string(mounts))
		}
		log, err := os.Readlink(p + "/fd/2")
		if err == nil && strings.HasPrefix(log, dir) && strings.HasSuffix(log, "holder.log (deleted)") {
			left = append(left, "holder "+p+" "+log)
		}
	}
	return left
}
