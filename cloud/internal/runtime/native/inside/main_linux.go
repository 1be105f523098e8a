package inside

import (
	"fmt"
	"os"
	"runtime"
)

func init() {
	if len(os.Args) < 2 || os.Args[0] != Name {
		return
	}
	runtime.LockOSThread() // credentials and namespaces belong to threads
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
