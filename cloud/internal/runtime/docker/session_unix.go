//go:build unix

package docker

import "syscall"

// ownSession detaches a child from the terminal.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// killPID ends a process of this machine, if we may.
func killPID(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }
