package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// fetch gets a base image: from "oci:FOLDER" or "docker-archive:FILE" (relative to the
// build context), or from a registry with the user's own docker credentials.
func (d *dockerfile) fetch(ctx context.Context, ref string) (v1.Image, error) {
	p, err := v1.ParsePlatform(d.Platform)
	if err != nil {
		return nil, err
	}
	if dir, ok := strings.CutPrefix(ref, "oci:"); ok {
		return fromLayout(d.local(dir), *p)
	}
	if file, ok := strings.CutPrefix(ref, "docker-archive:"); ok {
		return tarball.ImageFromPath(d.local(file), nil)
	}
	r, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	img, err := remote.Image(r, remote.WithContext(ctx), remote.WithPlatform(*p), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, fmt.Errorf("fetch the base image: %w", err)
	}
	return img, nil
}

func (d *dockerfile) local(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(d.Context, p)
}

func fromLayout(dir string, p v1.Platform) (v1.Image, error) {
	idx, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		return nil, err
	}
	m, err := idx.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, d := range m.Manifests {
		if d.Platform == nil || d.Platform.Satisfies(p) {
			return idx.Image(d.Digest)
		}
	}
	return nil, fmt.Errorf("%s holds no image for %s", dir, p.String())
}

// unpackAll lays an image's file system out below dir.
func unpackAll(img v1.Image, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // everything below it was closed
	rc := mutate.Extract(img)
	defer func() { _ = rc.Close() }() // only read
	r := tar.NewReader(rc)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := unpackOne(root, h, r); err != nil {
			return fmt.Errorf("unpack %s: %w", h.Name, err)
		}
	}
}

func unpackOne(root *os.Root, h *tar.Header, r io.Reader) error {
	p := rel("/" + h.Name)
	if p == "" || p == "." {
		return nil
	}
	if d := path.Dir(p); d != "." {
		if err := root.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	mode := fs.FileMode(h.Mode).Perm() | specialBits(h.Mode)
	switch h.Typeflag {
	case tar.TypeDir:
		if err := root.MkdirAll(p, 0o755); err != nil {
			return err
		}
	case tar.TypeSymlink:
		if err := root.Symlink(h.Linkname, p); err != nil {
			return err
		}
		return own(root, p, h)
	case tar.TypeLink:
		return root.Link(rel("/"+h.Linkname), p)
	case tar.TypeReg:
		f, err := root.OpenFile(p, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	default:
		return nil // device nodes: /dev is mounted when something runs
	}
	return errors.Join(own(root, p, h), root.Chmod(p, mode))
}

// specialBits are set-user-id, set-group-id and sticky.
func specialBits(mode int64) fs.FileMode {
	var m fs.FileMode
	for bit, fm := range map[int64]fs.FileMode{0o4000: fs.ModeSetuid, 0o2000: fs.ModeSetgid, 0o1000: fs.ModeSticky} {
		if mode&bit != 0 {
			m |= fm
		}
	}
	return m
}

// own gives a file its owner where this process may.
func own(root *os.Root, p string, h *tar.Header) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return root.Lchown(p, h.Uid, h.Gid)
}

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
		return errors.Join(err, chownAs(dst, st), os.Chmod(dst, st.Mode()))
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
