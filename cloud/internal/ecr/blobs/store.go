package blobs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrUnknown is returned for blobs and uploads that are not there.
var ErrUnknown = errors.New("blob unknown")

// ErrDigest is returned when content does not have the digest that was claimed.
var ErrDigest = errors.New("content does not match the digest")

// Store is a folder of blobs. Its methods may be called at the same time.
type Store struct {
	dir     string
	mu      sync.Mutex
	uploads map[string]*Upload // those that were touched since the start
}

// Open makes or opens the folder.
func Open(dir string) (*Store, error) {
	for _, d := range []string{"sha256", "sha512", "uploads"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return nil, err
		}
	}
	return &Store{dir: dir, uploads: map[string]*Upload{}}, nil
}

// path is where a blob stands; d is valid.
func (s *Store) path(d string) string {
	return filepath.Join(s.dir, d[:len("sha256")], d[len("sha256:"):])
}

// Open opens a blob for reading.
func (s *Store) Open(d string) (*os.File, error) {
	if !Valid(d) {
		return nil, ErrUnknown
	}
	f, err := os.Open(s.path(d))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrUnknown
	}
	return f, err
}

// Read returns a whole small blob: a manifest, a configuration.
func (s *Store) Read(d string) ([]byte, error) {
	f, err := s.Open(d)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	return b, errors.Join(err, f.Close())
}

// Put stores a small blob under its digest.
func (s *Store) Put(d string, b []byte) (err error) {
	if !Valid(d) || Of(b, d) != d {
		return ErrDigest
	}
	if s.has(d) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Join(s.dir, "uploads"), "put-")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = s.publish(f.Name(), d)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error matters; Sweep takes what is left
		return fmt.Errorf("store %s: %w", d, err)
	}
	return nil
}

func (s *Store) has(d string) bool {
	_, err := os.Stat(s.path(d))
	return err == nil
}

// publish gives a complete, synced file its digest's name.
func (s *Store) publish(file, d string) error {
	if err := os.Rename(file, s.path(d)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(s.path(d)))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Remove removes a blob; readers that have it open can still read it.
func (s *Store) Remove(d string) error {
	if err := os.Remove(s.path(d)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// All iterates over the digests of all blobs.
func (s *Store) All() iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, algorithm := range []string{"sha256", "sha512"} {
			entries, err := os.ReadDir(filepath.Join(s.dir, algorithm))
			if err != nil {
				return // nothing is known to be there
			}
			for _, e := range entries {
				if d := algorithm + ":" + e.Name(); Valid(d) && !yield(d) {
					return
				}
			}
		}
	}
}

// Sweep removes uploads and temporary files that nobody has written to since before.
func (s *Store) Sweep(before time.Time) error {
	dir := filepath.Join(s.dir, "uploads")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		st, err := e.Info()
		if err != nil || !st.ModTime().Before(before) {
			continue // finished or in use
		}
		s.forget(e.Name())
		if err := os.Remove(filepath.Join(dir, e.Name())); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
