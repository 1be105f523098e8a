//go:build unix && !linux

package bench

import (
	"os"
	"runtime"
	"syscall"
)

func memoryOf(s *os.ProcessState) int64 {
	u, ok := s.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" { // counts bytes, others kilobytes
		return u.Maxrss
	}
	return u.Maxrss << 10
}
