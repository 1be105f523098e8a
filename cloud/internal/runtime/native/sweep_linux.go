package native

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/layers"
)

// A holder and all that it started end with the cloud, by kernel. Sweep makes sure of it:
// every sandbox's folder names its holder by PID and start time, so that a number that
// was given to another process since is left alone.

const holderFile = "holder"

// record notes the holder in the sandbox's folder.
func (s *sandbox) record() error {
	started, err := startTime(s.holder.Pid)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, holderFile), fmt.Appendf(nil, "%d %s\n", s.holder.Pid, started), 0o600)
}

// startTime is when a process was started, in the kernel's own measure, with the boot
// that it counts from.
func startTime(pid int) (string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	_, rest, ok := strings.Cut(string(text), ") ") // the name may contain anything, but it comes last
	for next := rest; ok; next = rest {
		if _, next, ok = strings.Cut(next, ") "); ok {
			rest = next
		}
	}
	const field = 22 - 3 // of proc(5), counted from the state
	fields := strings.Fields(rest)
	if len(fields) <= field {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	return fields[field] + " " + strings.TrimSpace(string(boot)), nil
}

// Sweep implements runtime.Driver.
func (d *driver) Sweep(ctx context.Context) error {
	entries, err := os.ReadDir(d.boxesDir())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("sweep: %w", err)
	}
	var errs []error
	for _, e := range entries {
		if !d.isLive(e.Name()) {
			errs = append(errs, d.sweepBox(ctx, filepath.Join(d.boxesDir(), e.Name())))
		}
	}
	if !d.rootless {
		sweepCgroups(cgroupRoot)
	}
	errs = append(errs, d.layers.Sweep())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}

func (d *driver) isLive(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.boxes[id] != nil
}

// sweepBox ends the holder of a sandbox of an earlier process, and removes its folder.
func (d *driver) sweepBox(ctx context.Context, dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, holderFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var pid int
	var clock, boot string
	if _, err := fmt.Sscan(string(text), &pid, &clock, &boot); err == nil {
		if err := end(ctx, pid, clock+" "+boot); err != nil {
			return err
		}
	}
	return layers.RemoveAll(dir)
}

// end kills a process if it is the one that was started then, and waits for its end.
func end(ctx context.Context, pid int, started string) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if err == unix.ESRCH || err == unix.EINVAL {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open process %d: %w", pid, err)
	}
	defer unix.Close(fd)
	if now, err := startTime(pid); err != nil || now != started { // looked at after it was opened: it is the same one
		return nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && err != unix.ESRCH {
		return fmt.Errorf("kill process %d: %w", pid, err)
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 50)
		if n > 0 {
			return nil
		}
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("wait for process %d: %w", pid, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}
