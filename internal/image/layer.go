package image

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layer is what one command adds: it writes into the stage's file system (through os.Root,
// so no link leads out of it) and remembers what it wrote.
type layer struct {
	s        *stage
	root     *os.Root
	open     error // of root, told by the first write
	uid, gid int
	mode     *fs.FileMode // of all files, from --chmod
	entries  map[string]tar.Header
}

func newLayer(s *stage) *layer {
	l := &layer{s: s, entries: map[string]tar.Header{}}
	l.root, l.open = os.OpenRoot(s.root)
	return l
}

// rel is an image path as os.Root and tar want it.
func rel(p string) string { return strings.TrimPrefix(path.Clean(p), "/") }

func (l *layer) drop() error {
	if l.open != nil {
		return nil
	}
	return l.root.Close()
}

// folder makes a folder with its parents, all 0755.
func (l *layer) folder(p string) error { return l.folderMode(p, 0o755) }

func (l *layer) folderMode(p string, mode fs.FileMode) error {
	if l.open != nil {
		return l.open
	}
	p = rel(p)
	if p == "" || p == "." {
		return nil
	}
	if err := l.folderMode(path.Dir(p), 0o755); path.Dir(p) != "." && err != nil {
		return err
	}
	if st, err := l.root.Stat(p); err == nil {
		if !st.IsDir() {
			return fmt.Errorf("/%s is no folder", p)
		}
		return nil
	}
	if err := l.root.Mkdir(p, 0o755); err != nil {
		return err
	}
	l.entries[p] = tar.Header{Typeflag: tar.TypeDir, Name: p + "/", Mode: int64(mode)}
	return nil
}

func (l *layer) file(p string, data []byte, mode fs.FileMode) error {
	return l.write(p, mode, func(w io.Writer) (int64, error) {
		n, err := w.Write(data)
		return int64(n), err
	})
}

func (l *layer) copyFile(from, to string, mode fs.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	return l.write(to, mode.Perm(), func(w io.Writer) (int64, error) { return io.Copy(w, in) })
}

func (l *layer) write(p string, mode fs.FileMode, fill func(io.Writer) (int64, error)) error {
	if err := l.folder(path.Dir(path.Clean("/" + p))); err != nil {
		return err
	}
	p = rel(p)
	if st, err := l.root.Lstat(p); err == nil && !st.IsDir() {
		if err := l.root.Remove(p); err != nil { // a hard link of another stage keeps its own
			return err
		}
	}
	if l.mode != nil {
		mode = *l.mode
	}
	f, err := l.root.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	n, err := fill(f)
	if err = errors.Join(err, f.Chmod(mode.Perm()), f.Close()); err != nil {
		return err
	}
	l.entries[p] = tar.Header{Typeflag: tar.TypeReg, Name: p, Mode: int64(mode.Perm()), Size: n}
	return nil
}

func (l *layer) symlink(p, link string) error {
	if err := l.folder(path.Dir(path.Clean("/" + p))); err != nil {
		return err
	}
	p = rel(p)
	if st, err := l.root.Lstat(p); err == nil && !st.IsDir() {
		if err := l.root.Remove(p); err != nil {
			return err
		}
	}
	if err := l.root.Symlink(link, p); err != nil {
		return err
	}
	l.entries[p] = tar.Header{Typeflag: tar.TypeSymlink, Name: p, Linkname: link, Mode: 0o777}
	return nil
}

// commit makes an image layer of what was written, if anything was.
func (l *layer) commit(by string) error {
	defer func() { _ = l.drop() }() // everything was written and closed
	names := make([]string, 0, len(l.entries))
	for n := range l.entries {
		names = append(names, n)
	}
	slices.Sort(names)
	return l.s.appendLayer(by, len(names) == 0, func(w *tar.Writer) error {
		for _, n := range names {
			h := l.entries[n]
			h.Uid, h.Gid, h.ModTime, h.Format = l.uid, l.gid, l.s.d.epoch(), tar.FormatPAX
			if err := w.WriteHeader(&h); err != nil {
				return err
			}
			if h.Typeflag != tar.TypeReg {
				continue
			}
			if err := copyInto(w, filepath.Join(l.s.root, filepath.FromSlash(n))); err != nil {
				return err
			}
		}
		return nil
	})
}

func copyInto(w io.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	_, err = io.Copy(w, f)
	return err
}

// appendLayer writes a tar to the work folder and puts it onto the image, with history.
func (s *stage) appendLayer(by string, empty bool, fill func(*tar.Writer) error) error {
	history := v1.History{CreatedBy: by, Created: v1.Time{Time: s.d.epoch()}, EmptyLayer: empty}
	if empty {
		return nil
	}
	f, err := os.CreateTemp(s.d.work, "layer-*.tar")
	if err != nil {
		return err
	}
	w := tar.NewWriter(f)
	err = fill(w)
	if err = errors.Join(err, w.Close(), f.Close()); err != nil {
		return err
	}
	kind := types.OCILayer
	if mt, err := s.img.MediaType(); err == nil && mt == types.DockerManifestSchema2 {
		kind = types.DockerLayer
	}
	layer, err := tarball.LayerFromFile(f.Name(), tarball.WithMediaType(kind))
	if err != nil {
		return err
	}
	s.img, err = mutate.Append(s.img, mutate.Addendum{Layer: layer, History: history, MediaType: kind})
	return err
}
