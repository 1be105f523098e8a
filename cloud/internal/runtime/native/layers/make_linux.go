package layers

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// make makes what is not a folder. Nothing stands in its place.
func (x *extractor) make(h *tar.Header, name string, content io.Reader) error {
	switch h.Typeflag {
	case tar.TypeReg:
		return x.file(h, name, content)
	case tar.TypeSymlink:
		if err := x.root.Symlink(h.Linkname, name); err != nil {
			return err
		}
		return x.own(h, name)
	case tar.TypeLink:
		target, err := x.place(h.Linkname)
		if err != nil {
			return err
		}
		return x.root.Link(target, name)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return x.node(h, name)
	case tar.TypeXGlobalHeader:
		return nil
	}
	return errors.New("unknown type of entry " + string(h.Typeflag))
}

func (x *extractor) file(h *tar.Header, name string, content io.Reader) error {
	f, err := x.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, content); err != nil {
		return err
	}
	if err := x.own(h, name); err != nil {
		return err
	}
	if err := x.attributes(h, f); err != nil {
		return err
	}
	if err := f.Chmod(h.FileInfo().Mode() & modes); err != nil { // after the owner, whose change clears bits
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return x.root.Chtimes(name, time.Time{}, h.ModTime)
}

// attributes sets extended attributes; without root only those of users.
func (x *extractor) attributes(h *tar.Header, f *os.File) error {
	for k, v := range h.PAXRecords {
		name, ok := strings.CutPrefix(k, "SCHILY.xattr.")
		if !ok || !x.owners && !strings.HasPrefix(name, "user.") {
			continue
		}
		err := unix.Fsetxattr(int(f.Fd()), name, []byte(v), 0)
		if err != nil && err != unix.ENOTSUP { // a file system without them is as good as it can be
			return err
		}
	}
	return nil
}

// node makes a device or a pipe. Devices need root, and are left out without it.
func (x *extractor) node(h *tar.Header, name string) error {
	kind := map[byte]uint32{tar.TypeChar: unix.S_IFCHR, tar.TypeBlock: unix.S_IFBLK, tar.TypeFifo: unix.S_IFIFO}[h.Typeflag]
	if !x.owners && h.Typeflag != tar.TypeFifo {
		return nil
	}
	mode := uint32(h.FileInfo().Mode().Perm())
	err := x.at(name, func(dir int, base string) error {
		return unix.Mknodat(dir, base, kind|mode, int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))))
	})
	if err != nil {
		return err
	}
	if err := x.own(h, name); err != nil {
		return err
	}
	return x.root.Chmod(name, h.FileInfo().Mode()&modes)
}

func (x *extractor) own(h *tar.Header, name string) error {
	if !x.owners {
		return nil
	}
	return x.root.Lchown(name, h.Uid, h.Gid)
}
