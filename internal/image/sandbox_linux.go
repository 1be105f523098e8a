package image

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// runArg is the first argument of the process that RUN starts inside its namespaces.
const runArg = "turnout-build-run"

// MaybeRun takes over the process when it was started by RUN. Call it first in main.
func MaybeRun() {
	if len(os.Args) != 3 || os.Args[0] != "/proc/self/exe" || os.Args[1] != runArg {
		return
	}
	var c command
	b, err := os.ReadFile(os.Args[2])
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err == nil {
		err = c.enter()
	}
	fmt.Fprintln(os.Stderr, "RUN:", err)
	os.Exit(127)
}

// enter mounts the overlay and what belongs into it, and becomes the command.
func (c *command) enter() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	if err := unix.Sethostname([]byte(sandboxName)); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	m := filepath.Join(c.Dir, "merged")
	if err := c.overlay(m); err != nil {
		return fmt.Errorf("overlay: %w (install docker, podman or buildah)", err)
	}
	if err := c.furnish(m); err != nil {
		return err
	}
	if err := unix.Chroot(m); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	if err := os.Chdir(c.WD); err != nil {
		return err
	}
	if err := errors.Join(limit(), become(c.UID, c.GID)); err != nil {
		return err
	}
	os.Clearenv()
	for _, kv := range c.Env {
		for i := range len(kv) {
			if kv[i] == '=' {
				_ = os.Setenv(kv[:i], kv[i+1:]) // for LookPath; names without NUL are fine
				break
			}
		}
	}
	program, err := exec.LookPath(c.Argv[0])
	if err != nil {
		return err
	}
	return unix.Exec(program, c.Argv, c.Env)
}

func (c *command) overlay(m string) error {
	opts := "lowerdir=" + c.Lower + ",upperdir=" + filepath.Join(c.Dir, "upper") + ",workdir=" + filepath.Join(c.Dir, "work")
	if err := unix.Mount("overlay", m, "overlay", 0, opts); err == nil {
		return nil
	}
	return unix.Mount("overlay", m, "overlay", 0, opts+",userxattr") // in a user namespace
}

// furnish mounts proc, a small /dev, the machine's name resolution, and --mount's.
func (c *command) furnish(m string) error {
	proc, err := place(m, "/proc")
	if err != nil {
		return err
	}
	if err := unix.Mount("proc", proc, "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("proc: %w", err)
	}
	if err := devices(m); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	for _, p := range c.Tmpfs {
		dir, err := place(m, p)
		if err == nil {
			err = unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "")
		}
		if err != nil {
			return fmt.Errorf("tmpfs at %s: %w", p, err)
		}
	}
	for _, p := range sortedKeys(c.Caches) {
		dir, err := place(m, p)
		if err == nil {
			err = unix.Mount(c.Caches[p], dir, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("cache at %s: %w", p, err)
		}
	}
	for _, p := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		if err := bindFile(m, p); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	return nil
}

// place makes a folder of the image to mount on.
func place(m, p string) (string, error) {
	dir, err := inRoot(m, p)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// bindFile shows a file of this machine, if it has it, at the same path.
func bindFile(m, p string) error {
	if _, err := os.Stat(p); err != nil {
		return nil // none here, none there
	}
	dir, err := place(m, path.Dir(p))
	if err != nil {
		return err
	}
	file := filepath.Join(dir, path.Base(p))
	if st, err := os.Lstat(file); err == nil && !st.Mode().IsRegular() {
		return nil // a link of the image's own
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDONLY, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), unix.Mount(p, file, "", unix.MS_BIND, ""))
}

// devices makes a /dev of what programs count on, and of no disk.
func devices(m string) error {
	dev, err := place(m, "/dev")
	if err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", dev, "tmpfs", unix.MS_NOSUID, "mode=755"); err != nil {
		return err
	}
	for _, name := range []string{"null", "zero", "full", "random", "urandom", "tty"} {
		file := filepath.Join(dev, name)
		if err := os.WriteFile(file, nil, 0o666); err != nil {
			return err
		}
		if err := unix.Mount("/dev/"+name, file, "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}
	for name, to := range map[string]string{"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"} {
		if err := os.Symlink(to, filepath.Join(dev, name)); err != nil {
			return err
		}
	}
	shm := filepath.Join(dev, "shm")
	if err := os.Mkdir(shm, 0o1777); err != nil {
		return err
	}
	return unix.Mount("tmpfs", shm, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=1777,size=64m")
}

// kept are the capabilities that a build's root has: those of Docker.
var kept = map[uintptr]bool{
	unix.CAP_CHOWN: true, unix.CAP_DAC_OVERRIDE: true, unix.CAP_FSETID: true, unix.CAP_FOWNER: true,
	unix.CAP_MKNOD: true, unix.CAP_NET_RAW: true, unix.CAP_SETGID: true, unix.CAP_SETUID: true,
	unix.CAP_SETFCAP: true, unix.CAP_SETPCAP: true, unix.CAP_NET_BIND_SERVICE: true,
	unix.CAP_SYS_CHROOT: true, unix.CAP_KILL: true, unix.CAP_AUDIT_WRITE: true,
}

// limit takes from the command what it could harm the machine with.
func limit() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if kept[c] {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) { // a kernel that does not know it
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	return nil
}

func become(uid, gid int) error {
	if uid == 0 && gid == 0 {
		return nil
	}
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return err
	}
	return errors.Join(syscall.Setgid(gid), syscall.Setuid(uid))
}
