package image

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// plainLayer makes a layer of a tar.
func plainLayer(t testing.TB, b []byte) v1.Layer {
	t.Helper()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLayersAreCompressedOnce(t *testing.T) {
	cache := t.TempDir()
	dir := hello(t)
	one := digest(t, mustBuild(t, dir, BuildOptions{Cache: cache}))
	blobs := func() map[string]time.Time {
		entries, err := os.ReadDir(filepath.Join(cache, "blobs"))
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]time.Time{}
		for _, e := range entries {
			all[e.Name()] = time.Time{}
		}
		return all
	}
	before := blobs()
	if len(before) == 0 {
		t.Fatal("nothing is kept")
	}
	if two := digest(t, mustBuild(t, dir, BuildOptions{Cache: cache})); two != one || len(blobs()) != len(before) {
		t.Errorf("digest %s, then %s; blobs %v", one, two, blobs())
	}
	for name := range before { // damaged: made again
		if err := os.Truncate(filepath.Join(cache, "blobs", name), 1); err != nil {
			t.Fatal(err)
		}
	}
	if three := digest(t, mustBuild(t, dir, BuildOptions{Cache: cache})); three != one {
		t.Errorf("digest %s, then %s", one, three)
	}
	if other := digest(t, mustBuild(t, dir, BuildOptions{})); other != one {
		t.Errorf("with a cache %s, without %s", one, other)
	}
}

func TestOldLayersGo(t *testing.T) {
	dir := t.TempDir()
	c, err := openCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := c.store(func(w io.Writer) error { _, err := w.Write([]byte("x")); return err })
	if err != nil {
		t.Fatal(err)
	}
	m.DiffID = m.Digest
	if err := c.note("k", m); err != nil || c.find("k") == nil {
		t.Fatal("not found", err)
	}
	old := time.Now().Add(-cacheLife - time.Hour)
	for _, f := range []string{filepath.Join(dir, "made", "k"), c.blob(m.Digest)} {
		if err := os.Chtimes(f, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if c, err = openCache(dir); err != nil || c.find("k") != nil {
		t.Errorf("still there, %v", err)
	}
}

// Base images cross the network once.
func TestBaseImagesAreKept(t *testing.T) {
	var fetched atomic.Int32
	base := mustBuild(t, hello(t), BuildOptions{})
	layers, err := base.Layers()
	if err != nil {
		t.Fatal(err)
	}
	isLayer := map[string]bool{}
	for _, l := range layers {
		h, err := l.Digest()
		if err != nil {
			t.Fatal(err)
		}
		isLayer[h.String()] = true
	}
	reg := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && isLayer[path.Base(r.URL.Path)] {
			fetched.Add(1)
		}
		reg.ServeHTTP(w, r)
	}))
	defer srv.Close()
	ref, err := name.ParseReference(strings.TrimPrefix(srv.URL, "http://") + "/base:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, base); err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	dir := files(t, map[string]string{"Dockerfile": "FROM " + ref.String() + "\nCOPY --from=" + ref.String() + " /out/app /app\n"})
	var counts []int32
	for range 2 {
		fetched.Store(0)
		holds(t, mustBuild(t, dir, BuildOptions{Cache: cache}), map[string]string{"app": "binary", "tree/x/y": "deep"})
		counts = append(counts, fetched.Load())
	}
	if counts[0] != int32(len(layers)) || counts[1] != 0 {
		t.Errorf("layers fetched: %v, of %d", counts, len(layers))
	}
}

func TestDockerArchive(t *testing.T) {
	dir := files(t, map[string]string{"Dockerfile": "FROM docker-archive:base.tar\nCOPY a /a\n", "a": "1"})
	tag, err := name.NewTag("base:latest")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(filepath.Join(dir, "base.tar"), tag, mustBuild(t, hello(t), BuildOptions{})); err != nil {
		t.Fatal(err)
	}
	holds(t, mustBuild(t, dir, BuildOptions{}), map[string]string{"a": "1", "out/app": "binary"})
}

func TestACacheThatCannotBeWritten(t *testing.T) {
	dir := files(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY a /a\n", "a": "1", "file": ""})
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "file"))
	b, err := Build(t.Context(), BuildOptions{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile"), Builder: "builtin"})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, b.Image, map[string]string{"a": "1"})
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	b, err = Build(t.Context(), BuildOptions{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile"), Builder: "builtin", Cache: filepath.Join(dir, "file", "x")})
	if err == nil {
		t.Errorf("a cache that was asked for and cannot be: %+v", b)
	}
}
