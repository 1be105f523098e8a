package image

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// copyAll copies a stage's file system for the next stage.
func copyAll(from, to string) error {
	return filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		inner, err := filepath.Rel(from, p)
		if err != nil || inner == "." {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		dst := filepath.Join(to, inner)
		switch {
		case d.IsDir():
			err = os.Mkdir(dst, 0o700)
		case st.Mode()&fs.ModeSymlink != 0:
			link, rerr := os.Readlink(p)
			if rerr != nil {
				return rerr
			}
			return errors.Join(os.Symlink(link, dst), chownAs(dst, st))
		case st.Mode().IsRegular():
			err = copyRegular(p, dst)
		default:
			return nil
		}
		return errors.Join(err, chownAs(dst, st), os.Chmod(dst, st.Mode()), setCapability(dst, capability(p)))
	})
}

func copyRegular(from, to string) error {
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(copyInto(out, from), out.Close())
}

// removeAll removes a tree whose folders may be read-only.
func removeAll(dir string) error {
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_ = os.Chmod(p, 0o700) // RemoveAll tells what it could not
		}
		return nil
	})
	return os.RemoveAll(dir)
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
