package drivertest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// ProbeEnv names a probe program that was built already, for where the Go tool cannot be
// called.
const ProbeEnv = "TURNOUT_DRIVERTEST_PROBE"

// builtIn is the folder that Main removes.
var builtIn string

var probe = sync.OnceValues(buildProbe)

// Probe builds the program of the test images, once, and returns its path.
func Probe(t testing.TB) string {
	t.Helper()
	if p := os.Getenv(ProbeEnv); p != "" {
		return p
	}
	file, err := probe()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func buildProbe() (string, error) {
	var err error
	if builtIn, err = os.MkdirTemp("", "probe-"); err != nil {
		return "", err
	}
	file := filepath.Join(builtIn, "probe")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, "github.com/turnoutdev/turnout/cloud/internal/runtime/drivertest/probe")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the probe: %w\n%s", err, out)
	}
	return file, nil
}

// Entry is one entry of a layer: Content of a regular file, or what else Header says.
type Entry struct {
	Header  tar.Header
	Content string
}

// File is a regular file of a layer.
func File(name, content string, mode int64) Entry {
	return Entry{tar.Header{Name: name, Mode: mode}, content}
}

// Dir is a folder of a layer.
func Dir(name string, mode int64) Entry {
	return Entry{Header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}}
}

// Layer makes a layer of entries.
func Layer(t testing.TB, entries ...Entry) v1.Layer {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		e.Header.Size = int64(len(e.Content))
		if err := w.WriteHeader(&e.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.Content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buf.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Image makes an image of layers for the machine's architecture.
func Image(t testing.TB, c v1.Config, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(empty.Image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	f, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	f = f.DeepCopy()
	f.OS, f.Architecture, f.Config = "linux", goruntime.GOARCH, c
	if img, err = mutate.ConfigFile(img, f); err != nil {
		t.Fatal(err)
	}
	return img
}

// Registry is an image registry in the test's process, with the suite's images.
type Registry struct {
	Host  string // 127.0.0.1:PORT
	probe v1.Layer
}

const passwd = `root:x:0:0:root:/root:/probe
app:x:1000:1001:App:/home/app:/probe
`

const group = `root:x:0:
app:x:1001:
staff:x:2000:app,other
other:x:2001:other
`

func newRegistry(t testing.TB) *Registry {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	program, err := os.ReadFile(Probe(t))
	if err != nil {
		t.Fatal(err)
	}
	r := &Registry{Host: strings.TrimPrefix(s.URL, "http://"), probe: Layer(t, File("probe", string(program), 0o755))}
	r.Push(t, "probe:1", r.Image(t, v1.Config{}))
	r.Push(t, "rich:1", r.Image(t, v1.Config{
		Entrypoint: []string{"/probe"}, Cmd: []string{"about", "of", "image"},
		Env:        []string{"FROM_IMAGE=yes", "OVER=image"},
		WorkingDir: "/work", User: "app", StopSignal: "SIGUSR1",
		ExposedPorts: map[string]struct{}{"9000/tcp": {}},
		Healthcheck:  &v1.HealthConfig{Test: []string{"CMD", "/probe", "exit", "0"}},
		Volumes:      map[string]struct{}{"/data": {}},
	}))
	return r
}

// Image makes an image with the probe at /probe over a small base, and further layers.
func (r *Registry) Image(t testing.TB, c v1.Config, more ...v1.Layer) v1.Image {
	base := Layer(t,
		Dir("etc", 0o755), File("etc/passwd", passwd, 0o644), File("etc/group", group, 0o644),
		Dir("root", 0o700), Dir("home/app", 0o755), Dir("tmp", 0o1777), Dir("opt", 0o755),
		File("opt/lower", "from the base", 0o644), File("opt/text", "not a program", 0o755), File("opt/data", "no x bit", 0o644),
	)
	return Image(t, c, append([]v1.Layer{base, r.probe}, more...)...)
}

// Push puts an image into the registry and returns its reference.
func (r *Registry) Push(t testing.TB, ref string, img remote.Taggable) string {
	t.Helper()
	full := r.Host + "/" + ref
	tag, err := name.ParseReference(full)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Push(tag, img); err != nil {
		t.Fatal(err)
	}
	return full
}
