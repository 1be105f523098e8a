package bench

import (
	"runtime"
	"strings"
	"testing"
)

// A command's memory is its own, however large the process that has it started.
func TestPeakIsTheCommandsOwn(t *testing.T) {
	large := make([]byte, 64<<20)
	for i := range large {
		large[i] = 1
	}
	b := &bench{dir: t.TempDir()}
	got, err := b.peak(t.Context(), []string{"/bin/sh", "-c", "exit 0"})
	runtime.KeepAlive(large)
	if err != nil || got < 64<<10 || got > 16<<20 {
		t.Errorf("a shell takes %d bytes, %v", got, err)
	}
	if _, err := b.peak(t.Context(), []string{"/bin/sh", "-c", "echo no service; exit 3"}); err == nil || !strings.Contains(err.Error(), "exit status 3\nno service") {
		t.Errorf("a command that fails: %v", err)
	}
}
