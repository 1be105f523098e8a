//go:build linux

package layers

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// entry is an entry of an archive; a name that ends in "/" is a folder, a target makes a
// link.
type entry struct {
	name, content string
	target        string
	kind          byte
	mode          int64
	attrs         map[string]string
}

func archive(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := tar.Header{
			Typeflag: e.kind, Name: e.name, Linkname: e.target, Mode: e.mode, Size: int64(len(e.content)),
			Uid: os.Getuid(), Gid: os.Getgid(), ModTime: time.Unix(1_000_000, 0), PAXRecords: e.attrs,
		}
		switch {
		case e.kind != 0:
		case strings.HasSuffix(e.name, "/"):
			h.Typeflag = tar.TypeDir
		case e.target != "":
			h.Typeflag = tar.TypeSymlink
		default:
			h.Typeflag = tar.TypeReg
		}
		if h.Mode == 0 {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func digest(t testing.TB, content []byte) v1.Hash {
	t.Helper()
	h, _, err := v1.SHA256(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func opener(content []byte) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
}

// unpack unpacks a layer and returns its folder.
func unpack(t testing.TB, s *Store, entries ...entry) (string, v1.Hash, error) {
	t.Helper()
	content := archive(t, entries...)
	h := digest(t, content)
	err := s.Ensure(t.Context(), h, opener(content))
	return filepath.Join(s.Dir(), s.Name(h)), h, err
}

// list describes what is in a folder: "name kind-and-mode content-or-target".
func list(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		line := rel + " " + info.Mode().String()
		var value [8]byte
		switch {
		case info.IsDir():
			if n, err := unix.Getxattr(path, "user.overlay.opaque", value[:]); err == nil {
				line += " opaque=" + string(value[:n])
			}
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			line += " -> " + target
		case info.Mode().IsRegular():
			content, _ := os.ReadFile(path)
			line += " " + string(content)
		}
		all = append(all, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestUnpack(t *testing.T) {
	for _, c := range []struct {
		name    string
		entries []entry
		want    []string
	}{
		{"files, folders, links", []entry{
			{name: "./"}, {name: "bin/", mode: 0o500}, {name: "bin/sh", content: "#!", mode: 0o4755},
			{name: "usr/lib/x", content: "made its folders"}, {name: "lib", target: "usr/lib"},
			{name: "bin/ash", target: "bin/sh", kind: tar.TypeLink}, {name: "tmp/", mode: 0o1777}, {name: "pipe", kind: tar.TypeFifo, mode: 0o600},
		}, []string{
			"bin dr-x------", "bin/ash urwxr-xr-x #!", "bin/sh urwxr-xr-x #!", "lib Lrwxrwxrwx -> usr/lib", "pipe prw-------",
			"tmp dtrwxrwxrwx", "usr drwxr-xr-x", "usr/lib drwxr-xr-x", "usr/lib/x -rwxr-xr-x made its folders",
		}},
		{"through links of its own", []entry{
			{name: "usr/lib/"}, {name: "lib", target: "usr/lib"}, {name: "lib/a", content: "a"},
			{name: "abs", target: "/usr/lib"}, {name: "abs/b", content: "b"}, {name: "up", target: "usr/../../usr"}, {name: "up/lib/c", content: "c"},
		}, []string{
			"abs Lrwxrwxrwx -> /usr/lib", "lib Lrwxrwxrwx -> usr/lib", "up Lrwxrwxrwx -> usr/../../usr", "usr drwxr-xr-x",
			"usr/lib drwxr-xr-x", "usr/lib/a -rwxr-xr-x a", "usr/lib/b -rwxr-xr-x b", "usr/lib/c -rwxr-xr-x c",
		}},
		{"later entries replace", []entry{
			{name: "a", content: "1"}, {name: "a", content: "2"}, {name: "d/"}, {name: "d/x", content: "x"}, {name: "d", content: "file"},
			{name: "l", target: "a"}, {name: "l", content: "not through the link"}, {name: "f", content: "f"}, {name: "f/"},
		}, []string{"a -rwxr-xr-x 2", "d -rwxr-xr-x file", "f drwxr-xr-x", "l -rwxr-xr-x not through the link"}},
		{"whiteouts", []entry{
			{name: "etc/.wh.gone"}, {name: "var/"}, {name: "var/.wh..wh..opq"}, {name: "var/new", content: "n"},
			{name: ".wh..wh.plnk/", mode: 0o700}, {name: ".wh..wh.aufs"},
		}, []string{"etc drwxr-xr-x", "etc/gone Dc---------", "var drwxr-xr-x opaque=y", "var/new -rwxr-xr-x n"}},
		{"deleted and made anew, in either order", []entry{
			{name: ".wh.a"}, {name: "a/"}, {name: "a/x", content: "x"},
			{name: "b/"}, {name: "b/x", content: "x"}, {name: ".wh.b"}, {name: ".wh.c"}, {name: "c", content: "c"},
		}, []string{"a drwxr-xr-x opaque=y", "a/x -rwxr-xr-x x", "b drwxr-xr-x opaque=y", "b/x -rwxr-xr-x x", "c -rwxr-xr-x c"}},
		{"nothing outside", []entry{
			{name: "../../escape", content: "1"}, {name: "/abs", content: "2"}, {name: "out", target: "../../../../../.."},
			{name: "out/top", content: "3"}, {name: "hard", target: "../abs", kind: tar.TypeLink},
		}, []string{"abs -rwxr-xr-x 2", "escape -rwxr-xr-x 1", "hard -rwxr-xr-x 2", "out Lrwxrwxrwx -> ../../../../../..", "top -rwxr-xr-x 3"}},
		{"nothing at all", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, _, err := unpack(t, New(t.TempDir(), false), c.entries...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { RemoveAll(dir) })
			if d := cmp.Diff(c.want, list(t, dir)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestOwnersAndDevices(t *testing.T) {
	devices := []entry{
		{name: "null", kind: tar.TypeChar}, {name: "f", content: "f", attrs: map[string]string{"SCHILY.xattr.user.note": "hi", "SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}},
	}
	dir, _, err := unpack(t, New(t.TempDir(), false), devices...)
	if err != nil {
		t.Fatal(err)
	}
	if got := list(t, dir); len(got) != 1 {
		t.Errorf("without root: %q, want no device", got)
	}
	var value [64]byte
	if n, err := unix.Getxattr(dir+"/f", "user.note", value[:]); err != nil || string(value[:n]) != "hi" {
		t.Errorf("attribute %q, %v", value[:n], err)
	}
	if os.Geteuid() != 0 {
		return
	}
	if dir, _, err = unpack(t, New(t.TempDir(), true), devices...); err != nil {
		t.Fatal(err)
	}
	if got := list(t, dir); len(got) != 2 || !strings.HasPrefix(got[1], "null Dc") {
		t.Errorf("as root: %q", got)
	}
	if n, err := unix.Getxattr(dir+"/f", "security.capability", value[:]); err != nil || n != 20 {
		t.Errorf("capability %q, %v", value[:n], err)
	}
}

func TestTimes(t *testing.T) {
	dir, _, err := unpack(t, New(t.TempDir(), false), entry{name: "d/"}, entry{name: "d/f", content: "f"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d", "d/f"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.ModTime().Unix() != 1_000_000 {
			t.Errorf("%s: %v, %v", name, info.ModTime(), err)
		}
	}
}

// What cannot be unpacked leaves nothing behind.
func TestRefused(t *testing.T) {
	good := archive(t, entry{name: "a", content: "a"})
	loop := archive(t, entry{name: "x", target: "y"}, entry{name: "y", target: "x"}, entry{name: "x/f", content: "f"})
	strange := archive(t, entry{name: "a", kind: 'Z'})
	link := archive(t, entry{name: "a", target: "b", kind: tar.TypeLink})
	broken := errors.New("broken off")
	for _, c := range []struct {
		name string
		hash v1.Hash
		open func() (io.ReadCloser, error)
		want string
	}{
		{"other content", digest(t, []byte("x")), opener(good), "content has digest " + digest(t, good).String()},
		{"cut off", digest(t, good[:512]), opener(good[:512]), "unexpected EOF"},
		{"no archive", digest(t, []byte(strings.Repeat("x", 600))), opener([]byte(strings.Repeat("x", 600))), "read archive"},
		{"links in a circle", digest(t, loop), opener(loop), "x/f: too many levels of symbolic links"},
		{"unknown entry", digest(t, strange), opener(strange), "a: unknown type of entry Z"},
		{"link to nothing", digest(t, link), opener(link), "no such file"},
		{"not to be had", digest(t, good), func() (io.ReadCloser, error) { return nil, broken }, "broken off"},
		{"unknown digest", v1.Hash{Algorithm: "md5", Hex: "00"}, opener(good), "unknown digest algorithm"},
	} {
		s := New(t.TempDir(), false)
		err := s.Ensure(t.Context(), c.hash, c.open)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
		if left, _ := filepath.Glob(s.Dir() + "/[^.]*"); len(left) > 0 {
			t.Errorf("%s: left %v", c.name, left)
		}
	}
}

func TestOnce(t *testing.T) {
	s := New(t.TempDir(), false)
	content := archive(t, entry{name: "a", content: "a"})
	var opened atomic.Int32
	open := func() (io.ReadCloser, error) {
		opened.Add(1)
		time.Sleep(20 * time.Millisecond) // so that the others come meanwhile
		return opener(content)()
	}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := s.Ensure(t.Context(), digest(t, content), open); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := opened.Load(); n != 1 {
		t.Errorf("unpacked %d times", n)
	}
}

// One who gives up does not fail those who wait for the same layer.
func TestGivenUp(t *testing.T) {
	s := New(t.TempDir(), false)
	content := archive(t, entry{name: "a", content: "a"})
	ctx, cancel := context.WithCancel(t.Context())
	opened, waiting := make(chan bool), make(chan error, 1)
	go func() {
		<-opened
		go func() { waiting <- s.Ensure(t.Context(), digest(t, content), opener(content)) }()
		cancel()
	}()
	err := s.Ensure(ctx, digest(t, content), func() (io.ReadCloser, error) {
		opened <- true
		<-ctx.Done()
		return opener(content)()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the one who gave up: %v", err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("the one who waited: %v", err)
	}
	if err := s.Ensure(ctx, v1.Hash{Algorithm: "sha256", Hex: "00"}, opener(content)); err == nil {
		t.Error("a call with an ended context unpacks")
	}
}

func TestReadFile(t *testing.T) {
	s := New(t.TempDir(), false)
	var image []v1.Hash
	add := func(entries ...entry) {
		_, h, err := unpack(t, s, entries...)
		if err != nil {
			t.Fatal(err)
		}
		image = append(image, h)
	}
	add(entry{name: "etc/passwd", content: "one"}, entry{name: "etc/group", content: "one"}, entry{name: "opt/a/x", content: "one"}, entry{name: "dir/"})
	add(entry{name: "etc/group", content: "two"}, entry{name: "opt/a/.wh..wh..opq"}, entry{name: "etc/link", target: "passwd"})
	add(entry{name: "etc/real", content: "three"}, entry{name: "etc/shadow", target: "real"})
	for name, want := range map[string]string{"etc/passwd": "one", "etc/group": "two", "etc/shadow": "three"} {
		if got, err := s.ReadFile(image, name); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"opt/a/x", "nothing", "dir"} {
		if got, err := s.ReadFile(image, name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	add(entry{name: "etc/.wh.passwd"})
	if got, err := s.ReadFile(image, "etc/passwd"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("deleted: %q, %v", got, err)
	}
}

func TestSweep(t *testing.T) {
	s := New(t.TempDir(), false)
	dir, _, err := unpack(t, s, entry{name: "a", content: "a"})
	if err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(s.Dir(), ".unpack-1", "locked")
	if err := os.MkdirAll(filepath.Join(half, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(half, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Sweep(); err != nil {
		t.Error(err)
	}
	left, _ := os.ReadDir(s.Dir())
	if len(left) != 2 || left[0].Name() != bootFile || left[1].Name() != filepath.Base(dir) {
		t.Errorf("left %v", left)
	}
}

// Layers of another boot of the machine may be broken.
func TestAnotherBoot(t *testing.T) {
	folder := t.TempDir()
	one, two := []entry{{name: "a", content: "1"}}, []entry{{name: "a", content: "2"}}
	for _, c := range []struct {
		name string
		boot string
		stay bool
	}{{"the same", "", true}, {"another", "another\n", false}} {
		_, first, err := unpack(t, New(folder, false), one...)
		if err != nil {
			t.Fatal(err)
		}
		if c.boot != "" {
			if err := os.WriteFile(filepath.Join(folder, bootFile), []byte(c.boot), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s := New(folder, false)
		if _, _, err := unpack(t, s, two...); err != nil {
			t.Fatal(err)
		}
		if stays := !s.Lacks(first); stays != c.stay {
			t.Errorf("%s boot: the layer stays: %v", c.name, stays)
		}
	}
}

// Whatever an archive holds, nothing is written outside the layer.
func FuzzUnpack(f *testing.F) {
	f.Add(archive(f, entry{name: "a/b", content: "x"}, entry{name: "l", target: "/a"}, entry{name: "l/c", content: "y"}))
	f.Add(archive(f, entry{name: "../x", content: "x"}, entry{name: "h", target: "../../x", kind: tar.TypeLink}))
	f.Add(archive(f, entry{name: "o", target: ".."}, entry{name: "o/.wh.x"}, entry{name: ".wh..wh..opq"}, entry{name: "d/"}))
	f.Fuzz(func(t *testing.T, content []byte) {
		outer := t.TempDir()
		s := New(filepath.Join(outer, "layers"), false)
		_ = s.Ensure(t.Context(), digest(t, content), opener(content)) // broken ones fail
		found, err := os.ReadDir(outer)
		if err != nil || len(found) > 1 {
			t.Errorf("outside: %v, %v", found, err)
		}
		if err := RemoveAll(outer); err != nil {
			t.Error(err)
		}
	})
}
