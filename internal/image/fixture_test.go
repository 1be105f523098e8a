package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

func TestMain(m *testing.M) {
	MaybeRun()
	os.Exit(m.Run())
}

// files writes a build context; names are its paths. A content that begins with "-> " is
// a link.
func files(t testing.TB, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for p, text := range content {
		file := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		for d := filepath.Dir(file); d != dir; d = filepath.Dir(d) { // whatever the umask says
			if err := os.Chmod(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(to, file)
		} else {
			err = errors.Join(os.WriteFile(file, []byte(text), 0o644), os.Chmod(file, 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// build builds with the builtin builder, without a cache unless o names one.
func build(t testing.TB, dir string, o BuildOptions) (*Built, error) {
	t.Helper()
	o.Context, o.Builder = dir, "builtin"
	if o.Cache == "" {
		o.Cache = noCache
	}
	if o.Dockerfile == "" {
		o.Dockerfile = filepath.Join(dir, "Dockerfile")
	}
	b, err := Build(context.Background(), o)
	if err == nil {
		t.Cleanup(func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	return b, err
}

// mustBuild builds a context that builds.
func mustBuild(t testing.TB, dir string, o BuildOptions) v1.Image {
	t.Helper()
	b, err := build(t, dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return b.Image
}

func digest(t testing.TB, img v1.Image) string {
	t.Helper()
	h, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func config(t testing.TB, img v1.Image) *v1.ConfigFile {
	t.Helper()
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// headers are the image's files by name.
func headers(t testing.TB, img v1.Image) map[string]*tar.Header {
	t.Helper()
	rc := mutate.Extract(img)
	defer rc.Close()
	out := map[string]*tar.Header{}
	for r := tar.NewReader(rc); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(h.Name, "/")] = h
	}
}

// listing is what is in the image's files, or where its links lead.
func listing(t testing.TB, img v1.Image) map[string]string {
	t.Helper()
	rc := mutate.Extract(img)
	defer rc.Close()
	out := map[string]string{}
	for r := tar.NewReader(rc); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(h.Name, "/")] = string(b) + h.Linkname
	}
}

// holds checks files of an image; "" stands for one that must not be there.
func holds(t testing.TB, img v1.Image, want map[string]string) {
	t.Helper()
	got := listing(t, img)
	for p, text := range want {
		if s, ok := got[p]; s != text || ok && text == "" {
			t.Errorf("%s is %q, want %q", p, s, text)
		}
	}
}

// program builds a static Go program, to stand in images that have no shell.
func program(t testing.TB, source string) string {
	t.Helper()
	dir := files(t, map[string]string{"go.mod": "module p\n\ngo 1.26\n", "main.go": source})
	out := filepath.Join(dir, "p")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", out, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
