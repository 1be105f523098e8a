package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// fakeRegistry is a registry that can be made to misbehave.
type fakeRegistry struct {
	t    testing.TB
	http *httptest.Server
	mu   sync.Mutex
	log  []string // method, path and what matters of each request

	// before sees each request and tells whether it answered.
	before func(w http.ResponseWriter, r *http.Request) bool
}

func newRegistry(t testing.TB) *fakeRegistry {
	t.Helper()
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	f := &fakeRegistry{t: t}
	f.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.log = append(f.log, r.Method+" "+r.URL.RequestURI())
		f.mu.Unlock()
		if f.before == nil || !f.before(w, r) {
			real.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(f.http.Close)
	return f
}

func (f *fakeRegistry) host() string { return strings.TrimPrefix(f.http.URL, "http://") }

func (f *fakeRegistry) options(tag string) PushOptions {
	return PushOptions{Repository: f.host() + "/team/app", Tag: tag}
}

// requests lists what was asked since the last time.
func (f *fakeRegistry) requests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.log
	f.log = nil
	return all
}

// stands makes sure that a tag stands for an image that can be pulled whole.
func (f *fakeRegistry) stands(tag string, img v1.Image) {
	f.t.Helper()
	ref, err := name.ParseReference(f.host() + "/team/app:" + tag)
	if err != nil {
		f.t.Fatal(err)
	}
	got, err := remote.Image(ref)
	if err != nil {
		f.t.Fatal(err)
	}
	if digest(f.t, got) != digest(f.t, img) {
		f.t.Errorf("%s is %s, want %s", tag, digest(f.t, got), digest(f.t, img))
	}
	layers, err := got.Layers()
	if err != nil {
		f.t.Fatal(err)
	}
	for _, l := range layers {
		rc, err := l.Compressed()
		if err == nil {
			_, err = io.Copy(io.Discard, rc)
			rc.Close()
		}
		if err != nil {
			f.t.Error(err)
		}
	}
}

func randomImage(t testing.TB, size int64, layers int64) v1.Image {
	t.Helper()
	img, err := random.Image(size, layers)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestPushGoesUpOnceAndTagsLast(t *testing.T) {
	reg := newRegistry(t)
	img := mustBuild(t, hello(t), BuildOptions{})
	o := reg.options("v1")
	var seen []int64
	var total int64
	o.Progress = func(done, all int64) { seen, total = append(seen, done), all }
	first, err := Push(t.Context(), img, o)
	if err != nil || first.Was || first.Digest != digest(t, img) {
		t.Fatalf("first push %+v, %v", first, err)
	}
	if !slices.IsSorted(seen) || seen[len(seen)-1] != total || total == 0 {
		t.Errorf("progress %v of %d", seen, total)
	}
	var puts []string
	for _, r := range reg.requests() {
		if m, ref, ok := strings.Cut(r, "/manifests/"); ok && strings.HasPrefix(m, "PUT") {
			puts = append(puts, ref)
		}
	}
	if !slices.Equal(puts, []string{first.Digest, "v1"}) {
		t.Errorf("manifests went up as %v, want by digest and then the tag", puts)
	}
	reg.stands("v1", img)
	reg.requests()

	again, err := Push(t.Context(), img, o)
	if err != nil || !again.Was || again.Digest != first.Digest {
		t.Errorf("second push %+v, %v", again, err)
	}
	for _, r := range reg.requests() {
		if !strings.HasPrefix(r, "GET /v2/ ") && !strings.HasPrefix(r, "HEAD ") && r != "GET /v2/" {
			t.Errorf("an image that stood there took %s", r)
		}
	}
	other := reg.options("v2")
	if done, err := Push(t.Context(), img, other); err != nil || done.Was {
		t.Errorf("another tag %+v, %v", done, err)
	}
	for _, r := range reg.requests() {
		if strings.HasPrefix(r, "PATCH") {
			t.Errorf("a layer went up again: %s", r)
		}
	}
}

func TestPushTriesAgain(t *testing.T) {
	reg := newRegistry(t)
	fails := map[string]int{"HEAD": 1, "POST": 1, "PUT": 2}
	var mu sync.Mutex
	reg.before = func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if fails[r.Method] == 0 {
			return false
		}
		fails[r.Method]--
		http.Error(w, "come back later", http.StatusServiceUnavailable)
		return true
	}
	img := randomImage(t, 1000, 1)
	if _, err := Push(t.Context(), img, reg.options("v1")); err != nil {
		t.Fatal(err)
	}
	reg.stands("v1", img)
}

