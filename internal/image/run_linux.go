package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"golang.org/x/sys/unix"
)

// runArg is the first argument of the process that RUN starts inside its namespaces.
const runArg = "turnout-build-run"

// run runs a command on the stage's files: an overlay in namespaces of its own, whose
// upper folder becomes the layer.
func (s *stage) run(ctx context.Context, c *instructions.RunCommand) error {
	if len(c.Files) > 0 || len(c.FlagsUsed) > 0 {
		return errors.New("here-documents and flags of RUN are beyond the builtin builder; install docker, podman or buildah")
	}
	if _, err := os.Stat(filepath.Join(s.root, first(s.line(c.ShellDependantCmdLine)))); err != nil && filepath.IsAbs(first(s.line(c.ShellDependantCmdLine))) {
		return fmt.Errorf("%s is not in this stage: RUN needs a base image that has it", first(s.line(c.ShellDependantCmdLine)))
	}
	dir, err := os.MkdirTemp(s.d.work, "run-")
	if err != nil {
		return err
	}
	for _, sub := range []string{"upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	uid, gid, err := s.user()
	if err != nil {
		return err
	}
	if err := s.exec(ctx, dir, uid, gid, s.line(c.ShellDependantCmdLine)); err != nil {
		return err
	}
	return s.keep(filepath.Join(dir, "upper"), c.String())
}

func first(argv []string) string {
	if len(argv) == 0 {
		return ""
	}
	return argv[0]
}

// user is who RUN runs as.
func (s *stage) user() (uid, gid int, err error) {
	if s.config.User == "" {
		return 0, 0, nil
	}
	uid, gid, err = s.owner(s.config.User)
	if err == nil && uid != 0 && os.Geteuid() != 0 {
		err = fmt.Errorf("USER %s needs the builder to run as root, or docker, podman or buildah", s.config.User)
	}
	return uid, gid, err
}

// exec starts the command and waits for it.
func (s *stage) exec(ctx context.Context, dir string, uid, gid int, argv []string) error {
	wd := s.config.WorkingDir
	if wd == "" {
		wd = "/"
	}
	args := append([]string{runArg, s.root, dir, wd, strconv.Itoa(uid), strconv.Itoa(gid)}, argv...)
	cmd := exec.CommandContext(ctx, "/proc/self/exe", args...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, k := range sortedKeys(s.args) {
		cmd.Env = append(cmd.Env, k+"="+s.args[k])
	}
	cmd.Env = append(cmd.Env, s.config.Env...)
	var last tail
	cmd.Stdout, cmd.Stderr = &last, &last
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC, Pdeathsig: syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, last.String())
	}
	_, _ = s.d.Log.Write(last.buf) // the log is for people
	return nil
}

// tail keeps the last few kilobytes of an output.
type tail struct{ buf []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - 4096; over > 0 {
		t.buf = t.buf[over:]
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.TrimSpace(string(t.buf)) }

// MaybeRun takes over the process when it was started by RUN. Call it first in main.
func MaybeRun() {
	if len(os.Args) < 7 || os.Args[0] != "/proc/self/exe" || os.Args[1] != runArg {
		return
	}
	err := enter(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6], os.Args[7:])
	fmt.Fprintln(os.Stderr, "RUN:", err)
	os.Exit(127)
}

// enter mounts the overlay and becomes the command.
func enter(lower, dir, wd, uid, gid string, argv []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	m := filepath.Join(dir, "merged")
	opts := "lowerdir=" + lower + ",upperdir=" + filepath.Join(dir, "upper") + ",workdir=" + filepath.Join(dir, "work")
	err := unix.Mount("overlay", m, "overlay", 0, opts)
	if err != nil {
		err = unix.Mount("overlay", m, "overlay", 0, opts+",userxattr")
	}
	if err != nil {
		return fmt.Errorf("overlay: %w (install docker, podman or buildah)", err)
	}
	for _, d := range []string{"proc", "dev", "etc"} {
		_ = os.Mkdir(filepath.Join(m, d), 0o755) // most images have them
	}
	if err := unix.Mount("proc", filepath.Join(m, "proc"), "proc", 0, ""); err != nil {
		return fmt.Errorf("proc: %w", err)
	}
	if err := unix.Mount("/dev", filepath.Join(m, "dev"), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("dev: %w", err)
	}
	resolv := filepath.Join(m, "etc/resolv.conf")
	if _, err := os.Stat(resolv); err == nil {
		_ = unix.Mount("/etc/resolv.conf", resolv, "", unix.MS_BIND, "") // no network is no reason to fail
	}
	if err := unix.Chroot(m); err != nil {
		return fmt.Errorf("chroot: %w", err)
	}
	if err := os.Chdir(wd); err != nil {
		return err
	}
	if err := become(uid, gid); err != nil {
		return err
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	return unix.Exec(path, argv, os.Environ())
}

func become(uid, gid string) error {
	u, err1 := strconv.Atoi(uid)
	g, err2 := strconv.Atoi(gid)
	if err := errors.Join(err1, err2); err != nil || (u == 0 && g == 0) {
		return err
	}
	if err := syscall.Setgroups([]int{g}); err != nil {
		return err
	}
	return errors.Join(syscall.Setgid(g), syscall.Setuid(u))
}

// keep makes the overlay's upper folder a layer and merges it into the stage.
func (s *stage) keep(upper, by string) error {
	for _, d := range []string{"proc", "dev"} {
		_ = os.Remove(filepath.Join(upper, d)) // mount points; others stay when not empty
	}
	var entries []string
	err := filepath.WalkDir(upper, func(p string, _ fs.DirEntry, err error) error {
		if err == nil && p != upper {
			entries = append(entries, p)
		}
		return err
	})
	if err != nil {
		return err
	}
	err = s.appendLayer(by, len(entries) == 0, func(w *tar.Writer) error {
		for _, p := range entries {
			if err := s.pack(w, upper, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range entries {
		if err := s.merge(upper, p); err != nil {
			return err
		}
	}
	return nil
}

// whiteout tells whether an entry of an upper folder means "deleted".
func whiteout(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && st.Mode()&fs.ModeCharDevice != 0 && sys.Rdev == 0
}

// opaque tells whether a folder hides what stood below it.
func opaque(p string) bool {
	b := make([]byte, 1)
	for _, attr := range []string{"trusted.overlay.opaque", "user.overlay.opaque"} {
		if n, err := unix.Lgetxattr(p, attr, b); err == nil && n == 1 && b[0] == 'y' {
			return true
		}
	}
	return false
}

func (s *stage) pack(w *tar.Writer, upper, p string) error {
	st, err := os.Lstat(p)
	if err != nil {
		return err
	}
	inner, err := filepath.Rel(upper, p)
	if err != nil {
		return err
	}
	if whiteout(st) {
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: filepath.Join(filepath.Dir(inner), ".wh."+filepath.Base(inner)), ModTime: s.d.epoch()})
	}
	link := ""
	if st.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(p); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(st, link)
	if err != nil {
		return err
	}
	h.Name, h.ModTime, h.AccessTime, h.ChangeTime, h.Uname, h.Gname = inner, s.d.epoch(), time.Time{}, time.Time{}, "", ""
	h.Format = tar.FormatPAX
	if os.Geteuid() != 0 { // our own user is root inside
		h.Uid, h.Gid = 0, 0
	}
	if st.IsDir() {
		h.Name += "/"
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if st.IsDir() && opaque(p) {
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: inner + "/.wh..wh..opq", ModTime: s.d.epoch()})
	}
	if st.Mode().IsRegular() {
		return copyInto(w, p)
	}
	return nil
}

// merge applies one entry of the upper folder to the stage's own files.
func (s *stage) merge(upper, p string) error {
	st, err := os.Lstat(p)
	if err != nil {
		return err
	}
	inner, err := filepath.Rel(upper, p)
	if err != nil {
		return err
	}
	dst := filepath.Join(s.root, inner)
	old, oldErr := os.Lstat(dst)
	if whiteout(st) || (st.IsDir() && opaque(p)) || (oldErr == nil && old.IsDir() != st.IsDir()) {
		if err := removeAll(dst); err != nil {
			return err
		}
	}
	switch {
	case whiteout(st):
		return nil
	case st.IsDir():
		if err := os.MkdirAll(dst, 0o755); err != nil {
			return err
		}
	default:
		if err := os.Rename(p, replaced(dst)); err != nil {
			return err
		}
		return nil
	}
	return errors.Join(chownAs(dst, st), os.Chmod(dst, st.Mode()))
}

// replaced makes room at dst.
func replaced(dst string) string {
	_ = os.Remove(dst) // Rename tells if it could not
	return dst
}

// chownAs gives dst the owner of st where this process may.
func chownAs(dst string, st fs.FileInfo) error {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(dst, int(sys.Uid), int(sys.Gid))
}
