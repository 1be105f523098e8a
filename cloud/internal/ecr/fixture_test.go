package ecr

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const account = "123456789012"

// rig is a service whose registry listens.
type rig struct {
	*Service
	t    testing.TB
	http *httptest.Server
	opts Options
}

func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t}
	r.opts = Options{
		Store: st, Clock: clock.New(1), Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Place:    arn.Place{Partition: "aws", Account: account, Region: "us-east-1"},
		Endpoint: func() string { return strings.TrimPrefix(r.http.URL, "http://") },
	}
	for _, f := range change {
		f(&r.opts)
	}
	if r.Service, err = New(r.opts); err != nil {
		t.Fatal(err)
	}
	r.http = httptest.NewServer(r.Registry())
	t.Cleanup(r.http.Close)
	return r
}

// create makes a repository.
func (r *rig) create(name string, change ...func(*ecr.CreateRepositoryInput)) {
	r.t.Helper()
	in := &ecr.CreateRepositoryInput{RepositoryName: &name}
	for _, f := range change {
		f(in)
	}
	if _, err := r.CreateRepository(r.t.Context(), in); err != nil {
		r.t.Fatal(err)
	}
}

// password is what docker logs in with.
func (r *rig) password(ctx context.Context) string {
	r.t.Helper()
	out, err := r.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		r.t.Fatal(err)
	}
	b, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	if err != nil {
		r.t.Fatal(err)
	}
	user, password, _ := strings.Cut(string(b), ":")
	if user != "AWS" {
		r.t.Fatalf("user is %q", user)
	}
	return password
}

func (r *rig) auth() remote.Option {
	return remote.WithAuth(&authn.Basic{Username: "AWS", Password: r.password(r.t.Context())})
}

// ref names an image of the registry, "app:v1" or "app@sha256:…".
func (r *rig) ref(s string) name.Reference {
	r.t.Helper()
	n, err := name.ParseReference(r.Endpoint() + "/" + s)
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// push pushes an image as a client does.
func (r *rig) push(s string, img v1.Image) string {
	r.t.Helper()
	if err := remote.Write(r.ref(s), img, r.auth()); err != nil {
		r.t.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		r.t.Fatal(err)
	}
	return d.String()
}
