package runtime

import (
	"os"
	goruntime "runtime"
)

// Emulated tells whether this machine's kernel has an interpreter for the programs of an
// architecture (a GOARCH) that is not its own.
func Emulated(arch string) bool {
	qemu := map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i386"}[arch]
	if qemu == "" {
		qemu = arch
	}
	if arch == "386" && goruntime.GOARCH == "amd64" {
		return true
	}
	_, err := os.Stat("/proc/sys/fs/binfmt_misc/qemu-" + qemu)
	return err == nil
}
