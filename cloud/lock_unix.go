//go:build unix

package cloud

import (
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the lock that ends with the process, and tells whether it could.
func tryLock(f *os.File) bool {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}
