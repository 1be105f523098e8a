package layers

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"
)

// ReadFile reads a file of an image, layers uppermost last, as a container would see it.
// Links are followed only within one layer. It matches fs.ErrNotExist if there is none.
func (s *Store) ReadFile(image []v1.Hash, name string) ([]byte, error) {
	for i := len(image) - 1; i >= 0; i-- {
		content, hidden, err := s.readOne(filepath.Join(s.dir, s.Name(image[i])), name)
		if err == nil {
			return content, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if hidden {
			break
		}
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
}

// maxFile bounds what is read into memory.
const maxFile = 8 << 20

// readOne looks into one layer; hidden tells that the layer hides what is below.
func (s *Store) readOne(dir, name string) (content []byte, hidden bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, false, err
	}
	defer root.Close()
	for up := name; up != "."; up = path.Dir(up) {
		hidden = hidden || hides(root, up)
	}
	info, err := root.Stat(name)
	if err != nil {
		return nil, hidden, err
	}
	if !info.Mode().IsRegular() {
		return nil, true, fs.ErrNotExist
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, hidden, err
	}
	defer f.Close()
	content, err = io.ReadAll(io.LimitReader(f, maxFile))
	return content, hidden, err
}

// hides tells whether a layer has a whiteout, an opaque folder or no folder at a path.
func hides(root *os.Root, name string) bool {
	info, err := root.Lstat(name)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return info.Mode()&fs.ModeCharDevice != 0
	}
	f, err := root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	var value [1]byte
	n, err := unix.Fgetxattr(int(f.Fd()), "user.overlay.opaque", value[:])
	return err == nil && n == 1 && value[0] == 'y'
}
