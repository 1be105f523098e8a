//go:build linux

package native

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/drivertest"
	"github.com/turnoutdev/turnout/testkit"
)

func TestMain(m *testing.M) {
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

// needNative skips where the driver cannot work at all.
func needNative(t *testing.T) {
	t.Helper()
	if err := Available(); err != nil {
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
	if os.Geteuid() != 0 {
		t.Skip("this user is tested by TestDriver already")
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
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestDriver$", "-test.v="+fmt.Sprint(testing.Verbose()))
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, drivertest.ProbeEnv+"="+probe)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("as user %d: %v", nobody, err)
	}
	t.Logf("%s", out)
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
	return append(left, processes(dir)...)
}

// processes lists those of the driver in dir that are not below a living sandbox.
func processes(dir string) []string {
	var left []string
	logs, _ := filepath.Glob("/proc/[0-9]*/fd/2")
	for _, fd := range logs {
		target, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(target, dir) || !strings.Contains(target, "holder.log") {
			continue
		}
		if name, deleted := strings.CutSuffix(target, " (deleted)"); deleted {
			status, _ := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(fd)), "status"))
			if !bytes.Contains(status, []byte("State:\tZ")) {
				left = append(left, "process of "+name)
			}
		}
	}
	slices.Sort(left)
	return left
}