// cutting breaks the first upload after some bytes, as a bad network does, and takes the
// rest if it may.
type cutting struct {
	reg     *fakeRegistry
	after   int64
	resumes bool // it tells how much it has
	mu      sync.Mutex
	cut     bool
	body    []byte
	ranges  []string
}

func (c *cutting) serve(w http.ResponseWriter, r *http.Request) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	const at = "/v2/team/app/blobs/uploads/mine"
	upload := r.URL.Path == at
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/blobs/uploads/"):
		c.body = nil
		w.Header().Set("Location", at)
		w.WriteHeader(http.StatusAccepted)
		return true
	case upload && r.Method == http.MethodGet && c.resumes:
		w.Header().Set("Location", at)
		w.Header().Set("Range", fmt.Sprintf("0-%d", len(c.body)-1))
		w.WriteHeader(http.StatusNoContent)
		return true
	case upload && r.Method == http.MethodPatch:
		c.ranges = append(c.ranges, r.Header.Get("Content-Range"))
		c.patch(w, r)
		return true
	case upload && r.Method == http.MethodPut:
		r.Method = http.MethodPost
		r.URL.Path = "/v2/team/app/blobs/uploads/"
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(c.body)), int64(len(c.body))
	}
	return false
}

func (c *cutting) patch(w http.ResponseWriter, r *http.Request) {
	if !c.cut && r.ContentLength > c.after {
		c.cut = true
		b := make([]byte, c.after)
		_, _ = io.ReadFull(r.Body, b)
		c.body = append(c.body, b...)
		panic(http.ErrAbortHandler)
	}
	b, _ := io.ReadAll(r.Body)
	c.body = append(c.body, b...)
	w.Header().Set("Location", "/v2/team/app/blobs/uploads/mine")
	w.WriteHeader(http.StatusAccepted)
}

func TestPushGoesOnWhereItBroke(t *testing.T) {
	for _, resumes := range []bool{true, false} {
		t.Run(fmt.Sprintf("registry tells %v", resumes), func(t *testing.T) {
			reg := newRegistry(t)
			c := &cutting{reg: reg, after: 100_000, resumes: resumes}
			reg.before = c.serve
			img := randomImage(t, 1_000_000, 1)
			o := reg.options("v1")
			o.Jobs = 1
			var last, total int64
			o.Progress = func(done, all int64) { last, total = done, all }
			if _, err := Push(t.Context(), img, o); err != nil {
				t.Fatal(err)
			}
			reg.stands("v1", img)
			if last != total {
				t.Errorf("progress ended at %d of %d", last, total)
			}
			resumed := slices.ContainsFunc(c.ranges, func(s string) bool { return strings.HasPrefix(s, "100000-") })
			if resumed != resumes || !c.cut {
				t.Errorf("cut %v, ranges %v", c.cut, c.ranges)
			}
		})
	}
}

func TestPushToATakenTag(t *testing.T) {
	reg := newRegistry(t)
	old := randomImage(t, 100, 1)
	if _, err := Push(t.Context(), old, reg.options("v1")); err != nil {
		t.Fatal(err)
	}
	reg.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/manifests/v1") {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"errors":[{"code":"TAG_INVALID","message":"The image tag 'v1' already exists in the 'team/app' repository and cannot be overwritten because the repository is immutable."}]}`)
		return true
	}
	if done, err := Push(t.Context(), old, reg.options("v1")); err != nil || !done.Was {
		t.Errorf("the same image: %+v, %v", done, err)
	}
	img := randomImage(t, 100, 1)
	_, err := Push(t.Context(), img, reg.options("v1"))
	if !errors.Is(err, ErrTagTaken) || !strings.Contains(err.Error(), digest(t, old)) || !strings.Contains(err.Error(), digest(t, img)) {
		t.Errorf("got %v", err)
	}
}

