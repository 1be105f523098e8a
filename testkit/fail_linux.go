package testkit

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Failure is calls to the system that fail.
type Failure struct {
	Calls []uint32
	Errno syscall.Errno
}

// The ways in which disks fail.
var (
	DiskFull   = Failure{[]uint32{unix.SYS_PWRITE64, unix.SYS_FTRUNCATE}, unix.ENOSPC}
	SyncFails  = Failure{[]uint32{unix.SYS_FSYNC, unix.SYS_FDATASYNC}, unix.EIO}
	WriteFails = Failure{[]uint32{unix.SYS_PWRITE64}, unix.EIO}
)

// Begin makes the calls fail in all threads of this process, for good: it is for processes
// that a test starts.
func (f Failure) Begin() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	program := []unix.SockFilter{{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}} // the number of the call
	for _, nr := range f.Calls {
		program = append(program,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: nr, Jf: 1},
			unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(f.Errno)})
	}
	program = append(program, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW})
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return errno
	}
	return nil
}
