package image

import (
	"io/fs"
	"syscall"
)

// diskOwner is a file's owner on disk.
func diskOwner(st fs.FileInfo) owner {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return owner{int(sys.Uid), int(sys.Gid)}
	}
	return owner{}
}
