package layers

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Names with which layers say what they delete.
const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// extractor unpacks one archive below a folder.
type extractor struct {
	root   *os.Root
	owners bool
	dirs   []tar.Header // modes and times come last: writing into a folder needs the one and changes the other
}

func (s *Store) extract(content io.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	x := &extractor{root: root, owners: s.owners}
	for in := tar.NewReader(content); ; {
		h, err := in.Next()
		if err == io.EOF {
			return x.finishDirs()
		}
		if err != nil {
			return fmt.Errorf("read archive: %w", err)
		}
		if err := x.entry(h, in); err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
	}
}

// entry unpacks one entry.
func (x *extractor) entry(h *tar.Header, content io.Reader) error {
	name, err := x.place(h.Name)
	if err != nil {
		return err
	}
	base := path.Base(name)
	switch {
	case name == ".":
		if h.Typeflag == tar.TypeDir {
			return x.dir(h, name)
		}
		return nil
	case base == opaque:
		return x.markOpaque(path.Dir(name))
	case strings.HasPrefix(base, whiteout+whiteout): // bookkeeping of other storage drivers
		return nil
	case strings.HasPrefix(base, whiteout):
		return x.whiteout(path.Join(path.Dir(name), strings.TrimPrefix(base, whiteout)))
	case h.Typeflag == tar.TypeDir:
		return x.dir(h, name)
	}
	if err := x.clear(name); err != nil {
		return err
	}
	return x.make(h, name, content)
}

// place is where an entry goes: its path below the root without links, so that links
// written for a root directory ("/usr") lead there.
func (x *extractor) place(name string) (string, error) {
	clean := strings.TrimPrefix(path.Clean("/"+name), "/")
	if clean == "" {
		return ".", nil
	}
	dir, err := x.follow(path.Dir(clean), 0)
	if err != nil {
		return "", err
	}
	if err := x.root.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	return path.Join(dir, path.Base(clean)), nil
}

// follow resolves links in a path that is relative to the root.
func (x *extractor) follow(name string, links int) (string, error) {
	at := "."
	rest := name
	for rest != "" && rest != "." {
		var first string
		first, rest, _ = strings.Cut(rest, "/")
		next := path.Join(at, first)
		target, err := x.root.Readlink(next)
		if err != nil { // no link, or nothing there yet
			at = next
			continue
		}
		if links++; links > 40 {
			return "", unix.ELOOP
		}
		if !path.IsAbs(target) {
			target = path.Join("/", at, target)
		}
		return x.follow(path.Join(strings.TrimPrefix(path.Clean(target), "/"), rest), links)
	}
	return at, nil
}

// clear removes what an entry replaces.
func (x *extractor) clear(name string) error {
	if _, err := x.root.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return x.root.RemoveAll(name)
}

func (x *extractor) dir(h *tar.Header, name string) error {
	info, err := x.root.Lstat(name)
	hidden := err == nil && info.Mode()&fs.ModeCharDevice != 0
	if err == nil && !info.IsDir() {
		if err := x.root.Remove(name); err != nil {
			return err
		}
	}
	if err != nil || !info.IsDir() {
		if err := x.root.Mkdir(name, 0o755); err != nil {
			return err
		}
	}
	if hidden { // the layer deleted it and made it anew
		if err := x.markOpaque(name); err != nil {
			return err
		}
	}
	kept := *h
	kept.Name = name
	x.dirs = append(x.dirs, kept)
	return x.own(h, name)
}

// whiteout hides what lower layers have under a name.
func (x *extractor) whiteout(name string) error {
	if info, err := x.root.Lstat(name); err == nil {
		if info.IsDir() { // this layer's own stays
			return x.markOpaque(name)
		}
		return nil
	}
	return x.at(name, func(dir int, base string) error {
		return unix.Mknodat(dir, base, unix.S_IFCHR, 0)
	})
}

func (x *extractor) markOpaque(name string) error {
	if err := x.root.MkdirAll(name, 0o755); err != nil {
		return err
	}
	f, err := x.root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Fsetxattr(int(f.Fd()), "user.overlay.opaque", []byte("y"), 0); err != nil {
		return fmt.Errorf("mark as opaque: %w", err)
	}
	return nil
}

// at calls f with the folder of name, for system calls that os.Root does not have.
func (x *extractor) at(name string, f func(dir int, base string) error) error {
	dir, err := x.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	return f(int(dir.Fd()), path.Base(name))
}

// finishDirs sets modes and times of folders, children first.
func (x *extractor) finishDirs() error {
	for i := len(x.dirs) - 1; i >= 0; i-- {
		h := x.dirs[i]
		if info, err := x.root.Lstat(h.Name); err != nil || !info.IsDir() {
			continue // replaced by a later entry
		}
		if err := x.root.Chtimes(h.Name, time.Time{}, h.ModTime); err != nil {
			return err
		}
		if err := x.root.Chmod(h.Name, h.FileInfo().Mode()&modes); err != nil {
			return err
		}
	}
	return nil
}

const modes = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky
