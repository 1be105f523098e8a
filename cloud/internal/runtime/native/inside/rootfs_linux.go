package inside

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A container's file system is put together in two halves. Sources are opened as
// detached mounts while the host is still visible; targets are looked up after the
// host's root is gone, so that no link in an image can lead out of it.

// tree is a detached mount and where it belongs.
type tree struct {
	fd     int
	target string
	file   bool // the target is a file
}

// enter makes the root of this process the container's.
func (r *Root) enter() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	trees, err := r.open()
	if err != nil {
		return err
	}
	if err := r.mountOverlay(); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leave the host's root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	for _, t := range trees {
		if err := t.attach(); err != nil {
			return err
		}
	}
	return r.finish()
}

// mountOverlay mounts the layers below a folder of the container's own, and makes that
// the working directory.
func (r *Root) mountOverlay() error {
	if err := os.Chdir(path.Join(r.Dir, "layers")); err != nil {
		return err
	}
	err := r.overlay()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) {
		// The state folder's file system, an overlay perhaps, cannot be the upper one.
		if mem := unix.Mount("tmpfs", r.Box, "tmpfs", 0, "mode=755"); mem == nil {
			err = r.overlay()
		}
	}
	if err != nil {
		return fmt.Errorf("mount image: %w", err)
	}
	return os.Chdir(path.Join(r.Box, "root"))
}

func (r *Root) overlay() error {
	for _, d := range []string{"upper", "work", "root"} {
		if err := os.Mkdir(path.Join(r.Box, d), 0o755); err != nil && !os.IsExist(err) {
			return err
		}
	}
	options := "userxattr,lowerdir=" + strings.Join(r.Lower, ":") + ",upperdir=" + r.Box + "/upper,workdir=" + r.Box + "/work"
	return unix.Mount("overlay", path.Join(r.Box, "root"), "overlay", 0, options)
}

// attach puts a tree where it belongs, making the place if it is not there.
func (t tree) attach() error {
	if err := t.makeTarget(); err != nil {
		return fmt.Errorf("make mount point %s: %w", t.target, err)
	}
	if err := unix.MoveMount(t.fd, "", unix.AT_FDCWD, t.target, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS); err != nil {
		return fmt.Errorf("mount %s: %w", t.target, err)
	}
	return unix.Close(t.fd)
}

func (t tree) makeTarget() error {
	if !t.file {
		return os.MkdirAll(t.target, 0o755)
	}
	if _, err := os.Stat(t.target); err == nil {
		return nil
	}
	if err := os.MkdirAll(path.Dir(t.target), 0o755); err != nil {
		return err
	}
	if _, err := os.Readlink(t.target); err == nil { // a link to nothing
		if err := os.Remove(t.target); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(t.target, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	return f.Close()
}

// newMount makes a detached mount of a file system; options are "key=value" or "flag".
func newMount(fstype string, attrs int, options ...string) (int, error) {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return 0, fmt.Errorf("mount %s: %w", fstype, err)
	}
	defer unix.Close(fs)
	for _, o := range append([]string{"source=" + fstype}, options...) {
		k, v, valued := strings.Cut(o, "=")
		if valued {
			err = unix.FsconfigSetString(fs, k, v)
		} else {
			err = unix.FsconfigSetFlag(fs, k)
		}
		if err != nil {
			return 0, fmt.Errorf("mount %s with %s: %w", fstype, o, err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return 0, fmt.Errorf("mount %s: %w", fstype, err)
	}
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, attrs)
	if err != nil {
		return 0, fmt.Errorf("mount %s: %w", fstype, err)
	}
	return fd, nil
}

// cloneTree makes a detached copy of what is mounted at path.
func cloneTree(path string, readOnly bool) (int, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return 0, fmt.Errorf("bind %s: %w", path, err)
	}
	if readOnly {
		if err := setReadOnly(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE); err != nil {
			return 0, fmt.Errorf("bind %s read-only: %w", path, err)
		}
	}
	return fd, nil
}

func setReadOnly(fd int, path string, flags uint) error {
	return unix.MountSetattr(fd, path, flags, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
}
