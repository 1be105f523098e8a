package cloud

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFoldersOfKilledCloudsGo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	killed, lock, err := temporary()
	if err != nil {
		t.Fatal(err)
	}
	alive, held, err := temporary()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	foreign := filepath.Join(os.TempDir(), temporaryPrefix+"foreign")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	_ = lock.Close() // as the kernel does for a process that ends
	_, mine, err := temporary()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mine.Close() }()
	for dir, stays := range map[string]bool{killed: false, alive: true, foreign: true} {
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
