package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// add is COPY that unpacks archives. URLs are refused: what they bring is not part of the
// input.
func (s *stage) add(_ context.Context, c *instructions.AddCommand) error {
	if len(c.ExcludePatterns) > 0 || c.Checksum != "" || c.KeepGitDir != nil && *c.KeepGitDir || c.Unpack != nil && !*c.Unpack {
		return errors.New("the flags --exclude, --checksum, --keep-git-dir and --unpack are beyond the builtin builder; install docker, podman or buildah")
	}
	for _, p := range c.SourcePaths {
		p, err := s.word(p)
		if err != nil {
			return err
		}
		if strings.Contains(p, "://") || strings.HasPrefix(p, "git@") {
			return fmt.Errorf("%s: the builtin builder downloads nothing; fetch it beforehand, or install docker, podman or buildah", p)
		}
	}
	return s.place(transfer{
		from: newTree(s.d.Context), context: true, ignore: s.d.ignore, SourcesAndDest: c.SourcesAndDest,
		chown: c.Chown, chmod: c.Chmod, unpack: true, by: c.String(),
	})
}

// unpack lays an archive out below target, and tells whether the file is one: what it
// holds decides, not its name.
func (l *layer) unpack(file, target string) (bool, error) {
	f, err := os.Open(file)
	if err != nil {
		return false, err
	}
	r, err := decompress(f)
	if err != nil {
		return false, err
	}
	defer func() { _ = r.Close() }() // only read
	t := tar.NewReader(r)
	h, err := t.Next()
	if err != nil {
		return false, nil // not an archive: it is copied as it is
	}
	if _, err := l.folder(target); err != nil {
		return true, err
	}
	for ; err == nil; h, err = t.Next() {
		if err := l.unpackEntry(h, t, target); err != nil {
			return true, fmt.Errorf("%s: %w", h.Name, err)
		}
	}
	if !errors.Is(err, io.EOF) {
		return true, err
	}
	return true, nil
}

func (l *layer) unpackEntry(h *tar.Header, r io.Reader, target string) error {
	to := path.Join(target, path.Clean("/"+h.Name))
	mode, o := fileMode(h.Mode), owner{h.Uid, h.Gid}
	switch h.Typeflag {
	case tar.TypeDir:
		return l.copyFolder(to, mode, o)
	case tar.TypeReg:
		return l.write(to, mode, o, r)
	case tar.TypeSymlink:
		return l.symlink(to, h.Linkname, o)
	case tar.TypeLink:
		from, err := inRoot(l.s.root, path.Join(target, path.Clean("/"+h.Linkname)))
		if err != nil {
			return err
		}
		return l.copyFile(from, to, mode, o)
	case tar.TypeXGlobalHeader:
		return nil
	}
	return fmt.Errorf("archives with devices or pipes are beyond the builtin builder")
}
