package image

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const capabilityAttr = "security.capability"

// capability is what setcap gave to a program, or "".
func capability(file string) string {
	b := make([]byte, 64)
	n, err := unix.Lgetxattr(file, capabilityAttr, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// setCapability gives it again, where this process may.
func setCapability(file, value string) error {
	if value == "" || os.Geteuid() != 0 {
		return nil
	}
	err := unix.Lsetxattr(file, capabilityAttr, []byte(value), 0)
	if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) {
		return nil // this file system, or this container, has none
	}
	return err
}

// chownAs gives dst the owner of st where this process may.
func chownAs(dst string, st fs.FileInfo) error {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(dst, int(sys.Uid), int(sys.Gid))
}
