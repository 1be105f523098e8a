package ecr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func TestChunksAndTheirOrder(t *testing.T) {
	r := newRig(t)
	r.create("app")
	at := r.do("POST", "/v2/app/blobs/uploads/", nil).Header.Get("Location")
	chunk := func(body, span string) *http.Response {
		return r.do("PATCH", at, []byte(body), "Content-Range: "+span)
	}
	r.want(chunk("hello ", "0-5"), 202)
	resp := chunk("again ", "0-5")
	r.want(resp, 416, "BLOB_UPLOAD_INVALID")
	if got := resp.Header.Get("Range"); got != "0-5" {
		t.Errorf("Range is %q: a client cannot go on", got)
	}
	r.want(chunk("x", "a-b"), 400)
	r.want(chunk("xyz", "6-7"), 400, "SIZE_INVALID")
	resp = r.do("GET", at, nil)
	r.want(resp, 204)
	if got := resp.Header.Get("Range"); got != "0-5" {
		t.Errorf("Range is %q", got)
	}
	d := digestOf([]byte("hello world"))
	r.want(r.do("PUT", at+"?digest="+d, []byte("world"), "Content-Range: 6-10"), 201)
	r.want(r.do("GET", at, nil), 404, "BLOB_UPLOAD_UNKNOWN")
	r.want(r.do("GET", "/v2/app/blobs/"+d, nil, "Range: bytes=6-"), 206, "world")
	r.want(r.do("DELETE", "/v2/app/blobs/"+d, nil), 202)
	r.want(r.do("HEAD", "/v2/app/blobs/"+d, nil), 404)
}

func TestCancelUpload(t *testing.T) {
	r := newRig(t)
	r.create("app")
	r.create("other")
	at := r.do("POST", "/v2/app/blobs/uploads/", nil).Header.Get("Location")
	r.want(r.do("GET", strings.Replace(at, "app", "other", 1), nil), 404, "BLOB_UPLOAD_UNKNOWN")
	r.want(r.do("DELETE", at, nil), 204)
	r.want(r.do("PATCH", at, []byte("x")), 404, "BLOB_UPLOAD_UNKNOWN")
}

// A client whose connection broke asks how far it got and goes on, also after the
// registry was killed and started again.
func TestUploadGoesOnAfterBreakAndRestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	st, err := store.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	with := func(st *store.Store) func(*Options) { return func(o *Options) { o.Store, o.Dir = st, dir } }
	r := newRig(t, with(st))
	r.create("app")
	password := r.password(t.Context())
	at := r.do("POST", "/v2/app/blobs/uploads/", nil).Header.Get("Location")
	content := bytes.Repeat([]byte("0123456789"), 50_000)
	r.breakAfter(at, password, content[:200_000])
	r.http.Close() // waits for the handler
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	if st, err = store.Open(file); err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	r = newRig(t, with(st))
	if _, err := r.tokens.read(password, r.now()); err != nil {
		t.Errorf("the password does not outlive a restart: %v", err)
	}
	u, err := r.findUpload("app", at[strings.LastIndexByte(at, '/')+1:])
	if err != nil {
		t.Fatal(err)
	}
	if u.Size() != 200_000 {
		t.Fatalf("%d bytes arrived", u.Size())
	}
	d := digestOf(content)
	r.want(r.do("PUT", at+"?digest="+d, content[200_000:]), 201)
	r.want(r.do("HEAD", "/v2/app/blobs/"+d, nil), 200)
}

// breakAfter sends a chunk and breaks the connection when all of it has arrived.
func (r *rig) breakAfter(at, password string, content []byte) {
	r.t.Helper()
	body, feed := io.Pipe()
	req, err := http.NewRequestWithContext(r.t.Context(), "PATCH", r.http.URL+at, body)
	if err != nil {
		r.t.Fatal(err)
	}
	req.SetBasicAuth("AWS", password)
	broken := make(chan error)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		broken <- err
	}()
	if _, err := feed.Write(content); err != nil {
		r.t.Fatal(err)
	}
	want := fmt.Sprintf("0-%d", len(content)-1)
	for r.do("GET", at, nil).Header.Get("Range") != want {
		runtime.Gosched()
	}
	feed.CloseWithError(io.ErrUnexpectedEOF)
	if <-broken == nil {
		r.t.Fatal("a broken body was taken")
	}
}

