package main

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// program is a module small enough to be built for two systems in a test: it has the two
// commands that a release runs.
var program = map[string]string{
	"go.mod":       "module example.com/small\n\ngo 1.26\n",
	"LICENSE":      "none\n",
	"README.md":    "# Small\n",
	"CHANGELOG.md": "# Changes\n",
	"cmd/small/main.go": `package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	switch os.Args[1] {
	case "completion":
		fmt.Println("complete", os.Args[2])
	case "man":
		dir := os.Args[3]
		if err := os.MkdirAll(dir, 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "small.1"), []byte(".TH SMALL 1\n"), 0o644); err != nil {
			panic(err)
		}
	}
}
`,
}

// repository makes a repository of the program with one commit, tagged v1.2.3.
func repository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range program {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "all"}, {"tag", "v1.2.3"}} {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_COMMITTER_DATE=2026-01-02T03:04:06Z", "GIT_AUTHOR_DATE=2026-01-02T03:04:06Z")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

func small(dir, out string) *release {
	return &release{
		Dir: dir, Out: out, Package: "./cmd/small", Name: "small", Targets: []string{"linux/amd64", "linux/arm64", "windows/amd64"},
		Env: []string{"GOFLAGS="}, Say: func(string) {},
	}
}

func TestRelease(t *testing.T) {
	dir, out := repository(t), filepath.Join(t.TempDir(), "dist")
	r := small(dir, out)
	if err := r.check(t.Context()); err != nil { // twice, in two places: the same bytes
		t.Fatal(err)
	}
	var names []string
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{
		"SHA256SUMS", "small_v1.2.3_image.tar",
		"small_v1.2.3_linux_amd64.cdx.json", "small_v1.2.3_linux_amd64.tar.gz",
		"small_v1.2.3_linux_arm64.cdx.json", "small_v1.2.3_linux_arm64.tar.gz",
		"small_v1.2.3_windows_amd64.cdx.json", "small_v1.2.3_windows_amd64.zip",
	}
	if !slices.Equal(names, want) {
		t.Errorf("released %q, want %q", names, want)
	}
	t.Run("sums", func(t *testing.T) { sumsHold(t, out) })
	t.Run("archives", func(t *testing.T) { archivesHold(t, out) })
	t.Run("bill", func(t *testing.T) { billHolds(t, out) })
	t.Run("image", func(t *testing.T) { imageHolds(t, out) })
}

// sumsHold asks sha256sum, where there is one, and counts.
func sumsHold(t *testing.T, out string) {
	b, err := os.ReadFile(filepath.Join(out, sumsFile))
	if err != nil || strings.Count(string(b), "\n") != 7 {
		t.Errorf("%v:\n%s", err, b)
	}
	for line := range strings.Lines(string(b)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if got, err := sha256Of(filepath.Join(out, name)); err != nil || hexOf(got) != sum {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, c := range b {
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
	return out.String()
}

func archivesHold(t *testing.T, out string) {
	want := func(top, program string) []string {
		all := []string{
			top + "/CHANGELOG.md", top + "/LICENSE", top + "/README.md", top + "/completions/_small", top + "/completions/small.bash",
			top + "/completions/small.fish", top + "/completions/small.ps1", top + "/man/man1/small.1", top + "/" + program, top + "/small.cdx.json",
		}
		slices.Sort(all)
		return all
	}
	f, err := os.Open(filepath.Join(out, "small_v1.2.3_linux_amd64.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, h.Name)
		if h.ModTime.UTC().Format("15:04:05") != "03:04:06" || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s: %v, user %d %q", h.Name, h.ModTime, h.Uid, h.Uname)
		}
		if strings.HasSuffix(h.Name, "/small") && h.Mode != 0o755 {
			t.Errorf("%s has mode %o", h.Name, h.Mode)
		}
	}
	if top := want("small_v1.2.3_linux_amd64", "small"); !slices.Equal(got, top) {
		t.Errorf("the tar has %q, want %q", got, top)
	}
	w, err := zip.OpenReader(filepath.Join(out, "small_v1.2.3_windows_amd64.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	got = nil
	for _, f := range w.File {
		got = append(got, f.Name)
	}
	if top := want("small_v1.2.3_windows_amd64", "small.exe"); !slices.Equal(got, top) {
		t.Errorf("the zip has %q, want %q", got, top)
	}
}

func billHolds(t *testing.T, out string) {
	b, err := os.ReadFile(filepath.Join(out, "small_v1.2.3_linux_arm64.cdx.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got bom
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	c := got.Metadata.Component
	if got.Format != "CycloneDX" || c.PURL != "pkg:golang/example.com/small@v1.2.3" || len(c.Hashes) != 1 || got.Metadata.Timestamp != "2026-01-02T03:04:06Z" {
		t.Errorf("%s", b)
	}
	if len(got.Components) != 1 || got.Components[0].Name != "std" || got.Dependencies[0].DependsOn[0] != got.Components[0].Ref {
		t.Errorf("%s", b)
	}
}

// imageHolds unpacks the layout and has the registry library check all of it.
func imageHolds(t *testing.T, out string) {
	dir := t.TempDir()
	f, err := os.Open(filepath.Join(out, "small_v1.2.3_image.tar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpack(t, f, dir)
	top, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := top.IndexManifest()
	if err != nil || len(m.Manifests) != 1 || m.Manifests[0].Annotations["io.containerd.image.name"] != "small:v1.2.3" {
		t.Fatalf("%v, %v", m, err)
	}
	index, err := top.ImageIndex(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	if m, err = index.IndexManifest(); err != nil || len(m.Manifests) != 2 {
		t.Fatalf("%v, %v", m, err)
	}
	for i, arch := range []string{"amd64", "arm64"} {
		img, err := index.Image(m.Manifests[i].Digest)
		if err != nil {
			t.Fatal(err)
		}
		conf, err := img.ConfigFile()
		if err != nil || conf.Architecture != arch || m.Manifests[i].Platform.Architecture != arch || conf.Config.User != "65532:65532" || conf.Config.Entrypoint[0] != "/usr/local/bin/small" {
			t.Errorf("%+v, %v", conf, err)
		}
		files := filesOf(t, img)
		if roots := files["etc/ssl/certs/ca-certificates.crt"]; strings.Count(roots, "BEGIN CERTIFICATE") < 50 {
			t.Errorf("%d certificates", strings.Count(roots, "BEGIN CERTIFICATE"))
		}
		if files["usr/local/bin/small"] == "" {
			t.Error("the program is not in the image")
		}
	}
}

func unpack(t *testing.T, from io.Reader, dir string) {
	t.Helper()
	files := map[string]string{}
	contentsOf(t, from, files)
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

func filesOf(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		contentsOf(t, r, out)
		_ = r.Close()
	}
	return out
}

// contentsOf reads a tar's files into to.
func contentsOf(t *testing.T, from io.Reader, to map[string]string) {
	t.Helper()
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		to[h.Name] = string(b)
	}
}

// TestOtherBytesAreNoticed: the comparison can fail.
func TestOtherBytesAreNoticed(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	write := func(dir, text string) {
		if err := os.WriteFile(filepath.Join(dir, sumsFile), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(a, "1  x\n2  y\n")
	write(b, "1  x\n3  y\n")
	if err := same(a, b); err == nil || !strings.Contains(err.Error(), "2  y") || strings.Contains(err.Error(), "1  x") {
		t.Errorf("%v", err)
	}
	write(b, "1  x\n2  y\n")
	if err := same(a, b); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeReleased(t *testing.T) {
	dir := repository(t)
	r := small(dir, t.TempDir())
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("# Other\n"), fs.FileMode(0o644)); err != nil {
		t.Fatal(err)
	}
	if err := r.check(context.WithoutCancel(t.Context())); err == nil || !strings.Contains(err.Error(), "README.md") {
		t.Errorf("a work tree with changes: %v", err)
	}
	r = small(t.TempDir(), t.TempDir())
	if err := r.produce(t.Context()); err == nil || !strings.Contains(err.Error(), "git") {
		t.Errorf("no repository: %v", err)
	}
	r = small(dir, t.TempDir())
	r.Targets = []string{"linux"}
	if err := r.produce(t.Context()); err == nil || !strings.Contains(err.Error(), `"linux" is not os/arch`) {
		t.Errorf("a target without an architecture: %v", err)
	}
}
