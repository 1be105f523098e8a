//go:build !unix

package cloud

import "os"

// tryLock cannot tell here whether another process lives, and leaves its folder alone.
func tryLock(*os.File) bool { return false }
