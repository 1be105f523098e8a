package cloud

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// ErrSnapshot is matched by the error of a file that is no snapshot of a cloud.
var ErrSnapshot = errors.New("not a snapshot of a local cloud")

// snapshotFolders are what a snapshot holds beside the state file: images, objects, logs
// and functions' code. Running tasks are not in it; they are started anew from their definitions.
var snapshotFolders = []string{"registry", "objects", "logs", "functions"}

// snapshotMark is the first entry of every snapshot, with the version of its form.
const snapshotMark = "turnout-snapshot-1"

// Snapshot writes the cloud's state to w, a tar archive under Zstandard, while the cloud
// goes on. Restore brings it back, in this cloud or another one.
func (c *Cloud) Snapshot(w io.Writer) error {
	c.change.Lock()
	defer c.change.Unlock()
	dir, err := os.MkdirTemp("", "turnout-snapshot-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	state := filepath.Join(dir, stateFile)
	if err := c.store.Snapshot(state); err != nil {
		return err
	}
	z, err := zstd.NewWriter(w)
	if err != nil {
		return err
	}
	t := tar.NewWriter(z)
	if err := t.WriteHeader(&tar.Header{Name: snapshotMark, Typeflag: tar.TypeReg, Mode: 0o600}); err != nil {
		return err
	}
	// The files come after the state that names them: what is stored meanwhile is more
	// than the state knows of, and does no harm.
	if err := archive(t, dir, stateFile); err != nil {
		return err
	}
	for _, folder := range snapshotFolders {
		if err := archive(t, c.dir, folder); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// archive adds the files at and below dir/name.
func archive(t *tar.Writer, dir, name string) error {
	return filepath.WalkDir(filepath.Join(dir, name), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nothing was stored there yet, or it was deleted just now
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return add(t, path, filepath.ToSlash(rel))
	})
}

func add(t *tar.Writer, path, name string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := t.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime()}); err != nil {
		return err
	}
	_, err = io.Copy(t, io.LimitReader(f, info.Size())) // a log may grow meanwhile
	return err
}

// Restore takes the cloud back to a snapshot. The archive is read whole and checked
// before anything of the present state is touched. Services start their tasks anew; a
// deployment that was active in the snapshot goes on.
func (c *Cloud) Restore(ctx context.Context, r io.Reader) error {
	dir, err := os.MkdirTemp(filepath.Dir(c.dir), ".turnout-restore-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := unpack(r, dir); err != nil {
		return fmt.Errorf("%w: %w", ErrSnapshot, err)
	}
	if err := store.Check(filepath.Join(dir, stateFile)); err != nil {
		return fmt.Errorf("%w: its %w", ErrSnapshot, err)
	}
	return c.replace(ctx, func() (string, error) {
		if err := c.wipe(); err != nil {
			return "", err
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			if err := os.Rename(filepath.Join(dir, e.Name()), filepath.Join(c.dir, e.Name())); err != nil {
				return "", err
			}
		}
		return filepath.Join(c.dir, stateFile), nil
	})
}

// unpack writes a snapshot's files below dir.
func unpack(r io.Reader, dir string) error {
	z, err := zstd.NewReader(r)
	if err != nil {
		return err
	}
	defer z.Close()
	t := tar.NewReader(z)
	first, err := t.Next()
	if err != nil {
		return err
	}
	if first.Name != snapshotMark {
		return fmt.Errorf("its first entry is %q", first.Name)
	}
	state := false
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) && state {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return errors.New("it has no state")
		}
		if err != nil {
			return err
		}
		top, _, _ := strings.Cut(h.Name, "/")
		if !filepath.IsLocal(h.Name) || (top != stateFile && !isSnapshotFolder(top)) || h.Typeflag != tar.TypeReg {
			return fmt.Errorf("unexpected entry %q", h.Name)
		}
		state = state || h.Name == stateFile
		if err := extract(t, filepath.Join(dir, filepath.FromSlash(h.Name))); err != nil {
			return err
		}
	}
}

func isSnapshotFolder(name string) bool {
	for _, f := range snapshotFolders {
		if f == name {
			return true
		}
	}
	return false
}

func extract(r io.Reader, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
