//go:build linux

package native

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/compression"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/drivertest"
)

// shop is a registry whose answers wrap may change; it returns its host.
func shop(t *testing.T, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	if wrap != nil {
		h = wrap(h)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func push(t *testing.T, ref string, what remote.Taggable) {
	t.Helper()
	tag, err := name.ParseReference(ref)
	if err == nil {
		err = remote.Push(tag, what)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func image(t *testing.T, arch string, layers ...v1.Layer) v1.Image {
	t.Helper()
	img := drivertest.Image(t, v1.Config{}, layers...)
	f, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	f = f.DeepCopy()
	f.Architecture = arch
	if img, err = mutate.ConfigFile(img, f); err != nil {
		t.Fatal(err)
	}
	return img
}

func hash(t *testing.T, what interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := what.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

func TestRemoteIndex(t *testing.T) {
	host := shop(t, nil)
	amd, arm := image(t, "amd64"), image(t, "arm64")
	index := mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: amd, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}}},
		mutate.IndexAddendum{Add: image(t, "unknown"), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "unknown", Architecture: "unknown"}}},
	)
	push(t, host+"/many:1", index)
	r := NewRemote()
	defer r.CloseIdleConnections()
	for platform, want := range map[string]v1.Image{"linux/amd64": amd, "linux/arm64": arm, "linux/arm64/v8": arm} {
		got, digest, err := r.Image(t.Context(), runtime.Reference{Image: host + "/many:1", Platform: platform})
		if err != nil {
			t.Fatalf("%s: %v", platform, err)
		}
		if hash(t, got) != hash(t, want) || digest.String() != hash(t, index) {
			t.Errorf("%s: image %s, digest %s", platform, hash(t, got), digest)
		}
	}
	_, _, err := r.Image(t.Context(), runtime.Reference{Image: host + "/many:1", Platform: "linux/s390x"})
	if err == nil || err.Error() != "the image is for linux/amd64, linux/arm64/v8, not for linux/s390x" {
		t.Errorf("another platform: %v", err)
	}
}

