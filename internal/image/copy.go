package image

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// transfer is one COPY or ADD.
type transfer struct {
	instructions.SourcesAndDest
	from         *tree // that the sources stand in
	context      bool  // it is the build context, whose files become root's
	ignore       *ignore
	chown, chmod string
	unpack       bool   // archives, as ADD does
	by           string // for the image's history
}

// place copies what a transfer names into the stage, as one layer.
func (s *stage) place(t transfer) error {
	l, err := newLayer(s)
	if err != nil {
		return err
	}
	defer l.close()
	if err := s.fill(l, t); err != nil {
		return err
	}
	return l.commit(t.by)
}

func (s *stage) fill(l *layer, t transfer) error {
	var err error
	if l.chown, err = s.chown(t.chown); err != nil {
		return err
	}
	if t.chmod != "" {
		m, err := strconv.ParseUint(t.chmod, 8, 12)
		if err != nil {
			return fmt.Errorf("--chmod=%s: the builtin builder takes octal modes only", t.chmod)
		}
		mode := fileMode(int64(m))
		l.mode = &mode
	}
	dest, err := s.word(t.DestPath)
	if err != nil {
		return err
	}
	intoFolder := strings.HasSuffix(dest, "/") || dest == "." || strings.HasSuffix(dest, "/.")
	target := s.inside(dest)
	intoFolder = intoFolder || s.isFolder(target)
	if err := s.heredocs(l, t, target, intoFolder); err != nil {
		return err
	}
	sources, err := s.sources(t)
	if err != nil {
		return err
	}
	if len(sources) > 1 && !intoFolder {
		return fmt.Errorf("several sources need a destination that ends with a slash, not %s", dest)
	}
	for _, src := range sources {
		if err := l.take(t, src, target, intoFolder); err != nil {
			return err
		}
	}
	return nil
}

// heredocs writes the files that stand in the Dockerfile itself.
func (s *stage) heredocs(l *layer, t transfer, target string, intoFolder bool) (err error) {
	for _, c := range t.SourceContents {
		data := c.Data
		if c.Expand {
			if data, err = s.word(data); err != nil {
				return err
			}
		}
		to := target
		if intoFolder {
			to = path.Join(target, c.Path)
		}
		if err := l.file(to, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) isFolder(p string) bool {
	file, err := inRoot(s.root, p)
	if err != nil {
		return false
	}
	st, err := os.Lstat(file)
	return err == nil && st.IsDir()
}

// sources expands variables and wildcards into paths relative to the transfer's folder.
func (s *stage) sources(t transfer) ([]string, error) {
	var out []string
	for _, p := range t.SourcePaths {
		p, err := s.word(p)
		if err != nil {
			return nil, err
		}
		p = strings.TrimPrefix(path.Clean("/"+filepath.ToSlash(p)), "/")
		if p == "" {
			out = append(out, ".")
			continue
		}
		found, err := expand(t.from.root, p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		shown := slices.DeleteFunc(slices.Clone(found), t.ignore.hides)
		if len(shown) == 0 {
			return nil, fmt.Errorf("%s: not found in the build context%s", p, t.ignore.hint(len(found)))
		}
		out = append(out, shown...)
	}
	return out, nil
}

// expand lists the sorted paths below dir that a pattern matches. Links on the way to its
// first wildcard stay inside dir.
func expand(dir, pattern string) ([]string, error) {
	var fixed []string
	rest := strings.Split(pattern, "/")
	for len(rest) > 1 && !strings.ContainsAny(rest[0], `*?[\`) {
		fixed, rest = append(fixed, rest[0]), rest[1:]
	}
	base, err := inRoot(dir, strings.Join(fixed, "/"))
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(base), filepath.FromSlash(strings.Join(rest, "/"))))
	if err != nil {
		return nil, err
	}
	for i, f := range found {
		if f, err = filepath.Rel(base, f); err != nil {
			return nil, err
		}
		found[i] = path.Join(strings.Join(fixed, "/"), filepath.ToSlash(f))
	}
	return found, nil
}

// escapeGlob keeps a folder's own name from being read as a pattern.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// take copies one source: a folder's contents, or a file.
func (l *layer) take(t transfer, src, target string, intoFolder bool) error {
	abs, err := inRoot(t.from.root, src) // a source that is a link is followed, but not out
	if err != nil {
		return err
	}
	st, err := os.Lstat(abs)
	if err != nil {
		return fmt.Errorf("%s: not found in the build context, or it links to outside", src)
	}
	switch {
	case st.IsDir():
		return l.takeFolder(t, abs, target)
	case !st.Mode().IsRegular():
		return fmt.Errorf("%s: neither a file, a folder nor a link", src)
	case t.unpack:
		if done, err := l.unpack(abs, target); done || err != nil {
			return err
		}
	}
	if intoFolder {
		target = path.Join(target, path.Base(src))
	}
	return l.copyFile(abs, target, st.Mode(), t.owner(abs, st))
}

// owner is who owned a source.
func (t transfer) owner(file string, st fs.FileInfo) owner {
	p, err := filepath.Rel(t.from.root, file)
	if t.context || err != nil {
		return owner{}
	}
	return t.from.ownerOf(filepath.ToSlash(p), st)
}

func (l *layer) takeFolder(t transfer, abs, target string) error {
	if _, err := l.folder(target); err != nil {
		return err
	}
	return filepath.WalkDir(abs, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(t.from.root, p)
		if err != nil {
			return err
		}
		inner, err := filepath.Rel(abs, p)
		if err != nil || inner == "." {
			return err
		}
		if t.ignore.hides(filepath.ToSlash(rel)) {
			if d.IsDir() && !t.ignore.reveals() {
				return fs.SkipDir
			}
			return nil
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		return l.copyEntry(p, path.Join(target, filepath.ToSlash(inner)), st, t.owner(p, st))
	})
}

func (l *layer) copyEntry(from, to string, st fs.FileInfo, o owner) error {
	switch {
	case st.IsDir():
		return l.copyFolder(to, bits(st.Mode()), o)
	case st.Mode().IsRegular():
		return l.copyFile(from, to, st.Mode(), o)
	case st.Mode()&fs.ModeSymlink != 0:
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return l.symlink(to, link, o)
	}
	return fmt.Errorf("%s: neither a file, a folder nor a link", from)
}
