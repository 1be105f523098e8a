package conformance

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	smithycbor "github.com/aws/smithy-go/encoding/cbor"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// The SDK's modules carry what their serializers write for every operation, and what AWS
// would answer. The server must understand the first to the last member, and write the second.
func TestSDKSnapshots(t *testing.T) {
	requests, responses, failures := 0, 0, 0
	for _, tg := range targets {
		dir := moduleDir(t, tg.module)
		var e echo
		s := &spy{next: wire.Transport(e.serve(tg))}
		ops := tg.operations(config(s))
		paths, err := filepath.Glob(filepath.Join(dir, "response_snapshot", "*.error.snap"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if snap, ok := readSnapshot(t, path); ok {
				failures++
				checkError(t, tg, ops[0], &e, newFiller(t, tg.service(nil).Names, 1).fill(ops[0].in), path, snap)
			}
		}
		for i, op := range ops {
			if tg.name == "lambda" && beyond[op.name] != "" {
				continue
			}
			if snap, ok := readSnapshot(t, filepath.Join(dir, "request_snapshot", op.name+".request.snap")); ok {
				requests++
				checkRequest(t, op, &e, s, snap)
			}
			if snap, ok := readSnapshot(t, filepath.Join(dir, "response_snapshot", op.name+".response.snap")); ok {
				responses++
				f := newFiller(t, tg.service(nil).Names, uint64(i))
				f.plain = tg.name == "lambda"
				checkResponse(t, tg, op, &e, s, f.fill(op.in), snap)
			}
		}
	}
	t.Logf("%d requests, %d responses, %d errors", requests, responses, failures)
	if requests < 600 || responses < 80 || failures < 30 {
		t.Errorf("only %d requests, %d responses and %d errors found", requests, responses, failures)
	}
}

// checkRequest has the server decode a snapshot, and the client encode it again.
func checkRequest(t *testing.T, op operation, e *echo, s *spy, snap snapshot) {
	t.Helper()
	method, uri, _ := strings.Cut(snap.first, " ")
	r, err := http.NewRequest(method, "http://cloud.test"+uri, bytes.NewReader(snap.body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = snap.header
	e.out = reflect.New(op.out).Interface()
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= 300 || len(resp.Header.Values("X-Turnout-Unknown-Member")) > 0 {
		b, _ := io.ReadAll(resp.Body)
		t.Errorf("%s: status %d, unknown %q: %s", op.name, resp.StatusCode, resp.Header.Values("X-Turnout-Unknown-Member"), b)
		return
	}
	if _, err := op.call(t.Context(), e.in); err != nil {
		t.Errorf("%s: %v", op.name, err)
		return
	}
	if got := s.request.URL.RequestURI(); got != uri {
		t.Errorf("%s: URI %s, want %s", op.name, got, uri)
	}
	if d := differInBody(snap.header.Get("Content-Type"), snap.body, s.requestBody); d != "" {
		t.Errorf("%s: request (-snapshot +again):\n%s", op.name, d)
	}
}

// checkResponse has the client decode a snapshot, and the server encode it again.
func checkResponse(t *testing.T, tg target, op operation, e *echo, s *spy, in any, snap snapshot) {
	t.Helper()
	var err error
	if e.out, err = canned(t, tg, op, snap).call(t.Context(), in); err != nil {
		t.Errorf("%s: client refuses its own snapshot: %v", op.name, err)
		return
	}
	if _, err := op.call(t.Context(), in); err != nil {
		t.Errorf("%s: %v", op.name, err)
		return
	}
	if len(tg.service(nil).Names.Plan(op.out).Fields) == 0 {
		return // nothing, or an empty structure: clients take both for both
	}
	if d := differInBody(snap.header.Get("Content-Type"), snap.body, s.responseBody); d != "" {
		t.Errorf("%s: response (-snapshot +wire):\n%s", op.name, d)
	}
	for k := range snap.header {
		if strings.HasPrefix(k, "X-Amz-") && k != "X-Amz-Target" && s.response.Header.Get(k) != snap.header.Get(k) {
			t.Errorf("%s: header %s is %q, want %q", op.name, k, s.response.Header.Get(k), snap.header.Get(k))
		}
	}
}

// canned returns op of a client that gets the snapshot for an answer.
func canned(t *testing.T, tg target, op operation, snap snapshot) operation {
	t.Helper()
	status, err := strconv.Atoi(snap.first)
	if err != nil {
		t.Fatal(err)
	}
	rt := roundTripper(func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: snap.header, Body: io.NopCloser(bytes.NewReader(snap.body)), Request: r}, nil
	})
	all := tg.operations(config(rt))
	return all[slices.IndexFunc(all, func(o operation) bool { return o.name == op.name })]
}

// checkError has the client decode an error, and again what the server makes of it.
func checkError(t *testing.T, tg target, op operation, e *echo, in any, path string, snap snapshot) {
	t.Helper()
	name := tg.name + " " + filepath.Base(path)
	var want, got smithy.APIError
	if _, err := canned(t, tg, op, snap).call(t.Context(), in); !errors.As(err, &want) {
		t.Errorf("%s: client refuses its own snapshot: %v", name, err)
		return
	}
	e.err = want
	_, err := op.call(t.Context(), in)
	e.err = nil
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &got) || !errors.As(err, &resp) {
		t.Errorf("%s: %v", name, err)
		return
	}
	if d := differ(want, got); d != "" {
		t.Errorf("%s: (-snapshot +wire)\n%s", name, d)
	}
	// The snapshots' statuses are the newest models'; awsJson services answer 400 to a
	// caller who may not, whatever their models say.
	if status := strconv.Itoa(resp.HTTPStatusCode()); status != snap.first && got.ErrorCode() != "AccessDeniedException" {
		t.Errorf("%s: status %s, want %s", name, status, snap.first)
	}
}

