package cli

import (
	"os"
	"runtime/debug"
)

// Most verbs end before their heap is eight megabytes large: a collection that starts at
// four only costs them its own memory and milliseconds. A cloud runs on, and is collected
// as usual. $GOGC has its meaning for both.
const (
	brief  = 200
	steady = 100
)

// collect sets how far the heap grows, in percent, before it is collected.
func collect(percent int) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(percent)
	}
}
