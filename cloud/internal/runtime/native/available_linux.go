package native

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
)

// Available tries in a process of its own what containers need, and tells in one line why
// the driver cannot work here, nil if it can. It takes a few milliseconds.
func Available() error { return tryHere(!privileged()) }

func tryHere(rootless bool) error {
	d := &driver{rootless: rootless}
	attr := d.namespaces()
	attr.Cloneflags |= unix.CLONE_NEWNS | unix.CLONE_NEWIPC
	attr.Pdeathsig = 0 // it ends by itself, and the thread that starts it may end before
	trial := exec.Cmd{Path: "/proc/self/exe", Args: []string{inside.Name, inside.KindTrial}, Env: holderEnv, SysProcAttr: attr}
	out, err := trial.Output()
	if err == nil {
		return nil
	}
	cause := err.Error()
	if len(out) > 0 {
		cause = oneLine(string(out))
	}
	if why := whyNot(rootless); why != "" {
		cause += "; " + why
	}
	return fmt.Errorf("containers cannot run in namespaces here: %w", errors.New(cause))
}

// whyNot names the setting that commonly forbids what was tried, "" if it is none of these.
func whyNot(rootless bool) string {
	if rootless {
		for _, s := range []struct{ file, forbids, why string }{
			{"/proc/sys/user/max_user_namespaces", "0", "user namespaces are switched off (sysctl user.max_user_namespaces=0)"},
			{"/proc/sys/kernel/unprivileged_userns_clone", "0", "user namespaces are for root only (sysctl kernel.unprivileged_userns_clone=0)"},
			{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "AppArmor forbids it to programs without a profile (sysctl kernel.apparmor_restrict_unprivileged_userns=1)"},
		} {
			if text, err := os.ReadFile(s.file); err == nil && strings.TrimSpace(string(text)) == s.forbids {
				return s.why
			}
		}
	}
	var name unix.Utsname
	var major, minor int
	if unix.Uname(&name) == nil {
		release := unix.ByteSliceToString(name.Release[:])
		if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err == nil && (major < 5 || major == 5 && minor < 12) {
			return "Linux 5.12 or later is needed, this is " + release
		}
	}
	if text, err := os.ReadFile("/proc/self/status"); err == nil && strings.Contains(string(text), "Seccomp:\t2") {
		return "a seccomp filter is in force, as in most containers"
	}
	return ""
}