// differInBody compares what bodies say, not how they say it.
func differInBody(contentType string, want, got []byte) string {
	switch {
	case strings.Contains(contentType, "json"):
		var a, b any
		if json.Unmarshal(want, &a) == nil && json.Unmarshal(got, &b) == nil {
			return cmp.Diff(a, b)
		}
	case strings.Contains(contentType, "form"):
		a, errA := url.ParseQuery(string(want))
		b, errB := url.ParseQuery(string(got))
		if errA == nil && errB == nil {
			return cmp.Diff(a, b)
		}
	case strings.Contains(contentType, "cbor"):
		a, errA := smithycbor.Decode(want)
		b, errB := smithycbor.Decode(got)
		if errA == nil && errB == nil {
			return cmp.Diff(a, b)
		}
	}
	return cmp.Diff(string(want), string(got))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// spy keeps the last exchange.
type spy struct {
	next                      http.RoundTripper
	request                   *http.Request
	response                  *http.Response
	requestBody, responseBody []byte
}

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	s.request, s.requestBody = r, nil
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if s.requestBody = b; r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				return nil, err
			}
			if s.requestBody, err = io.ReadAll(z); err != nil {
				return nil, err
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(b))
	}
	resp, err := s.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	s.response = resp
	if s.responseBody, err = io.ReadAll(resp.Body); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(s.responseBody))
	return resp, nil
}

// snapshot is a first line, headers, and a body behind an empty line.
type snapshot struct {
	first  string
	header http.Header
	body   []byte
}

func readSnapshot(t *testing.T, path string) (snapshot, bool) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		return snapshot{}, false // not every module has them
	}
	r := bufio.NewReader(bytes.NewReader(b))
	first, err := r.ReadString('\n')
	if err != nil {
		return snapshot{}, false
	}
	s := snapshot{first: strings.TrimSpace(first), header: http.Header{}}
	if strings.Contains(s.first, " ") { // requests have an empty line behind the first
		_, _ = r.ReadString('\n')
	}
	h, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil {
		return snapshot{}, false // a body that was not written
	}
	s.header = http.Header(h)
	if s.body, err = io.ReadAll(r); err != nil {
		t.Fatal(err)
	}
	return s, true
}

func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+module).Output()
	if err != nil {
		t.Fatalf("find the module of %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}
