package wire

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Transport returns a RoundTripper that hands requests straight to h, with no socket:
// SDK clients take it inside http.Client{Transport: …} as their HTTPClient, and work in
// testing/synctest bubbles. The handler runs to its end before the response is returned.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ handler http.Handler }

var errCut = errors.New("connection cut by the server")

func (t transport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer func() { _ = in.Body.Close() }() // as RoundTripper's contract wants it
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:1"
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.ContentLength == 0 && r.Body != nil && r.Body != http.NoBody {
		in.ContentLength = -1 // a client's 0 means unknown, a server's means none
	}
	rec := &recorder{header: http.Header{}}
	defer func() {
		if p := recover(); p != nil {
			if e, ok := p.(error); !ok || !errors.Is(e, http.ErrAbortHandler) {
				panic(p)
			}
			resp, err = nil, errCut
		}
	}()
	t.handler.ServeHTTP(rec, in)
	if err := r.Context().Err(); err != nil {
		return nil, err // as a connection would: whoever gave up gets no answer
	}
	return rec.response(r), nil
}

// recorder keeps what a handler writes.
type recorder struct {
	header http.Header
	sent   http.Header // as it was at WriteHeader
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK {
		r.status, r.sent = status, r.header.Clone()
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// Flush makes handlers that stream content; all arrives at the end.
func (r *recorder) Flush() { r.WriteHeader(http.StatusOK) }

func (r *recorder) response(req *http.Request) *http.Response {
	r.WriteHeader(http.StatusOK)
	return &http.Response{
		Status:        strconv.Itoa(r.status) + " " + http.StatusText(r.status),
		StatusCode:    r.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        r.sent,
		Body:          io.NopCloser(&r.body),
		ContentLength: int64(r.body.Len()),
		Request:       req,
	}
}
