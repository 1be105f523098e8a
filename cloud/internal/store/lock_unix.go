//go:build unix

package store

import (
	"os"

	"golang.org/x/sys/unix"
)

// inUse tells whether another process, or a store of this one, has the file open. bbolt
// cannot be asked where the file may be damaged.
func inUse(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // which gives the lock back
	return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == unix.EWOULDBLOCK
}
