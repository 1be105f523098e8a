package ecr

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestPushAndPull(t *testing.T) {
	r := newRig(t)
	r.create("team/app")
	img, err := random.Image(100_000, 3)
	if err != nil {
		t.Fatal(err)
	}
	digest := r.push("team/app:v1", img)
	for _, ref := range []string{"team/app:v1", "team/app@" + digest} {
		got, err := remote.Image(r.ref(ref), r.auth())
		if err != nil {
			t.Fatal(err)
		}
		if err := validate.Image(got); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPushToUnknownRepository(t *testing.T) {
	r := newRig(t)
	img, err := random.Image(10, 1)
	if err != nil {
		t.Fatal(err)
	}
	err = remote.Write(r.ref("nothing/here:v1"), img, r.auth())
	want := "The repository with name 'nothing/here' does not exist in the registry with id '123456789012'"
	if err == nil || !strings.Contains(err.Error(), "NAME_UNKNOWN: "+want) {
		t.Fatalf("got %v", err)
	}
}
