package seal_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/seal"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func open(t *testing.T, file string) (*seal.Box, *store.Store) {
	t.Helper()
	st, err := store.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	b, err := seal.Open(st)
	if err != nil {
		t.Fatal(err)
	}
	return b, st
}

func TestWhatIsSealedOpensAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	b, st := open(t, file)
	sealed := b.Seal("db", []byte("hunter2"))
	if bytes.Contains(sealed, []byte("hunter2")) || bytes.Equal(sealed, b.Seal("db", []byte("hunter2"))) {
		t.Error("sealed values show something")
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	b, st = open(t, file)
	defer func() { _ = st.Close() }() // only read
	if plain, err := b.Open("db", sealed); err != nil || string(plain) != "hunter2" {
		t.Errorf("opened %q, %v", plain, err)
	}
	if _, err := b.Open("other", sealed); !errors.Is(err, seal.ErrBroken) {
		t.Errorf("under another name: %v", err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := b.Open("db", sealed); !errors.Is(err, seal.ErrBroken) {
		t.Errorf("damaged: %v", err)
	}
}
