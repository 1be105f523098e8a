package localcloud

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestAHandleIsFoundWhileItsProcessRuns(t *testing.T) {
	dir := t.TempDir()
	if _, err := Read(dir); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	h := Handle{Endpoint: "http://127.0.0.1:4566", SecretAccessKey: "secret", PID: os.Getpid()}
	for range 2 { // the second one replaces the first
		if err := Write(dir, h); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Read(dir)
	if err != nil || *got != h {
		t.Errorf("%+v, %v", got, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%d files, %v", len(files), err)
	}
	if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
	for range 2 {
		if err := Remove(dir); err != nil {
			t.Error(err)
		}
	}
}

func TestAHandleThatWasLeftBehind(t *testing.T) {
	gone := exec.Command("go", "version")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := Write(dir, Handle{PID: gone.Process.Pid}); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
	if err := End(gone.Process.Pid); err != nil {
		t.Errorf("what is gone cannot be ended: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), []byte("{torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(dir); err == nil || errors.Is(err, ErrNone) {
		t.Errorf("a torn file: %v", err)
	}
}