func TestMountBetweenRepositories(t *testing.T) {
	r := newRig(t)
	r.create("from")
	r.create("to")
	content := []byte("a layer")
	d := digestOf(content)
	r.want(r.do("POST", "/v2/from/blobs/uploads/?digest="+d, content), 201)
	r.want(r.do("POST", "/v2/to/blobs/uploads/?mount="+d+"&from=nowhere", nil), 202)
	r.want(r.do("HEAD", "/v2/to/blobs/"+d, nil), 404)
	if _, err := r.sdk.PutAccountSetting(t.Context(), &ecr.PutAccountSettingInput{Name: aws.String(blobMounting), Value: aws.String(disabled)}); err != nil {
		t.Fatal(err)
	}
	r.want(r.do("POST", "/v2/to/blobs/uploads/?mount="+d+"&from=from", nil), 202)
	if _, err := r.sdk.PutAccountSetting(t.Context(), &ecr.PutAccountSettingInput{Name: aws.String(blobMounting), Value: aws.String("ENABLED")}); err != nil {
		t.Fatal(err)
	}
	r.want(r.do("POST", "/v2/to/blobs/uploads/?mount="+d, nil), 201)
	r.want(r.do("GET", "/v2/to/blobs/"+d, nil), 200, "a layer")
}

// Nobody learns by mounting what a repository holds that they may not read.
func TestMountNeedsPermissionToRead(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Authorize = func(_ context.Context, action, resource string) error {
			if action == "ecr:GetDownloadUrlForLayer" && strings.HasSuffix(resource, "/secret") {
				return errors.New("no")
			}
			return nil
		}
	})
	r.create("secret")
	r.create("mine")
	content := []byte("a layer")
	d := digestOf(content)
	r.want(r.do("POST", "/v2/secret/blobs/uploads/?digest="+d, content), 201)
	r.want(r.do("POST", "/v2/mine/blobs/uploads/?from=secret&mount="+d, nil), 202)
	r.want(r.do("POST", "/v2/mine/blobs/uploads/?mount="+d, nil), 202)
}

func TestLayersByAPI(t *testing.T) {
	r := newRig(t)
	r.create("app")
	name := aws.String("app")
	begun, err := r.sdk.InitiateLayerUpload(t.Context(), &ecr.InitiateLayerUploadInput{RepositoryName: name})
	if err != nil {
		t.Fatal(err)
	}
	part := func(first int64, body string) error {
		_, err := r.sdk.UploadLayerPart(t.Context(), &ecr.UploadLayerPartInput{
			RepositoryName: name, UploadId: begun.UploadId, LayerPartBlob: []byte(body),
			PartFirstByte: aws.Int64(first), PartLastByte: aws.Int64(first + int64(len(body)) - 1),
		})
		return err
	}
	complete := func(d string) error {
		_, err := r.sdk.CompleteLayerUpload(t.Context(), &ecr.CompleteLayerUploadInput{
			RepositoryName: name, UploadId: begun.UploadId, LayerDigests: []string{d},
		})
		return err
	}
	d := digestOf([]byte("hello world"))
	wantError[*types.EmptyUploadException](t, complete(d), "no parts")
	if err := part(0, "hello "); err != nil {
		t.Fatal(err)
	}
	err = part(0, "hello ")
	wantError[*types.InvalidLayerPartException](t, err, "not consecutive")
	var bad *types.InvalidLayerPartException
	if errors.As(err, &bad); aws.ToInt64(bad.LastValidByteReceived) != 5 {
		t.Errorf("last valid byte is %d", aws.ToInt64(bad.LastValidByteReceived))
	}
	if err := part(6, "world"); err != nil {
		t.Fatal(err)
	}
	if err := complete(d); err != nil {
		t.Fatal(err)
	}
	wantError[*types.UploadNotFoundException](t, complete(d), "could not be found")
	have, err := r.sdk.BatchCheckLayerAvailability(t.Context(), &ecr.BatchCheckLayerAvailabilityInput{
		RepositoryName: name, LayerDigests: []string{d, digestOf(nil), "sha256:12"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(have.Layers) != 2 || have.Layers[0].LayerAvailability != types.LayerAvailabilityAvailable || aws.ToInt64(have.Layers[0].LayerSize) != 11 ||
		have.Layers[1].LayerAvailability != types.LayerAvailabilityUnavailable || len(have.Failures) != 1 {
		t.Errorf("got %+v", have)
	}
	where, err := r.sdk.GetDownloadUrlForLayer(t.Context(), &ecr.GetDownloadUrlForLayerInput{RepositoryName: name, LayerDigest: &d})
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(url string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		return r.send(req)
	}
	r.want(fetch(*where.DownloadUrl), 200, "hello world")
	r.want(fetch(strings.Replace(*where.DownloadUrl, d, digestOf(nil), 1)), 403, "DENIED")
}

// zeros is a stream of n bytes.
func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestMemoryDoesNotGrowWithLayers(t *testing.T) {
	r := newRig(t)
	r.create("app")
	const size = 128 << 20
	at := r.do("POST", "/v2/app/blobs/uploads/", nil).Header.Get("Location")
	req, err := http.NewRequestWithContext(t.Context(), "PATCH", r.http.URL+at, zeros(size))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("AWS", r.password(t.Context()))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r.want(r.send(req), 202)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes were allocated for a layer of %d", grown, size)
	}
}
