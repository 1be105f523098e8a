package image

import (
	"archive/tar"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// keep makes the overlay's upper folder a layer, notes it under key, and merges it into
// the stage.
func (s *stage) keep(upper, key, by string) error {
	var entries []string
	err := filepath.WalkDir(upper, func(p string, _ fs.DirEntry, err error) error {
		if err == nil && p != upper {
			entries = append(entries, p)
		}
		return err
	})
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		s.remember(by, true)
		return nil
	}
	made, err := s.makeLayer(func(w *tar.Writer) error {
		for _, p := range entries {
			if err := s.pack(w, upper, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, p := range entries {
		if err := s.merge(upper, p); err != nil {
			return err
		}
	}
	return errors.Join(s.appendLayer(made, by), s.d.cache.note(key, made.made))
}

// whiteout tells whether an entry of an upper folder means "deleted".
func whiteout(st fs.FileInfo) bool {
	sys, ok := st.Sys().(*syscall.Stat_t)
	return ok && st.Mode()&fs.ModeCharDevice != 0 && sys.Rdev == 0
}

// opaque tells whether a folder hides what stood below it.
func opaque(p string) bool {
	b := make([]byte, 1)
	for _, attr := range []string{"trusted.overlay.opaque", "user.overlay.opaque"} {
		if n, err := unix.Lgetxattr(p, attr, b); err == nil && n == 1 && b[0] == 'y' {
			return true
		}
	}
	return false
}

// pack writes one entry of the upper folder.
func (s *stage) pack(w *tar.Writer, upper, p string) error {
	st, err := os.Lstat(p)
	if err != nil {
		return err
	}
	inner, err := filepath.Rel(upper, p)
	if err != nil {
		return err
	}
	if whiteout(st) {
		return s.marker(w, filepath.Join(filepath.Dir(inner), whiteoutPrefix+filepath.Base(inner)))
	}
	if st.Mode()&(fs.ModeSocket|fs.ModeNamedPipe|fs.ModeDevice) != 0 {
		return nil // left by a process that is gone
	}
	h, err := s.header(p, inner, st)
	if err != nil {
		return err
	}
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	if st.IsDir() && opaque(p) {
		return s.marker(w, inner+"/"+opaqueMarker)
	}
	if st.Mode().IsRegular() {
		return copyInto(w, p)
	}
	return nil
}

func (s *stage) marker(w *tar.Writer, name string) error {
	return w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, ModTime: s.d.epoch(), Format: tar.FormatPAX})
}

// header describes a file without what differs from one run to the next.
func (s *stage) header(p, inner string, st fs.FileInfo) (*tar.Header, error) {
	link := ""
	if st.Mode()&fs.ModeSymlink != 0 {
		var err error
		if link, err = os.Readlink(p); err != nil {
			return nil, err
		}
	}
	h, err := tar.FileInfoHeader(st, link)
	if err != nil {
		return nil, err
	}
	h.Name, h.ModTime, h.AccessTime, h.ChangeTime, h.Uname, h.Gname = inner, s.d.epoch(), time.Time{}, time.Time{}, "", ""
	h.Format = tar.FormatPAX
	if os.Geteuid() != 0 { // our own user is root inside
		h.Uid, h.Gid = 0, 0
	}
	if st.IsDir() {
		h.Name += "/"
	}
	if c := capability(p); c != "" {
		h.PAXRecords = map[string]string{capabilityRecord: c}
	}
	return h, nil
}

// merge applies one entry of the upper folder to the stage's own files.
func (s *stage) merge(upper, p string) error {
	st, err := os.Lstat(p)
	if err != nil {
		return err
	}
	inner, err := filepath.Rel(upper, p)
	if err != nil {
		return err
	}
	dst := filepath.Join(s.root, inner)
	old, oldErr := os.Lstat(dst)
	if whiteout(st) || (st.IsDir() && opaque(p)) || (oldErr == nil && (!old.IsDir() || !st.IsDir())) {
		if err := s.remove(filepath.ToSlash(inner)); err != nil {
			return err
		}
	}
	switch {
	case whiteout(st):
		return nil
	case st.IsDir():
		if err := os.MkdirAll(dst, 0o755); err != nil {
			return err
		}
		return errors.Join(chownAs(dst, st), os.Chmod(dst, st.Mode()))
	}
	s.forget(filepath.ToSlash(inner))
	return os.Rename(p, dst)
}
