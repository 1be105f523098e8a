package cloud

import (
	"os"
	"path/filepath"
)

// temporaryPrefix begins the names of ephemeral clouds' folders.
const temporaryPrefix = "turnout-cloud-"

// temporary makes the folder of an ephemeral cloud, locked as long as its process lives,
// and removes those of clouds that were killed and could not.
func temporary() (dir string, lock *os.File, err error) {
	others, err := filepath.Glob(filepath.Join(os.TempDir(), temporaryPrefix+"*"))
	if err != nil {
		return "", nil, err
	}
	for _, other := range others {
		f, err := os.OpenFile(filepath.Join(other, lockFile), os.O_RDWR, 0o600)
		if err != nil {
			continue // not one of ours, or just being made
		}
		if tryLock(f) {
			_ = os.RemoveAll(other) // what cannot be removed is tried again next time
		}
		_ = f.Close() // only looked at
	}
	if dir, err = os.MkdirTemp("", temporaryPrefix); err != nil {
		return "", nil, err
	}
	// The lock is taken before the file has its name, so that nobody finds it unlocked.
	if lock, err = os.CreateTemp(dir, lockFile+"-"); err != nil {
		return dir, nil, err
	}
	tryLock(lock)
	return dir, lock, os.Rename(lock.Name(), filepath.Join(dir, lockFile))
}

// lockFile tells whether the process that made a folder lives.
const lockFile = "lock"