func TestRemoteErrors(t *testing.T) {
	answer := func(code int, body string) func(http.Handler) http.Handler {
		return func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v2/" {
					return
				}
				w.WriteHeader(code)
				_, _ = io.WriteString(w, body)
			})
		}
	}
	r := NewRemote()
	defer r.CloseIdleConnections()
	for _, c := range []struct {
		name    string
		wrap    func(http.Handler) http.Handler
		ref     string
		want    string
		missing bool
	}{
		{"no such image", nil, "/a:1", "image not found (NAME_UNKNOWN: Unknown name)", true},
		{"not found, said otherwise", answer(400, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no such\ntag"}]}`), "/a:1", "image not found (MANIFEST_UNKNOWN: no such tag)", true},
		{"no words", answer(404, ""), "/a:1", "image not found (404 Not Found)", true},
		{"unauthorized", answer(401, `{"errors":[{"code":"UNAUTHORIZED","message":"your token has expired"}]}`), "/a:1", "the registry refuses: UNAUTHORIZED: your token has expired", false},
		{"denied", answer(403, `{"errors":[{"code":"DENIED","message":"no"},{"code":"X","message":"y"}]}`), "/a:1", "the registry refuses: DENIED: no; X: y", false},
		{"out of order", answer(418, "tea"), "/a:1", "the registry answers: 418 I'm a teapot", false},
		{"no reference", nil, "/A:1", "invalid image reference:", false},
	} {
		_, _, err := r.Image(t.Context(), runtime.Reference{Image: shop(t, c.wrap) + c.ref})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || errors.Is(err, runtime.ErrNoImage) != c.missing {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if _, _, err := r.Image(t.Context(), runtime.Reference{Image: "x", Platform: "a/b/c/d"}); err == nil {
		t.Error("a platform of four parts is taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := r.Image(ctx, runtime.Reference{Image: shop(t, nil) + "/a:1"}); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func TestRemoteCredentials(t *testing.T) {
	host := shop(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if user, password, _ := r.BasicAuth(); user != "AWS" || password != "secret" {
				w.Header().Set("WWW-Authenticate", `Basic realm="here"`)
				w.WriteHeader(http.StatusUnauthorized)
				_, _ = io.WriteString(w, `{"errors":[{"code":"UNAUTHORIZED","message":"who are you"}]}`)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	r := NewRemote()
	defer r.CloseIdleConnections()
	for password, want := range map[string]string{"": "the registry refuses", "wrong": "the registry refuses", "secret": "image not found"} {
		ref := runtime.Reference{Image: host + "/a:1", Password: password}
		if password != "" {
			ref.Username = "AWS"
		}
		if _, _, err := r.Image(t.Context(), ref); err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("password %q: %v, want %q", password, err, want)
		}
	}
}

func TestPlainHTTPOnLoopbackOnly(t *testing.T) {
	for ref, want := range map[string]string{
		"127.0.0.1:5000/a": "http", "127.0.0.7/a": "http", "localhost/a": "http", "localhost:80/a": "http", "[::1]:5000/a": "http",
		"example.com/a": "https", "example.com:5000/a": "https", "a": "https",
	} {
		got, err := parseReference(ref)
		if err != nil || got.Context().Scheme() != want {
			t.Errorf("%s: %v, %v", ref, got, err)
		}
	}
}

// Layers come in three forms, and are fetched once.
func TestPullForms(t *testing.T) {
	var blobs atomic.Int32
	host := shop(t, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
				blobs.Add(1)
			}
			h.ServeHTTP(w, r)
		})
	})
	content := func(name string) []byte {
		rc, err := drivertest.Layer(t, drivertest.File(name, name, 0o644)).Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(rc)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	zstd, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content("zstd"))), nil },
		tarball.WithCompression(compression.ZStd), tarball.WithMediaType(types.OCILayerZStd))
	if err != nil {
		t.Fatal(err)
	}
	plain := static.NewLayer(content("plain"), types.OCIUncompressedLayer)
	img := drivertest.Image(t, v1.Config{}, drivertest.Layer(t, drivertest.File("gzip", "gzip", 0o644)), zstd, plain)
	push(t, host+"/forms:1", img)
	d := mustNew(t, Options{Dir: t.TempDir()})
	for range 2 {
		got, err := d.Pull(t.Context(), runtime.Reference{Image: host + "/forms:1"})
		if err != nil || got.Digest != hash(t, img) {
			t.Fatal(got, err)
		}
		if n := blobs.Load(); n != 4 {
			t.Errorf("%d blobs fetched, want 3 layers and a configuration", n)
		}
	}
	f, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gzip", "zstd", "plain"} {
		if got, err := d.layers.ReadFile(f.RootFS.DiffIDs, name); string(got) != name || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	again := mustNew(t, Options{Dir: d.Dir}) // after a restart only the configuration is missing
	if got, err := again.Pull(t.Context(), runtime.Reference{Image: host + "/forms:1"}); err != nil || got.Digest != hash(t, img) || blobs.Load() != 5 {
		t.Errorf("%+v, %v, %d blobs", got, err, blobs.Load())
	}
	if d := cmp.Diff(runtime.ImageConfig{}, describe("", v1.Hash{}, f).Config); d != "" {
		t.Errorf("an empty configuration (-want +got):\n%s", d)
	}
}

func TestPullBroken(t *testing.T) {
	host := shop(t, nil)
	img := image(t, "amd64", drivertest.Layer(t, drivertest.File("a", "a", 0o644)))
	f, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	f = f.DeepCopy()
	f.RootFS.DiffIDs[0].Hex = strings.Repeat("0", 64)
	if img, err = mutate.ConfigFile(img, f); err != nil {
		t.Fatal(err)
	}
	push(t, host+"/broken:1", img)
	_, err = mustNew(t, Options{Dir: t.TempDir()}).Pull(t.Context(), runtime.Reference{Image: host + "/broken:1"})
	if err == nil || !strings.Contains(err.Error(), "content has digest sha256:") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a layer that is not what the configuration says: %v", err)
	}
}
