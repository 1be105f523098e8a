package inside

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// devices of the host that every container has.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// links in /dev, as on any system.
var links = map[string]string{
	"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	"/dev/ptmx": "pts/ptmx",
}

// masked files and folders tell of the machine or change it; frozen ones are read-only.
// Both lists are those of Docker.
var (
	masked = []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	}
	frozen = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
)

const safe = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV

// open makes all mounts but the root, in the order in which they are attached.
func (r *Root) open() ([]tree, error) {
	var trees []tree
	add := func(target string, fd int, err error) error {
		if err == nil {
			trees = append(trees, tree{fd: fd, target: target})
		}
		return err
	}
	fresh := func(target, fstype string, attrs int, options ...string) error {
		fd, err := newMount(fstype, attrs, options...)
		return add(target, fd, err)
	}
	pts := []string{"newinstance", "ptmxmode=0666", "mode=0620"}
	err := errors.Join(
		fresh("/proc", "proc", safe|unix.MOUNT_ATTR_NOEXEC),
		fresh("/dev", "tmpfs", unix.MOUNT_ATTR_NOSUID, "mode=755", "size=65536k"),
		fresh("/dev/pts", "devpts", unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, pts...),
		fresh("/dev/shm", "tmpfs", safe|unix.MOUNT_ATTR_NOEXEC, "mode=1777", fmt.Sprintf("size=%d", r.Shm)),
		fresh("/dev/mqueue", "mqueue", safe|unix.MOUNT_ATTR_NOEXEC),
	)
	if err != nil {
		return nil, err
	}
	if fd, err := r.openSys(); err == nil { // a machine that shows none has its reasons
		_ = add("/sys", fd, nil)
	}
	for _, d := range devices {
		fd, err := cloneTree("/dev/"+d, false)
		if err != nil {
			return nil, err
		}
		trees = append(trees, tree{fd: fd, target: "/dev/" + d, file: true})
	}
	for _, t := range r.Tmpfs {
		if err := fresh(t.Target, "tmpfs", safe|unix.MOUNT_ATTR_NOEXEC, "mode=1777", fmt.Sprintf("size=%d", t.Size)); err != nil {
			return nil, err
		}
	}
	binds, err := r.openBinds()
	return append(trees, binds...), err
}

func (r *Root) openBinds() ([]tree, error) {
	var trees []tree
	for _, b := range r.Binds {
		info, err := os.Stat(b.Source)
		if err != nil {
			return nil, fmt.Errorf("bind: %w", err)
		}
		fd, err := cloneTree(b.Source, b.ReadOnly)
		if err != nil {
			return nil, err
		}
		trees = append(trees, tree{fd: fd, target: b.Target, file: !info.IsDir()})
	}
	return trees, nil
}

// openSys mounts /sys, which only the owner of the network namespace may; a container of
// another user sees the host's.
func (r *Root) openSys() (int, error) {
	attrs := safe | unix.MOUNT_ATTR_NOEXEC
	if !r.Open {
		attrs |= unix.MOUNT_ATTR_RDONLY
	}
	fd, err := newMount("sysfs", attrs)
	if err != nil {
		return cloneTree("/sys", true)
	}
	return fd, nil
}

// finish does what needs all mounts in their places.
func (r *Root) finish() error {
	for name, target := range links {
		if err := os.Symlink(target, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for name, value := range r.Sysctls {
		if err := os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0); err != nil {
			return fmt.Errorf("sysctl %s: %w", name, err)
		}
	}
	for _, dir := range r.Make {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return &refusal{fmt.Sprintf("make %s: %v", dir, err), notExecutable}
		}
	}
	if !r.Open {
		if err := r.hide(); err != nil {
			return err
		}
	}
	return r.freeze()
}

// hide covers what is masked and freezes what only the machine's administrator changes.
func (r *Root) hide() error {
	for _, name := range masked {
		info, err := os.Stat(name)
		if err != nil {
			continue // this kernel has none
		}
		if info.IsDir() {
			err = unix.Mount("tmpfs", name, "tmpfs", unix.MS_RDONLY, "size=0k")
		} else {
			err = unix.Mount("/dev/null", name, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("hide %s: %w", name, err)
		}
	}
	for _, name := range frozen {
		if err := bindSelf(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		} else if err == nil {
			if err := setReadOnly(unix.AT_FDCWD, name, 0); err != nil {
				return fmt.Errorf("freeze %s: %w", name, err)
			}
		}
	}
	return nil
}

// freeze makes the root read-only, but for the folders that the image declares volumes.
func (r *Root) freeze() error {
	if !r.ReadOnly {
		return nil
	}
	for _, dir := range r.Keep {
		if err := bindSelf(dir); err != nil {
			return err
		}
	}
	if err := setReadOnly(unix.AT_FDCWD, "/", 0); err != nil {
		return fmt.Errorf("make root read-only: %w", err)
	}
	return nil
}

// bindSelf makes a folder a mount of its own.
func bindSelf(name string) error {
	if err := unix.Mount(name, name, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind %s: %w", name, err)
	}
	return nil
}
