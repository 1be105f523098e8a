package image

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// fakeTool puts a program on PATH that answers as docker does; all else is hidden. It
// returns the file in which the program notes how it was called.
func fakeTool(t *testing.T, tool string, platform string) string {
	t.Helper()
	dir := t.TempDir()
	tag, err := name.NewTag("built:latest")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(filepath.Join(dir, "built.tar"), tag, mustBuild(t, hello(t), BuildOptions{Platform: platform})); err != nil {
		t.Fatal(err)
	}
	script := `#!/bin/sh
echo "$@" >> ` + dir + `/calls
echo "TOKEN is $TOKEN" >> ` + dir + `/calls
case "$1" in
build) echo step one; if [ -n "$FAIL" ]; then echo no such package >&2; exit 7; fi;;
save) while [ "$1" != --output ]; do shift; done; /bin/cp ` + dir + `/built.tar "$2";;
push) /bin/cp ` + dir + `/built.tar "$(echo "$3" | /usr/bin/cut -d: -f2)";;
esac
`
	if err := os.WriteFile(filepath.Join(dir, tool), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	return filepath.Join(dir, "calls")
}

func TestTools(t *testing.T) {
	for _, tool := range []string{"docker", "podman", "buildah"} {
		t.Run(tool, func(t *testing.T) {
			calls := fakeTool(t, tool, "linux/amd64")
			dir := hello(t)
			o := BuildOptions{
				Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile"), Platform: "linux/amd64", Target: "base", Cache: t.TempDir(),
				Args: map[string]string{"TOKEN": "s3cret"}, Builder: "auto",
			}
			var log strings.Builder
			o.Log = &log
			b, err := Build(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			holds(t, b.Image, map[string]string{"out/app": "binary"})
			one := digest(t, b.Image)
			if b.Builder != tool || !strings.Contains(log.String(), "step one") {
				t.Errorf("builder %s, log %q", b.Builder, &log)
			}
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			noted, err := os.ReadFile(calls)
			if err != nil {
				t.Fatal(err)
			}
			text := string(noted)
			if !strings.Contains(text, "--platform linux/amd64 --target base --build-arg TOKEN "+dir) || !strings.Contains(text, "TOKEN is s3cret") || strings.Contains(text, "TOKEN=s3cret") {
				t.Errorf("called with\n%s", text)
			}
			if b, err = Build(t.Context(), o); err != nil || digest(t, b.Image) != one {
				t.Errorf("again: %v, %v", b, err)
			}
		})
	}
}

func TestToolsFail(t *testing.T) {
	dir := hello(t)
	o := BuildOptions{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile"), Platform: "linux/amd64", Cache: noCache, Builder: "docker"}
	t.Run("build", func(t *testing.T) {
		fakeTool(t, "docker", "linux/amd64")
		t.Setenv("FAIL", "1")
		_, err := Build(t.Context(), o)
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "docker build: exit status 7") || !strings.Contains(err.Error(), "no such package") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("another architecture", func(t *testing.T) {
		fakeTool(t, "docker", "linux/arm64")
		_, err := Build(t.Context(), o)
		if !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "linux/arm64") || !strings.Contains(err.Error(), "linux/amd64") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("not there", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if _, err := Build(t.Context(), o); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), "docker is not installed") {
			t.Errorf("got %v", err)
		}
		o := o
		o.Builder = ""
		b, err := Build(t.Context(), o)
		if err != nil || b.Builder != "builtin" {
			t.Fatalf("got %+v, %v", b, err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		fakeTool(t, "docker", "linux/amd64")
		ctx, cancel := context.WithCancel(t.Context())
		o := o
		o.Log = writer(func() { cancel() })
		if _, err := Build(ctx, o); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// writer is told of each write.
type writer func()

func (w writer) Write(p []byte) (int, error) {
	w()
	return len(p), nil
}
