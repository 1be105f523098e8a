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
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
)

// unpackAll lays an image's layers out below dir, the lowest first.
func unpackAll(img v1.Image, dir string) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for i, l := range layers {
		if err := unpackLayer(l, dir); err != nil {
			return fmt.Errorf("unpack layer %d: %w", i+1, err)
		}
	}
	return nil
}

func unpackLayer(l v1.Layer, dir string) error {
	rc, err := l.Uncompressed()
	if err != nil {
		return err
	}
	_, err = applyTar(dir, rc)
	return errors.Join(err, rc.Close())
}

// applyTar lays a layer's tar over the files below dir: whiteouts remove, the rest is
// added or replaced. Nothing outside of dir is reached, whatever names and links say. It
// returns what it wrote.
func applyTar(dir string, r io.Reader) (map[string]bool, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // everything below it was closed
	a := &applier{dir: dir, root: root, written: map[string]bool{}}
	for t := tar.NewReader(r); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return a.written, nil
		}
		if err != nil {
			return nil, err
		}
		if err := a.entry(h, t); err != nil {
			return nil, fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

type applier struct {
	dir     string
	root    *os.Root
	written map[string]bool // by this layer, for its opaque folders
}

func (a *applier) entry(h *tar.Header, r io.Reader) error {
	name := path.Clean("/" + h.Name)
	if name == "/" {
		return nil
	}
	parent, err := within(a.dir, path.Dir(name), true)
	if err != nil {
		return err
	}
	base := path.Base(name)
	if base == opaqueMarker {
		return a.clear(parent)
	}
	if hidden, ok := strings.CutPrefix(base, whiteoutPrefix); ok {
		return a.remove(path.Join(parent, hidden))
	}
	if parent != "" {
		if err := a.root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	p := path.Join(parent, base)
	a.written[p] = true
	return a.place(p, h, r)
}

// remove removes what a lower layer has at p.
func (a *applier) remove(p string) error {
	return removeAll(filepath.Join(a.dir, filepath.FromSlash(p)))
}

// clear empties a folder of what lower layers have in it.
func (a *applier) clear(p string) error {
	entries, err := os.ReadDir(filepath.Join(a.dir, filepath.FromSlash(p)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if inner := path.Join(p, e.Name()); !a.written[inner] {
			err = errors.Join(err, a.remove(inner))
		}
	}
	return err
}

// place makes one file, folder or link at p, whose parent is there.
func (a *applier) place(p string, h *tar.Header, r io.Reader) error {
	if old, err := a.root.Lstat(p); err == nil && !(old.IsDir() && h.Typeflag == tar.TypeDir) {
		if err := a.remove(p); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if err := a.root.MkdirAll(p, 0o755); err != nil {
			return err
		}
	case tar.TypeSymlink:
		return errors.Join(a.root.Symlink(h.Linkname, p), own(a.root, p, h.Uid, h.Gid))
	case tar.TypeLink:
		to, err := within(a.dir, "/"+h.Linkname, false)
		if err != nil {
			return err
		}
		return a.root.Link(to, p)
	case tar.TypeReg:
		if err := writeNew(a.root, p, r); err != nil {
			return err
		}
	default:
		return nil // device nodes and pipes: /dev is mounted when something runs
	}
	mode := fileMode(h.Mode)
	if err := errors.Join(own(a.root, p, h.Uid, h.Gid), a.root.Chmod(p, mode)); err != nil {
		return err
	}
	return setCapability(filepath.Join(a.dir, filepath.FromSlash(p)), h.PAXRecords[capabilityRecord])
}

func writeNew(root *os.Root, p string, r io.Reader) error {
	f, err := root.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// capabilityRecord is how a tar tells what setcap gave to a program.
const capabilityRecord = "SCHILY.xattr.security.capability"

// specials are set-user-id, set-group-id and sticky, in tar and in Go.
var specials = map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky}

// fileMode reads a mode as tar writes it.
func fileMode(mode int64) fs.FileMode {
	m := fs.FileMode(mode).Perm()
	for bit, fm := range specials {
		if mode&bit != 0 {
			m |= fm
		}
	}
	return m
}

// own gives a file its owner where this process may.
func own(root *os.Root, p string, uid, gid int) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return root.Lchown(p, uid, gid)
}
