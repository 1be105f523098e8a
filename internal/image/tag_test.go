package image

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// alone keeps what CI systems say out of a test.
func alone(t *testing.T) {
	t.Helper()
	for _, name := range append([]string{"CI"}, ciCommits...) {
		t.Setenv(name, "")
	}
}

func git(t *testing.T, dir string, args ...string) {
	t.Helper()
	if _, err := gitOut(t.Context(), dir, append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...); err != nil {
		t.Fatal(err)
	}
}

func version(t *testing.T, dir string) Version {
	t.Helper()
	v, err := VersionOf(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVersionOf(t *testing.T) {
	alone(t)
	dir := files(t, map[string]string{"a": "1", "link": "-> nowhere"})
	if v := version(t, dir); !strings.HasPrefix(v.Tag, "src-") || len(v.Tag) != 12 || !v.Dirty || v.Commit != "" {
		t.Errorf("outside git: %+v", v)
	}
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-qm", "x")
	clean := version(t, dir)
	if clean.Dirty || clean.Tag != clean.Commit || len(clean.Commit) != 40 || clean.Time.IsZero() {
		t.Errorf("clean: %+v", clean)
	}
	tags := map[string]bool{}
	for _, change := range []func() error{
		func() error { return os.WriteFile(filepath.Join(dir, "a"), []byte("2"), 0o600) },
		func() error { return os.WriteFile(filepath.Join(dir, "a"), []byte("3"), 0o600) },
		func() error { return os.WriteFile(filepath.Join(dir, "new"), nil, 0o600) },
		func() error { return os.Chmod(filepath.Join(dir, "new"), 0o700) },
		func() error { return os.Symlink("elsewhere", filepath.Join(dir, "other")) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		d := version(t, dir)
		if !d.Dirty || !strings.HasPrefix(d.Tag, clean.Commit+"-dirty-") || len(d.Tag) != 40+7+8 || !d.Time.IsZero() {
			t.Errorf("dirty: %+v", d)
		}
		tags[d.Tag] = true
	}
	if len(tags) != 5 {
		t.Errorf("different states share a tag: %v", tags)
	}
}

// Only what is below the folder counts: other services of the repository may be dirty.
func TestVersionOfAFolderInARepository(t *testing.T) {
	alone(t)
	dir := files(t, map[string]string{"one/a": "1", "two/a": "1"})
	git(t, dir, "init", "-q")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-qm", "x")
	if err := os.WriteFile(filepath.Join(dir, "two/a"), []byte("2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if one, two := version(t, filepath.Join(dir, "one")), version(t, filepath.Join(dir, "two")); one.Dirty || !two.Dirty {
		t.Errorf("one %+v, two %+v", one, two)
	}
}

func TestVersionInCI(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	for _, name := range ciCommits {
		t.Run(name, func(t *testing.T) {
			alone(t)
			t.Setenv(name, commit)
			dir := files(t, map[string]string{"a": "1"})
			if v := version(t, dir); v.Commit != "" {
				t.Errorf("outside CI: %+v", v)
			}
			t.Setenv("CI", "true")
			if v := version(t, dir); v.Tag != commit || v.Dirty {
				t.Errorf("without git: %+v", v)
			}
			git(t, dir, "init", "-q")
			git(t, dir, "add", ".")
			git(t, dir, "commit", "-qm", "x")
			if v := version(t, dir); v.Tag == commit {
				t.Errorf("the work tree is another commit: %+v", v)
			}
		})
	}
}

func TestIgnore(t *testing.T) {
	ig, err := parseIgnore("\xef\xbb\xbf# comment\n*\n!bin\nbin/*.tmp\n**/node_modules\n/dist/\n!dist/keep[0-9]\n.\n")
	if err != nil {
		t.Fatal(err)
	}
	for p, hidden := range map[string]bool{
		"a": true, "bin": false, "bin/x": false, "bin/x.tmp": true, "bin/node_modules/y": true, "dist": true, "dist/keep1": false, "dist/keepx": true,
	} {
		if ig.hides(p) != hidden {
			t.Errorf("%s hidden: %v", p, !hidden)
		}
	}
	if _, err := parseIgnore("ok\nb[z-a]\n"); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
	dir := files(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY . /\n", "a": "1", "b": "2", ".dockerignore": "a", "Dockerfile.dockerignore": "b"})
	holds(t, mustBuild(t, dir, BuildOptions{}), map[string]string{"a": "1", "b": ""})
}

func FuzzIgnore(f *testing.F) {
	f.Add("a/**/b\n!x[0-9]\n", "a/b")
	f.Add("[", "[")
	f.Add("!\\", "**?")
	f.Fuzz(func(_ *testing.T, rules, path string) {
		if ig, err := parseIgnore(rules); err == nil {
			ig.hides(path)
		}
	})
}

func FuzzReference(f *testing.F) {
	for _, s := range []string{"app", "127.0.0.1:4566/team/app:v1", "a@sha256:" + strings.Repeat("0", 64), "http://x", "a:b:c", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := reference(s)
		if err != nil {
			if !errors.Is(err, ErrInput) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		if again, err := reference(r.Name()); err != nil || again.Name() != r.Name() {
			t.Errorf("%q became %q, which became %v, %v", s, r.Name(), again, err)
		}
	})
}

// No link, however odd, leads out.
func FuzzWithin(f *testing.F) {
	f.Add("/a/b", "../../..")
	f.Add("a/../b/./c/", "/b")
	f.Add("a/a/a", "a")
	f.Fuzz(func(t *testing.T, p, link string) {
		root := t.TempDir()
		if os.Symlink(link, filepath.Join(root, "a")) != nil {
			return // no link can be so
		}
		got, err := within(root, p, true)
		if err == nil && got != "" && !filepath.IsLocal(got) {
			t.Errorf("%q with a -> %q is %q", p, link, got)
		}
	})
}
