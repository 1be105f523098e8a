package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A state file that has been cut is an error, wherever that was; the process that opens it
// does not die of reading beyond its end.
func TestACutStateFileIsAnError(t *testing.T) {
	s, rows := open(t, "")
	for _, k := range []string{"a", "b", "c"} {
		if err := s.Update(func(tx *Tx) error { rows.Put(tx, k, row{Text: k}); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "state")
	if err := s.Snapshot(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := 0
	for size := 0; size < len(content); size += 512 {
		if err := os.WriteFile(path, content[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := OpenMemory(path)
		if errors.Is(err, errDamaged) {
			damaged++
		}
		if err == nil { // what was cut off was not in use
			if _, err := NewTable[row](s, "rows"); err != nil {
				t.Errorf("cut at %d: %v", size, err)
			}
		}
	}
	if damaged == 0 {
		t.Error("no cut was noticed")
	}
}
