package image

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestMain(m *testing.M) {
	MaybeRun()
	os.Exit(m.Run())
}

// files writes a build context; names are its paths.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for p, text := range content {
		file := filepath.Join(dir, filepath.FromSlash(p))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func build(t *testing.T, dir string, o BuildOptions) (*Built, error) {
	t.Helper()
	o.Context, o.Builder = dir, "builtin"
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

// listing is the image's file system, a line each.
func listing(t *testing.T, img v1.Image) map[string]string {
	t.Helper()
	rc := mutate.Extract(img)
	defer func() { _ = rc.Close() }()
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

const multiStage = `ARG GREETING=hi
FROM scratch AS base
ARG GREETING
WORKDIR /src
COPY app conf/*.txt ./
COPY <<EOF /src/made
greeting: $GREETING
EOF

FROM scratch
LABEL org.example=x
ENV A=1 B=$A
ENV B=${A}2
COPY --from=base --chmod=755 --chown=7:8 /src /out/
COPY tree /tree
EXPOSE 9000 53/udp
VOLUME /data
USER 7
STOPSIGNAL SIGINT
ENTRYPOINT ["/out/app"]
CMD ["serve"]
`

func context4(t *testing.T) string {
	return files(t, map[string]string{
		"Dockerfile": multiStage, "app": "binary", "conf/a.txt": "a", "conf/b.txt": "b", "conf/c.md": "c",
		"tree/x/y": "deep", "tree/secret": "no", ".dockerignore": "tree/secret\n",
	})
}

func TestMultiStage(t *testing.T) {
	b, err := build(t, context4(t), BuildOptions{Args: map[string]string{"GREETING": "ahoy"}, Platform: "linux/arm64"})
	if err != nil {
		t.Fatal(err)
	}
	got := listing(t, b.Image)
	for p, want := range map[string]string{"out/app": "binary", "out/a.txt": "a", "out/made": "greeting: ahoy\n", "tree/x/y": "deep"} {
		if got[p] != want {
			t.Errorf("%s: %q, want %q", p, got[p], want)
		}
	}
	for _, p := range []string{"tree/secret", "out/c.md", "src/app"} {
		if _, ok := got[p]; ok {
			t.Errorf("%s is in the image", p)
		}
	}
	c, err := b.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Architecture != "arm64" || c.Config.User != "7" || c.Config.StopSignal != "SIGINT" || c.Config.Entrypoint[0] != "/out/app" || c.Config.Cmd[0] != "serve" {
		t.Errorf("config %+v", c)
	}
	if strings.Join(c.Config.Env, " ") != "A=1 B=12" {
		t.Errorf("env %v", c.Config.Env)
	}
	if _, ok := c.Config.ExposedPorts["53/udp"]; !ok || len(c.Config.ExposedPorts) != 2 {
		t.Errorf("ports %v", c.Config.ExposedPorts)
	}
}

func TestTheSameInputGivesTheSameDigest(t *testing.T) {
	var digests []string
	for range 2 {
		b, err := build(t, context4(t), BuildOptions{Platform: "linux/amd64"})
		if err != nil {
			t.Fatal(err)
		}
		d, err := b.Image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, d.String())
	}
	if digests[0] != digests[1] {
		t.Errorf("digests %v", digests)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct{ dockerfile, want string }{
		{"FROM scratch\nADD https://example.com/x /x\n", "Dockerfile:2: ADD: https://example.com/x: the builtin builder downloads nothing"},
		{"FROM scratch\nADD a.tar.gz /\n", "unpacks no archives"},
		{"FROM scratch\nCOPY nothing /\n", "Dockerfile:2: COPY: nothing: not found in the build context"},
		{"FROM scratch\nCOPY hidden /\n", ".dockerignore hides it"},
		{"FROM scratch\nRUN echo hi\n", "/bin/sh is not in this stage"},
		{"FROM scratch\nONBUILD COPY a /a\n", "Dockerfile:2: ONBUILD: the builtin builder cannot do this; install docker"},
		{"FROM scratch\nCOPY --from=nope a b\n", "no earlier stage has this name"},
		{"FROM scratch\nCOPI a b\n", "Dockerfile:2: "},
		{"FROM scratch\nCOPY --chown=web a /a\n", `"web" is no number`},
		{"FROM scratch\nCOPY a b /c\n", "a destination that ends with a slash"},
	}
	for _, tt := range tests {
		dir := files(t, map[string]string{"Dockerfile": tt.dockerfile, "a": "1", "b": "2", "a.tar.gz": "", "hidden": "", ".dockerignore": "hidden"})
		_, err := build(t, dir, BuildOptions{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, ErrInput) {
			t.Errorf("%q:\n got %v\nwant %s", tt.dockerfile, err, tt.want)
		}
	}
}

func TestACopyNeverLeavesTheStage(t *testing.T) {
	dir := files(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY tree /\nCOPY a /link/a\n", "a": "1"})
	if err := os.Mkdir(filepath.Join(dir, "tree"), 0o755); err != nil {
		t.Fatal(err)
	}
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "tree", "link")); err != nil {
		t.Fatal(err)
	}
	if _, err := build(t, dir, BuildOptions{}); err == nil {
		t.Error("a link out of the stage was followed")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("written outside: %v, %v", left, err)
	}
}

func TestRunMakesALayerAndWhiteouts(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		busybox = staticShell(t)
	}
	b, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	dir := files(t, map[string]string{"Dockerfile": `FROM scratch AS tools
COPY --chmod=755 sh /bin/sh
COPY gone /gone
RUN run
FROM tools
COPY --from=tools /made /copied
`, "sh": string(b), "gone": "x"})
	built, err := build(t, dir, BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := listing(t, built.Image)
	if got["made"] != "by run\n" || got["copied"] != "by run\n" {
		t.Errorf("made %q, copied %q", got["made"], got["copied"])
	}
	if _, ok := got["gone"]; ok {
		t.Error("a deleted file is still in the image")
	}
}

// staticShell builds a tiny program that stands in for /bin/sh.
func staticShell(t *testing.T) string {
	t.Helper()
	dir := files(t, map[string]string{"go.mod": "module sh\n", "main.go": `package main
import "os"
func main() {
	if os.WriteFile("/made", []byte("by run\n"), 0o644) != nil || os.Remove("/gone") != nil { os.Exit(1) }
}
`})
	out := filepath.Join(dir, "sh")
	cmd := exec.Command("go", "build", "-o", out, ".")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out
}

func TestPushGoesUpOnceAndTagsLast(t *testing.T) {
	srv := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer srv.Close()
	b, err := build(t, context4(t), BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	o := PushOptions{Repository: strings.TrimPrefix(srv.URL, "http://") + "/team/app", Tag: "v1"}
	var most int64
	o.Progress = func(done, _ int64) { most = max(most, done) }
	first, err := Push(context.Background(), b.Image, o)
	if err != nil || first.Was || most == 0 {
		t.Fatalf("first push %+v, %v, progress %d", first, err, most)
	}
	again, err := Push(context.Background(), b.Image, o)
	if err != nil || !again.Was || again.Digest != first.Digest {
		t.Errorf("second push %+v, %v", again, err)
	}
	ref, err := name.ParseReference(o.Repository + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	if d, err := remote.Head(ref); err != nil || d.Digest.String() != first.Digest {
		t.Errorf("tag points at %v, %v", d, err)
	}
}

func TestVersionOf(t *testing.T) {
	dir := files(t, map[string]string{"a": "1"})
	ctx := context.Background()
	v, err := VersionOf(ctx, dir)
	if err != nil || !strings.HasPrefix(v.Tag, "src-") || !v.Dirty {
		t.Errorf("outside git: %+v, %v", v, err)
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "x"}} {
		if _, err := gitOut(ctx, dir, args...); err != nil {
			t.Fatal(err)
		}
	}
	clean, err := VersionOf(ctx, dir)
	if err != nil || clean.Dirty || clean.Tag != clean.Commit || len(clean.Commit) != 40 || clean.Time.IsZero() {
		t.Errorf("clean: %+v, %v", clean, err)
	}
	tags := map[string]bool{}
	for _, text := range []string{"2", "3"} {
		if err := os.WriteFile(filepath.Join(dir, "a"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d, err := VersionOf(ctx, dir)
		if err != nil || !d.Dirty || !strings.HasPrefix(d.Tag, clean.Commit[:12]+"-dirty-") {
			t.Errorf("dirty: %+v, %v", d, err)
		}
		tags[d.Tag] = true
	}
	if len(tags) != 2 {
		t.Errorf("two states share a tag: %v", tags)
	}
}

func TestIgnore(t *testing.T) {
	ig := parseIgnore("# comment\n*\n!bin\nbin/*.tmp\n**/node_modules\n/dist/\n")
	for p, hidden := range map[string]bool{"a": true, "bin": false, "bin/x": false, "bin/x.tmp": true, "bin/node_modules/y": true, "dist": true} {
		if ig.hides(p) != hidden {
			t.Errorf("%s hidden: %v", p, !hidden)
		}
	}
}

func FuzzIgnore(f *testing.F) {
	f.Add("a/**/b\n!x[0-9]\n", "a/b")
	f.Add("[", "[")
	f.Fuzz(func(t *testing.T, rules, path string) { parseIgnore(rules).hides(path) })
}