// Layers of a base that lies in the same registry are linked, not sent.
func TestPushMountsLayersOfTheBase(t *testing.T) {
	reg := newRegistry(t)
	base := randomImage(t, 100, 1)
	ref, err := name.ParseReference(reg.host() + "/base/os:1")
	if err != nil {
		t.Fatal(err)
	}
	base = withPlatform(t, base)
	if err := remote.Write(ref, base); err != nil {
		t.Fatal(err)
	}
	img := mustBuild(t, files(t, map[string]string{"Dockerfile": "FROM " + ref.String() + "\nCOPY a /a\n", "a": "1"}), BuildOptions{Platform: "linux/amd64"})
	mounted := ""
	reg.before = func(w http.ResponseWriter, r *http.Request) bool {
		q := r.URL.Query()
		if r.Method == http.MethodPost && q.Get("mount") != "" {
			mounted = q.Get("mount") + " from " + q.Get("from")
			w.WriteHeader(http.StatusCreated)
			return true
		}
		return r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/team/app/blobs/") && answer(w, http.StatusNotFound)
	}
	if _, err := Push(t.Context(), img, reg.options("v1")); err != nil {
		t.Fatal(err)
	}
	layers, err := base.Layers()
	if err != nil {
		t.Fatal(err)
	}
	h, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	if mounted != h.String()+" from base/os" {
		t.Errorf("mounted %q", mounted)
	}
}

func answer(w http.ResponseWriter, status int) bool {
	w.WriteHeader(status)
	return true
}

func TestPushRefusals(t *testing.T) {
	reg := newRegistry(t)
	img := randomImage(t, 100, 1)
	for name, o := range map[string]PushOptions{
		"repository": {Repository: "UPPER case", Tag: "v1"}, "tag": {Repository: "localhost:1/app", Tag: "v 1"}, "no host": {Repository: "app", Tag: "v1"},
	} {
		if _, err := Push(t.Context(), img, o); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v", name, err)
		}
	}
	reg.before = func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user == "AWS" && password == "secret" {
			return false
		}
		w.Header().Set("Www-Authenticate", `Basic realm="x"`)
		return answer(w, http.StatusUnauthorized)
	}
	o := reg.options("v1")
	o.Auth = Auth{"AWS", "wrong-password"}
	_, err := Push(t.Context(), img, o)
	if err == nil || !strings.Contains(err.Error(), "refused the credentials (401)") || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("got %v", err)
	}
	o.Auth.Password = "secret"
	if _, err := Push(t.Context(), img, o); err != nil {
		t.Error(err)
	}
	reg.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'team/app' does not exist in the registry with id '1'"}]}`)
		return true
	}
	_, err = Push(t.Context(), randomImage(t, 100, 1), reg.options("v9"))
	if err == nil || !strings.HasSuffix(err.Error(), "app:v9: The repository with name 'team/app' does not exist in the registry with id '1'") {
		t.Errorf("got %v", err)
	}
}

func TestPlainHTTPIsForLoopbackOnly(t *testing.T) {
	reached := false
	l := loopbackOnly{roundTrip(func(*http.Request) (*http.Response, error) {
		reached = true
		return nil, io.EOF
	})}
	for at, ok := range map[string]bool{
		"http://127.0.0.1:5000/": true, "http://127.9.9.9/": true, "http://[::1]:1/": true, "http://localhost:4566/": true, "https://10.0.0.1/": true,
		"http://10.0.0.1:5000/": false, "http://registry.local/": false, "http://localhost.evil.example/": false, "http://192.168.1.1/": false,
	} {
		reached = false
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.RoundTrip(req); reached != ok || !ok && !errors.Is(err, errPlain) {
			t.Errorf("%s: reached %v, %v", at, reached, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAgainGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, begin := 0, time.Now()
		err := again(t.Context(), func() error { n++; return io.ErrUnexpectedEOF })
		if took := time.Since(begin); !errors.Is(err, io.ErrUnexpectedEOF) || n != attempts || took < 6*time.Second || took > 8*time.Second {
			t.Errorf("%v after %d attempts and %s", err, n, took)
		}
		n = 0
		if err := again(t.Context(), func() error { n++; return errContent }); !errors.Is(err, errContent) || n != 1 {
			t.Errorf("%v after %d attempts", err, n)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := again(ctx, func() error { return io.EOF }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
