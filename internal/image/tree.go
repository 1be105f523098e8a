package image

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// tree is the file system of an image, laid out in a folder. Who owns a file is on disk
// where this process may say so, and in owners where it may not.
type tree struct {
	root   string
	owners map[string]owner // by slash path, of files that are not root's
}

type owner struct{ uid, gid int }

func newTree(root string) *tree { return &tree{root: root, owners: map[string]owner{}} }

// privileged tells whether this process may give files away.
func privileged() bool { return os.Geteuid() == 0 }

// ownerOf is who owns a file of the image.
func (t *tree) ownerOf(p string, st fs.FileInfo) owner {
	if privileged() {
		return diskOwner(st)
	}
	return t.owners[p]
}

// own gives a file of the image to somebody.
func (t *tree) own(root *os.Root, p string, o owner) error {
	if privileged() {
		return root.Lchown(p, o.uid, o.gid)
	}
	if t.owners[p] = o; o == (owner{}) {
		delete(t.owners, p)
	}
	return nil
}

// forget drops what is known of a file that is removed, and of all below it.
func (t *tree) forget(p string) {
	for o := range t.owners {
		if o == p || strings.HasPrefix(o, p+"/") {
			delete(t.owners, o)
		}
	}
}

// unpack lays an image's layers out, the lowest first.
func (t *tree) unpack(img v1.Image) error {
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	for i, l := range layers {
		rc, err := l.Uncompressed()
		if err == nil {
			err = errors.Join(t.apply(rc), rc.Close())
		}
		if err != nil {
			return fmt.Errorf("unpack layer %d: %w", i+1, err)
		}
	}
	return nil
}

// copyFrom makes the tree, which is empty, like another.
func (t *tree) copyFrom(from *tree) error {
	for p, o := range from.owners {
		t.owners[p] = o
	}
	return copyAll(from.root, t.root)
}

// remove removes a file or folder of the image.
func (t *tree) remove(p string) error {
	t.forget(p)
	return removeAll(filepath.Join(t.root, filepath.FromSlash(p)))
}

// writeNew writes a file that is not there.
func writeNew(root *os.Root, p string, r io.Reader) error {
	f, err := root.OpenFile(p, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
