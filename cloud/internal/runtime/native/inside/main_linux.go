package inside

import (
	"fmt"
	"math"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

func init() {
	if len(os.Args) < 2 || os.Args[0] != Name {
		return
	}
	runtime.LockOSThread() // credentials and namespaces belong to threads
	// Whatever the cloud was started with, and what is for us, is not for containers.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		fmt.Fprintln(os.Stderr, Name+": close descriptors:", err)
		os.Exit(1)
	}
	os.Exit(run(os.Args[1]))
}

// run is the whole life of a process under our name.
func run(kind string) int {
	switch kind {
	case KindHolder:
		return hold(controlFile)
	case KindContainer:
		return becomeContainer()
	case KindTrial:
		return try()
	}
	fmt.Fprintln(os.Stderr, Name+": no such kind of process:", kind)
	return 2
}
