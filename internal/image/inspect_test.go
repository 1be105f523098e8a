package image

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// withPlatform says that a random image is for linux/amd64.
func withPlatform(t testing.TB, img v1.Image) v1.Image {
	t.Helper()
	c := config(t, img).DeepCopy()
	c.OS, c.Architecture = "linux", "amd64"
	out, err := mutate.ConfigFile(img, c)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestInspect(t *testing.T) {
	reg := newRegistry(t)
	img := mustBuild(t, hello(t), BuildOptions{Platform: "linux/arm64"})
	if _, err := Push(t.Context(), img, reg.options("v1")); err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(t.Context(), reg.host()+"/team/app:v1", InspectOptions{Platform: "linux/arm64"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != digest(t, img) || !slices.Equal(got.Platforms, []string{"linux/arm64"}) || !slices.Equal(got.ExposedPorts, []string{"53/udp", "9000/tcp"}) ||
		got.User != "7" || !got.Healthcheck {
		t.Errorf("got %+v", got)
	}
	if byDigest, err := Inspect(t.Context(), reg.host()+"/team/app@"+got.Digest, InspectOptions{}); err != nil || byDigest.Digest != got.Digest {
		t.Errorf("by digest %+v, %v", byDigest, err)
	}
	_, err = Inspect(t.Context(), reg.host()+"/team/app:v2", InspectOptions{})
	if !errors.Is(err, ErrNoImage) || !strings.Contains(err.Error(), "app:v2") {
		t.Errorf("got %v", err)
	}
	if _, err := Inspect(t.Context(), "a b", InspectOptions{}); !errors.Is(err, ErrInput) {
		t.Errorf("got %v", err)
	}
	if _, err := Inspect(t.Context(), "a", InspectOptions{Platform: "a/b/c/d/e"}); !errors.Is(err, ErrInput) {
		t.Errorf("got %v", err)
	}
}

func TestInspectIndex(t *testing.T) {
	reg := newRegistry(t)
	idx := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		img := mustBuild(t, files(t, map[string]string{"Dockerfile": "FROM scratch\nEXPOSE 9000\nCOPY a /" + arch + "\n", "a": "1"}), BuildOptions{Platform: "linux/" + arch})
		idx = mutate.AppendManifests(idx, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	ref, err := name.ParseReference(reg.host() + "/team/multi:v1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, idx); err != nil {
		t.Fatal(err)
	}
	got, err := Inspect(t.Context(), ref.String(), InspectOptions{})
	if err != nil || !slices.Equal(got.Platforms, []string{"linux/amd64", "linux/arm64"}) || len(got.ExposedPorts) != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = Inspect(t.Context(), ref.String(), InspectOptions{Platform: "linux/s390x"})
	if err != nil || len(got.Platforms) != 2 || got.ExposedPorts != nil {
		t.Errorf("a platform that it lacks: %+v, %v", got, err)
	}
	holds(t, mustBuild(t, files(t, map[string]string{"Dockerfile": "FROM " + ref.String() + "\nCOPY a /b\n", "a": "1"}), BuildOptions{Platform: "linux/arm64"}), map[string]string{"arm64": "1", "amd64": ""})
}
