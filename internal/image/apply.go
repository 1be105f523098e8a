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
)

const (
	whiteoutPrefix = ".wh."
	opaqueMarker   = ".wh..wh..opq"
)

// apply lays a layer's tar over the tree: whiteouts remove, the rest is added or replaced.
// Nothing outside of the tree is reached, whatever names and links say.
func (t *tree) apply(r io.Reader) error {
	root, err := os.OpenRoot(t.root)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // everything below it was closed
	a := &applier{tree: t, dir: root, written: map[string]bool{}}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := a.entry(h, tr); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

type applier struct {
	*tree
	dir     *os.Root
	written map[string]bool // by this layer, for its opaque folders
}

func (a *applier) entry(h *tar.Header, r io.Reader) error {
	name := path.Clean("/" + h.Name)
	if name == "/" {
		return nil
	}
	parent, err := within(a.root, path.Dir(name), true)
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
		if err := a.dir.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	p := path.Join(parent, base)
	a.written[p] = true
	return a.place(p, h, r)
}

// clear empties a folder of what lower layers have in it.
func (a *applier) clear(p string) error {
	entries, err := os.ReadDir(filepath.Join(a.root, filepath.FromSlash(p)))
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
	if old, err := a.dir.Lstat(p); err == nil && !(old.IsDir() && h.Typeflag == tar.TypeDir) {
		if err := a.remove(p); err != nil {
			return err
		}
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if err := a.dir.MkdirAll(p, 0o755); err != nil {
			return err
		}
	case tar.TypeSymlink:
		return errors.Join(a.dir.Symlink(h.Linkname, p), a.own(a.dir, p, owner{h.Uid, h.Gid}))
	case tar.TypeLink:
		to, err := within(a.root, "/"+h.Linkname, false)
		if err != nil {
			return err
		}
		return a.dir.Link(to, p)
	case tar.TypeReg:
		if err := writeNew(a.dir, p, r); err != nil {
			return err
		}
	default:
		return nil // device nodes and pipes: /dev is mounted when something runs
	}
	mode := fileMode(h.Mode)
	if err := errors.Join(a.own(a.dir, p, owner{h.Uid, h.Gid}), a.dir.Chmod(p, mode)); err != nil {
		return err
	}
	return setCapability(filepath.Join(a.root, filepath.FromSlash(p)), h.PAXRecords[capabilityRecord])
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
