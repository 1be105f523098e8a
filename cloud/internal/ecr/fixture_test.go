package ecr

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

const account = "123456789012"

// rig is a service behind wire, as the cloud serves it, and the SDK's client of it.
type rig struct {
	*Service
	t    testing.TB
	http *httptest.Server
	opts Options
	sdk  *ecr.Client
}

func newRig(t testing.TB, change ...func(*Options)) *rig {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	// The address is known before the server runs, for it tells its own.
	r := &rig{t: t, http: httptest.NewUnstartedServer(nil)}
	r.opts = Options{
		Store: st, Clock: clock.New(1), Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		Place:    arn.Place{Partition: "aws", Account: account, Region: "us-east-1"},
		Endpoint: func() string { return r.http.Listener.Addr().String() },
	}
	for _, f := range change {
		f(&r.opts)
	}
	if r.Service, err = New(r.opts); err != nil {
		t.Fatal(err)
	}
	api := wire.NewServer(wire.Options{Services: []*wire.Service{wire.ECR(r.Ops())}, Log: r.opts.Log})
	api.Handle("/v2/", r.Registry())
	r.http.Config.Handler = api
	r.http.Start()
	t.Cleanup(r.http.Close)
	r.sdk = ecr.New(ecr.Options{
		Region: "us-east-1", BaseEndpoint: &r.http.URL,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIA", SecretAccessKey: "secret"}, nil
		}),
	})
	return r
}

// create makes a repository.
func (r *rig) create(name string, change ...func(*ecr.CreateRepositoryInput)) {
	r.t.Helper()
	in := &ecr.CreateRepositoryInput{RepositoryName: &name}
	for _, f := range change {
		f(in)
	}
	if _, err := r.sdk.CreateRepository(r.t.Context(), in); err != nil {
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

// image makes a random image of one small layer.
func (r *rig) random() v1.Image {
	r.t.Helper()
	img, err := random.Image(512, 1)
	if err != nil {
		r.t.Fatal(err)
	}
	return img
}

// do sends a request to the registry as AWS; header lines are "Name: value".
func (r *rig) do(method, path string, body []byte, header ...string) *http.Response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.http.URL+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	req.SetBasicAuth("AWS", r.password(r.t.Context()))
	for _, h := range header {
		k, v, _ := strings.Cut(h, ": ")
		req.Header.Set(k, v)
	}
	return r.send(req)
}

// send returns the response with its whole body.
func (r *rig) send(req *http.Request) *http.Response {
	r.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(b))
	return resp
}

// want checks a response's status and that its body holds all texts.
func (r *rig) want(resp *http.Response, status int, texts ...string) {
	r.t.Helper()
	b, _ := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(b))
	if resp.StatusCode != status {
		r.t.Fatalf("%s %s: got %s %s, want %d", resp.Request.Method, resp.Request.URL.Path, resp.Status, b, status)
	}
	for _, s := range texts {
		if !strings.Contains(string(b), s) {
			r.t.Errorf("%s %s: %q is not in %s", resp.Request.Method, resp.Request.URL.Path, s, b)
		}
	}
}

// wantError checks the type and the text of an error of the API.
func wantError[E error](t testing.TB, err error, text string) {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want %T", err, err, e)
	}
	if !strings.Contains(err.Error(), text) {
		t.Errorf("got %q, want %q", err, text)
	}
}

func digestOf(b []byte) string { return blobs.Of(b, "") }
