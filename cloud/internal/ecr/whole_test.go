package ecr

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Every operation of the SDK's client is answered, but for what replication alone needs.
func TestEveryOperationIsAnswered(t *testing.T) {
	r := newRig(t)
	have := map[string]bool{}
	for _, op := range r.Ops() {
		have[op.Name] = true
	}
	client := reflect.TypeFor[*ecr.Client]()
	for i := range client.NumMethod() {
		name := client.Method(i).Name
		if name == "Options" || strings.Contains(name, "ReplicationBackfill") {
			continue
		}
		if !have[name] {
			t.Errorf("%s is not answered", name)
		}
	}
}

// Clients push images that share layers, all at the same time, while the house is kept.
func TestManyAtOnce(t *testing.T) {
	r := newRig(t)
	shared, err := random.Layer(50_000, "application/vnd.docker.image.rootfs.diff.tar.gzip")
	if err != nil {
		t.Fatal(err)
	}
	const clients = 6
	images := make([]v1.Image, clients)
	for i := range images {
		r.create(fmt.Sprintf("app%d", i))
		if images[i], err = mutate.AppendLayers(r.random(), shared); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	var wg, keeper sync.WaitGroup
	keeper.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := r.keepHouse(); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	auth := r.auth()
	for i, img := range images {
		wg.Go(func() {
			for _, tag := range []string{"one", "two"} {
				if err := remote.Write(r.ref(fmt.Sprintf("app%d:%s", i, tag)), img, auth); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	close(done)
	keeper.Wait()
	h, err := shared.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if got := r.holders(h.String()); len(got) != clients {
		t.Errorf("the shared layer is in %v", got)
	}
	if n := len(slices.Collect(r.blobs.All())); n != 1+3*clients { // each has a layer, a configuration and a manifest of its own
		t.Errorf("%d blobs are stored, want %d", n, 1+3*clients)
	}
}

func TestLayersInUseStay(t *testing.T) {
	r := newRig(t)
	r.create("app")
	img := r.random()
	digest := r.push("app:v1", img)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	h, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	r.want(r.do("DELETE", "/v2/app/blobs/"+h.String(), nil), 405, "UNSUPPORTED", "part of an image")
	r.want(r.do("DELETE", "/v2/app/manifests/v1", nil), 202)
	r.want(r.do("GET", "/v2/app/manifests/"+digest, nil), 200) // over HTTP a tag goes alone
	r.want(r.do("DELETE", "/v2/app/manifests/"+digest, nil), 202)
	r.want(r.do("DELETE", "/v2/app/blobs/"+h.String(), nil), 202)
}

func TestEncryptionIsARecord(t *testing.T) {
	r := newRig(t)
	for name, tc := range map[string]struct {
		in   types.EncryptionConfiguration
		want string
	}{
		"own": {types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeKms, KmsKey: aws.String("arn:aws:kms:us-east-1:123456789012:key/1")}, "arn:aws:kms:us-east-1:123456789012:key/1"},
		"aws": {types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeKms}, "arn:aws:kms:us-east-1:123456789012:alias/aws/ecr"},
	} {
		out, err := r.sdk.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &name, EncryptionConfiguration: &tc.in})
		if err != nil || aws.ToString(out.Repository.EncryptionConfiguration.KmsKey) != tc.want {
			t.Errorf("%s: %+v, %v", name, out, err)
		}
	}
}

func TestErrorsOfTheRegistryAreWords(t *testing.T) {
	if got := problem(404, "BLOB_UNKNOWN", "no %s", "blob").Error(); got != "BLOB_UNKNOWN: no blob" {
		t.Errorf("got %q", got)
	}
	if got := message(fmt.Errorf("plain")); got != "plain" {
		t.Errorf("got %q", got)
	}
	if got := message(noRepository("a", "1")); got != "The repository with name 'a' does not exist in the registry with id '1'" {
		t.Errorf("got %q", got)
	}
}

func TestWildcardsMatchSlashes(t *testing.T) {
	for pattern, want := range map[string]bool{"*": true, "team/*": true, "*app": true, "team*": true, "t*/*p": true, "app": false, "*x*": false, "[": false} {
		if got := wild(pattern, "team/app"); got != want {
			t.Errorf("%s: %v", pattern, got)
		}
	}
}

// Templates refuse documents that repositories would refuse, and the longest prefix wins.
func TestTemplates(t *testing.T) {
	r := newRig(t)
	create := func(prefix string, change func(*ecr.CreateRepositoryCreationTemplateInput)) error {
		in := &ecr.CreateRepositoryCreationTemplateInput{Prefix: &prefix, AppliedFor: []types.RCTAppliedFor{types.RCTAppliedForCreateOnPush}}
		if change != nil {
			change(in)
		}
		_, err := r.sdk.CreateRepositoryCreationTemplate(t.Context(), in)
		return err
	}
	wantError[*types.InvalidParameterException](t, create("bad", func(in *ecr.CreateRepositoryCreationTemplateInput) { in.RepositoryPolicy = aws.String("x") }), "policy")
	wantError[*types.InvalidParameterException](t, create("bad", func(in *ecr.CreateRepositoryCreationTemplateInput) { in.LifecyclePolicy = aws.String("x") }), "LifecyclePolicyText")
	for prefix, m := range map[string]types.ImageTagMutability{"ROOT": "MUTABLE", "team": "IMMUTABLE", "team/sub": "MUTABLE"} {
		if err := create(prefix, func(in *ecr.CreateRepositoryCreationTemplateInput) { in.ImageTagMutability = m }); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"other": "MUTABLE", "team/app": "IMMUTABLE", "team/sub/app": "MUTABLE", "teams/app": "MUTABLE"} {
		if err := r.createOnPush(name); err != nil {
			t.Fatal(err)
		}
		if repo, err := r.exists(nil, &name); err != nil || repo.Mutability != want {
			t.Errorf("%s is %s, want %s, %v", name, repo.Mutability, want, err)
		}
	}
}
