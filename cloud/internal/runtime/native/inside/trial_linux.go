package inside

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// try does once, in namespaces of its own, what sandboxes and containers need, and prints
// the first thing that this machine does not allow.
func try() int {
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"set up a network", func() error {
			return setNetwork(Request{Hostname: "trial", Addr: [4]byte{10, 0, 0, 1}})
		}},
		{"make mounts private", func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") }},
		{"mount an overlay", tryOverlay},
		{"mount /proc", func() error { return tryMount("proc") }},
		{"mount /dev/mqueue", func() error { return tryMount("mqueue") }},
		{"bind a device", func() error { return tryBind("/dev/null") }},
	} {
		if err := step.do(); err != nil {
			fmt.Printf("%s: %v", step.what, err)
			return 1
		}
	}
	return 0
}

func tryOverlay() error {
	if err := unix.Mount("tmpfs", "/proc", "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	defer unix.Unmount("/proc", unix.MNT_DETACH)
	for _, d := range []string{"lower", "upper", "work", "root"} {
		if err := os.Mkdir("/proc/"+d, 0o755); err != nil {
			return err
		}
	}
	return unix.Mount("overlay", "/proc/root", "overlay", 0, "userxattr,lowerdir=/proc/lower,upperdir=/proc/upper,workdir=/proc/work")
}

func tryMount(fstype string) error {
	fd, err := newMount(fstype, safe)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// tryBind ends with a mount attribute, which is the newest system call that is needed.
func tryBind(file string) error {
	fd, err := cloneTree(file, true)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
