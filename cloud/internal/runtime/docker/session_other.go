//go:build !unix

package docker

import "syscall"

func ownSession() *syscall.SysProcAttr { return nil }

// killPID is only asked of engines on this machine, which there are none of here.
func killPID(int) {}
