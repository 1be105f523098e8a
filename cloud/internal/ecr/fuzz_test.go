package ecr

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
)

// Whatever is sent, the registry answers, and never that it broke.
func FuzzRegistry(f *testing.F) {
	r := newRig(f)
	r.create("app")
	d := r.push("app:v1", r.random())
	for _, seed := range []struct{ method, path, query, span, body string }{
		{"GET", "/v2/", "", "", ""},
		{"GET", "/v2/app/manifests/v1", "", "", ""},
		{"PUT", "/v2/app/manifests/v2", "", "", `{"schemaVersion":2,"config":{"digest":"` + d + `"}}`},
		{"PUT", "/v2/app/manifests/" + d, "tag=a&tag=b", "", `{"schemaVersion":2,"manifests":[]}`},
		{"DELETE", "/v2/app/manifests/v2", "", "", ""},
		{"POST", "/v2/app/blobs/uploads/", "digest=" + digestOf([]byte("x")), "", "x"},
		{"POST", "/v2/app/blobs/uploads/", "mount=" + d + "&from=app", "", ""},
		{"PATCH", "/v2/app/blobs/uploads/00000000-0000-0000-0000-000000000000", "", "0-5", "hello"},
		{"GET", "/v2/app/tags/list", "n=1&last=v", "", ""},
		{"GET", "/v2/app/referrers/" + d, "artifactType=x", "", ""},
		{"GET", "/v2//blobs/uploads/..", "%zz", "bytes 5-0/3", ""},
	} {
		f.Add(seed.method, seed.path, seed.query, seed.span, []byte(seed.body))
	}
	password := r.password(f.Context())
	f.Fuzz(func(t *testing.T, method, path, query, span string, body []byte) {
		req := httptest.NewRequest(http.MethodGet, "/v2/", bytes.NewReader(body))
		req.Method, req.URL.Path, req.URL.RawQuery = method, path, query
		req.Header.Set("Content-Range", span)
		req.SetBasicAuth("AWS", password)
		w := httptest.NewRecorder()
		r.Registry().ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Errorf("%s %s?%s: %d %s", method, path, query, w.Code, w.Body)
		}
	})
}

// A manifest that is taken refers to digests only.
func FuzzManifest(f *testing.F) {
	f.Add(typeOCI, []byte(`{"schemaVersion":2,"mediaType":"`+typeOCI+`","config":{"digest":"`+digestOf(nil)+`","size":1},"layers":[{"urls":["x"]}]}`))
	f.Add("", []byte(`{"schemaVersion":2,"manifests":[{"digest":"`+digestOf(nil)+`"}],"subject":{"digest":"x"}}`))
	f.Add(typeDocker+"; charset=utf-8", []byte(`{"schemaVersion":2,"config":{}}`))
	f.Fuzz(func(t *testing.T, mediaType string, b []byte) {
		m, err := readManifest(mediaType, b)
		if err != nil {
			return
		}
		for _, d := range append(m.needed(), m.Manifests...) {
			if !blobs.Valid(d.Digest) {
				t.Errorf("took %q", d.Digest)
			}
		}
	})
}
