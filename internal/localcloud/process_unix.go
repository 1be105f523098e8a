//go:build unix

package localcloud

import (
	"errors"
	"syscall"
)

// Running tells whether a process is there.
func Running(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// End asks a process to end; one that is gone is no error.
func End(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGTERM); !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// Detached starts a process in a session of its own, which a terminal's Ctrl-C and its
// end do not reach.
func Detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
