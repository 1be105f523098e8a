package scaffold

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if d.IsDir() {
			out[rel+"/"] = ""
			return nil
		}
		b, err := os.ReadFile(p)
		out[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestWriteNeverReplacesUnasked(t *testing.T) {
	dir := t.TempDir()
	files := []File{{"a.yml", []byte("new")}, {"x/y/b.tf", []byte("b")}}
	if err := os.WriteFile(filepath.Join(dir, "a.yml"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Write(dir, files, false); err == nil || !strings.Contains(err.Error(), "standing already: a.yml") {
		t.Fatalf("got %v", err)
	}
	if got := tree(t, dir); len(got) != 1 || got["a.yml"] != "mine" {
		t.Fatalf("something was written: %v", got)
	}
	wrote, err := Write(dir, files, true)
	if err != nil || !slices.Equal(wrote, []string{"a.yml", "x/y/b.tf"}) {
		t.Fatalf("wrote %v, %v", wrote, err)
	}
	if got := tree(t, dir); len(got) != 4 || got["a.yml"] != "new" || got["x/y/b.tf"] != "b" {
		t.Errorf("got %v", got)
	}
	if wrote, err := Write(dir, files, false); err != nil || len(wrote) != 0 {
		t.Errorf("a second time: wrote %v, %v", wrote, err)
	}
}

// The last file cannot be written, since a folder stands in its place: all others are
// taken back, and what was replaced stands again.
func TestWriteTakesBackWhatItWrote(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yml"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	long := strings.Repeat("n", 300) // no file system takes this name
	_, err := Write(dir, []File{{"a.yml", []byte("new")}, {"sub/b", nil}, {"c/" + long + "/d", nil}}, true)
	if err == nil {
		t.Fatal("no error")
	}
	after := tree(t, dir)
	if len(after) != len(before) || after["a.yml"] != "mine" {
		t.Errorf("left %v", after)
	}
}

func TestCommitFailingHalfWayIsTakenBack(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := &writer{}
	for _, name := range []string{"a", "b"} {
		if err := w.stage(filepath.Join(dir, name), []byte("new")); err != nil {
			t.Fatal(err)
		}
	}
	gone := w.staged[1].next
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	if err := w.commit(); err == nil {
		t.Fatal("no error")
	}
	_ = w.undo() // tells that the staged file is gone
	if got := tree(t, dir); len(got) != 1 || got["a"] != "mine" {
		t.Errorf("left %v", got)
	}
}

func TestWriteStaysInItsFolder(t *testing.T) {
	if _, err := Write(t.TempDir(), []File{{"../x", nil}}, true); err == nil || !strings.Contains(err.Error(), "does not stand below") {
		t.Errorf("got %v", err)
	}
}
