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
	from         string // folder that the sources stand in
	ignore       *ignore
	chown, chmod string
	by           string // for the image's history
}

// place copies what a transfer names into the stage, as one layer.
func (s *stage) place(t transfer) error {
	l := newLayer(s)
	if err := s.fill(l, t); err != nil {
		_ = l.drop() // the error matters more
		return err
	}
	return l.commit(t.by)
}

func (s *stage) fill(l *layer, t transfer) error {
	var err error
	if l.uid, l.gid, err = s.owner(t.chown); err != nil {
		return err
	}
	if t.chmod != "" {
		m, err := strconv.ParseUint(t.chmod, 8, 32)
		if err != nil {
			return fmt.Errorf("--chmod=%s: the builtin builder takes octal modes only", t.chmod)
		}
		mode := fs.FileMode(m)
		l.mode = &mode
	}
	dest, err := s.word(t.DestPath)
	if err != nil {
		return err
	}
	intoFolder := strings.HasSuffix(dest, "/") || dest == "." || strings.HasSuffix(dest, "/.")
	target := s.inside(dest)
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
		if err := l.file(to, []byte(data), 0o644); err != nil {
			return err
		}
	}
	sources, err := s.sources(t)
	if err != nil {
		return err
	}
	if len(sources) > 1 && !intoFolder {
		return fmt.Errorf("several sources need a destination that ends with a slash, not %s", dest)
	}
	for _, src := range sources {
		if err := l.take(t, src, target, intoFolder || s.isFolder(target)); err != nil {
			return err
		}
	}
	return nil
}

func (s *stage) isFolder(p string) bool {
	st, err := os.Stat(filepath.Join(s.root, p))
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
		found, err := filepath.Glob(filepath.Join(escapeGlob(t.from), p))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		n := 0
		for _, f := range found {
			rel, err := filepath.Rel(t.from, f)
			if err != nil {
				return nil, err
			}
			if !t.ignore.hides(filepath.ToSlash(rel)) {
				out, n = append(out, rel), n+1
			}
		}
		if n == 0 {
			return nil, fmt.Errorf("%s: not found in the build context%s", p, t.ignore.hint(len(found)))
		}
	}
	slices.Sort(out)
	return out, nil
}

// escapeGlob keeps a folder's own name from being read as a pattern.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// take copies one source: a folder's contents, or a file.
func (l *layer) take(t transfer, src, target string, intoFolder bool) error {
	abs := filepath.Join(t.from, src)
	st, err := os.Stat(abs) // a source that is a link is followed
	if err != nil {
		return err
	}
	if !st.IsDir() {
		if intoFolder {
			target = path.Join(target, filepath.Base(src))
		}
		return l.copyFile(abs, target, st.Mode())
	}
	if err := l.folder(target); err != nil {
		return err
	}
	return filepath.WalkDir(abs, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(t.from, p)
		if err != nil {
			return err
		}
		inner, err := filepath.Rel(abs, p)
		if err != nil || inner == "." {
			return err
		}
		if t.ignore.hides(filepath.ToSlash(rel)) {
			if d.IsDir() && !t.ignore.reveals(filepath.ToSlash(rel)) {
				return fs.SkipDir
			}
			return nil
		}
		return l.copyEntry(p, path.Join(target, filepath.ToSlash(inner)), d)
	})
}

func (l *layer) copyEntry(from, to string, d fs.DirEntry) error {
	st, err := d.Info()
	if err != nil {
		return err
	}
	switch {
	case d.IsDir():
		return l.folderMode(to, st.Mode().Perm())
	case st.Mode().IsRegular():
		return l.copyFile(from, to, st.Mode())
	case st.Mode()&fs.ModeSymlink != 0:
		link, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return l.symlink(to, link)
	}
	return fmt.Errorf("%s: neither a file, a folder nor a link", from)
}

// owner reads --chown: numbers, or names of the stage's own passwd and group.
func (s *stage) owner(chown string) (uid, gid int, err error) {
	if chown == "" {
		return 0, 0, nil
	}
	chown, err = s.word(chown)
	if err != nil {
		return 0, 0, err
	}
	user, group, hasGroup := strings.Cut(chown, ":")
	u, primary, err := lookup(filepath.Join(s.root, "etc/passwd"), user)
	if err != nil {
		return 0, 0, fmt.Errorf("--chown=%s: %w", chown, err)
	}
	if !hasGroup {
		return u, primary, nil
	}
	g, _, err := lookup(filepath.Join(s.root, "etc/group"), group)
	if err != nil {
		return 0, 0, fmt.Errorf("--chown=%s: %w", chown, err)
	}
	return u, g, nil
}

// lookup finds a name or number in a passwd or group file; second is the fourth field.
func lookup(file, name string) (id, second int, err error) {
	if n, err := strconv.Atoi(name); err == nil {
		return n, n, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, fmt.Errorf("%q is no number, and the image has no %s", name, filepath.Base(file))
	}
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.Split(line, ":")
		if len(f) >= 3 && f[0] == name {
			id, err := strconv.Atoi(f[2])
			if len(f) >= 4 {
				second, _ = strconv.Atoi(f[3]) // a group's members are no number
			}
			return id, second, err
		}
	}
	return 0, 0, fmt.Errorf("%q is not in the image's %s", name, filepath.Base(file))
}
