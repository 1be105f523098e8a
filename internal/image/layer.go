package image

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layer is what one command adds: it writes into the stage's file system and remembers
// what it wrote. Links are read as the image reads them, and nothing outside of the stage
// is written, whatever they say.
type layer struct {
	s       *stage
	root    *os.Root
	chown   *owner       // of everything, from --chown
	mode    *fs.FileMode // of all files and copied folders, from --chmod
	entries map[string]tar.Header
}

func newLayer(s *stage) (*layer, error) {
	root, err := os.OpenRoot(s.root)
	return &layer{s: s, root: root, entries: map[string]tar.Header{}}, err
}

func (l *layer) close() { _ = l.root.Close() } // what was written was closed

// folder makes a folder with its parents, all 0755, and returns its real path.
func (l *layer) folder(p string) (string, error) {
	p, err := within(l.s.root, p, true)
	if err != nil || p == "" {
		return p, err
	}
	for i := range len(p) + 1 {
		if i < len(p) && p[i] != '/' {
			continue
		}
		if err := l.mkdir(p[:i], 0o755, owner{}); err != nil {
			return p, err
		}
	}
	return p, nil
}

// mkdir makes one folder whose parent is there; one that is there stays as it is.
func (l *layer) mkdir(p string, mode fs.FileMode, o owner) error {
	if st, err := l.root.Lstat(p); err == nil {
		if !st.IsDir() {
			return fmt.Errorf("/%s is no folder", p)
		}
		return nil
	}
	if err := l.root.Mkdir(p, 0o755); err != nil {
		return err
	}
	if privileged() { // anybody else might lock himself out
		if err := l.root.Chmod(p, mode); err != nil {
			return err
		}
	}
	return l.own(p, o, tar.Header{Typeflag: tar.TypeDir, Name: p + "/", Mode: tarMode(mode)})
}

// own gives a file to its owner and remembers it for the layer.
func (l *layer) own(p string, o owner, h tar.Header) error {
	if l.chown != nil {
		o = *l.chown
	}
	h.Uid, h.Gid = o.uid, o.gid
	l.entries[p] = h
	return l.s.own(l.root, p, o)
}

// copyFolder makes a folder that is copied from one with a mode.
func (l *layer) copyFolder(p string, mode fs.FileMode, o owner) error {
	parent, err := l.folder(path.Dir(p))
	if err != nil {
		return err
	}
	if l.mode != nil {
		mode = *l.mode
	}
	p, err = within(l.s.root, path.Join(parent, path.Base(p)), true)
	if err != nil {
		return err
	}
	return l.mkdir(p, mode, o)
}

func (l *layer) file(p string, data string, mode fs.FileMode) error {
	return l.write(p, mode, owner{}, strings.NewReader(data))
}

func (l *layer) copyFile(from, to string, mode fs.FileMode, o owner) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	return l.write(to, bits(mode), o, in)
}

// room makes the parents of p, removes a file or link that stands there, and returns its
// real path.
func (l *layer) room(p string) (string, error) {
	parent, err := l.folder(path.Dir(path.Clean("/" + p)))
	if err != nil {
		return "", err
	}
	p = path.Join(parent, path.Base(p))
	if st, err := l.root.Lstat(p); err == nil && !st.IsDir() {
		return p, l.root.Remove(p)
	}
	return p, nil
}

func (l *layer) write(p string, mode fs.FileMode, o owner, r io.Reader) error {
	p, err := l.room(p)
	if err != nil {
		return err
	}
	if l.mode != nil {
		mode = *l.mode
	}
	if err := writeNew(l.root, p, r); err != nil {
		return err
	}
	st, err := l.root.Stat(p)
	if err != nil {
		return err
	}
	h := tar.Header{Typeflag: tar.TypeReg, Name: p, Mode: tarMode(mode), Size: st.Size()}
	return errors.Join(l.own(p, o, h), l.root.Chmod(p, mode)) // chown takes set-user-id away
}

// bits are the permissions of a file with set-user-id, set-group-id and sticky.
func bits(m fs.FileMode) fs.FileMode {
	return m & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// tarMode writes them as tar does.
func tarMode(m fs.FileMode) int64 {
	n := int64(m.Perm())
	for bit, fm := range specials {
		if m&fm != 0 {
			n |= bit
		}
	}
	return n
}

func (l *layer) symlink(p, link string, o owner) error {
	p, err := l.room(p)
	if err != nil {
		return err
	}
	if err := l.root.Symlink(link, p); err != nil {
		return err
	}
	return l.own(p, o, tar.Header{Typeflag: tar.TypeSymlink, Name: p, Linkname: link, Mode: 0o777})
}

// commit makes an image layer of what was written, if anything was.
func (l *layer) commit(by string) error {
	if len(l.entries) == 0 {
		l.s.remember(by, true)
		return nil
	}
	made, err := l.s.makeLayer(func(w *tar.Writer) error {
		for _, n := range slices.Sorted(maps.Keys(l.entries)) {
			h := l.entries[n]
			h.ModTime, h.Format = l.s.d.epoch(), tar.FormatPAX
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
	if err != nil {
		return err
	}
	return l.s.appendLayer(made, by)
}

// makeLayer writes a tar and makes a layer of it.
func (s *stage) makeLayer(fill func(*tar.Writer) error) (*cached, error) {
	f, err := os.CreateTemp(s.d.work, "layer-*.tar")
	if err != nil {
		return nil, err
	}
	n := &counter{w: f, h: sha256.New()}
	w := tar.NewWriter(n)
	err = fill(w)
	if err = errors.Join(err, w.Close(), f.Close()); err != nil {
		return nil, err
	}
	made, err := s.d.cache.compress(n.sum(), func() (io.ReadCloser, error) { return os.Open(f.Name()) })
	return made, errors.Join(err, os.Remove(f.Name()))
}

// appendLayer puts a layer onto the stage's image.
func (s *stage) appendLayer(l *cached, by string) error {
	kind := types.OCILayer
	if mt, err := s.img.MediaType(); err == nil && mt == types.DockerManifestSchema2 {
		kind = types.DockerLayer
	}
	img, err := mutate.Append(s.img, mutate.Addendum{Layer: l.as(kind), MediaType: kind})
	if err != nil {
		return err
	}
	s.img = img
	s.remember(by, false)
	return nil
}

// remember adds to the image's history.
func (s *stage) remember(by string, empty bool) {
	s.history = append(s.history, v1.History{CreatedBy: by, Created: v1.Time{Time: s.d.epoch()}, EmptyLayer: empty})
}
