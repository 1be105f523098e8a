package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"
)

// errContent is matched when a layer is not what it says it is: no attempt mends that.
var errContent = errors.New("layer does not match its digest")

// uploader sends layers to one repository.
type uploader struct {
	repo     name.Repository
	client   *http.Client // logged in
	progress *progress
}

// layers are the blobs that an image needs in the registry, each once.
func layers(img v1.Image) ([]v1.Layer, error) {
	all, err := img.Layers()
	if err != nil {
		return nil, err
	}
	config, err := partial.ConfigLayer(img)
	if err != nil {
		return nil, err
	}
	var out []v1.Layer
	seen := map[v1.Hash]bool{}
	for _, l := range append([]v1.Layer{config}, all...) {
		h, err := l.Digest()
		if err != nil {
			return nil, err
		}
		kind, err := l.MediaType()
		if err != nil {
			return nil, err
		}
		if !seen[h] && kind.IsDistributable() {
			seen[h] = true
			out = append(out, l)
		}
	}
	return out, nil
}

// all sends what the registry lacks, several at a time.
func (u *uploader) all(ctx context.Context, all []v1.Layer, jobs int) error {
	if jobs <= 0 {
		jobs = defaultJobs
	}
	for _, l := range all {
		size, err := l.Size()
		if err != nil {
			return err
		}
		u.progress.total += size
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for _, l := range all {
		g.Go(func() error { return u.layer(ctx, l) })
	}
	return g.Wait()
}

// sending is one layer on its way, over all attempts.
type sending struct {
	v1.Layer
	digest v1.Hash
	size   int64
	at     string // the upload's URL; "" when there is none
	sent   int64  // as far as progress knows
}

func (u *uploader) layer(ctx context.Context, l v1.Layer) error {
	s := &sending{Layer: l}
	var err, err2 error
	s.digest, err = l.Digest()
	s.size, err2 = l.Size()
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	err = again(ctx, func() error { return u.attempt(ctx, s) })
	if err != nil {
		return fmt.Errorf("layer %s: %w", s.digest, err)
	}
	return nil
}

// attempt sends a layer from where the last attempt broke off.
func (u *uploader) attempt(ctx context.Context, s *sending) error {
	from := int64(0)
	if s.at != "" {
		from = u.arrived(ctx, s)
	}
	u.progress.move(from - s.sent)
	s.sent = from
	if s.at == "" {
		done, err := u.begin(ctx, s)
		if done {
			u.progress.move(s.size)
		}
		if done || err != nil {
			return err
		}
	}
	if from < s.size || s.size == 0 {
		if err := u.send(ctx, s, from); err != nil {
			return err
		}
	}
	return u.finish(ctx, s)
}

// begin makes sure that a layer is needed, and begins its upload; a registry that has it
// in the repository where it came from is asked to link it.
func (u *uploader) begin(ctx context.Context, s *sending) (done bool, err error) {
	resp, err := u.do(ctx, http.MethodHead, u.url("/blobs/"+s.digest.String(), nil), nil, http.StatusOK, http.StatusNotFound)
	if err != nil || resp.StatusCode == http.StatusOK {
		return err == nil, err
	}
	q := url.Values{}
	if from, ok := u.source(s.Layer); ok {
		q = url.Values{"mount": {s.digest.String()}, "from": {from.RepositoryStr()}}
	}
	resp, err = u.do(ctx, http.MethodPost, u.url("/blobs/uploads/", q), nil, http.StatusAccepted, http.StatusCreated)
	if err != nil || resp.StatusCode == http.StatusCreated {
		return err == nil, err
	}
	s.at, err = location(resp)
	return false, err
}

// source is the repository of the same registry that a layer came from, if there is one.
func (u *uploader) source(l v1.Layer) (name.Repository, bool) {
	m, ok := l.(interface {
		mountable() (name.Reference, bool)
	})
	if !ok {
		return name.Repository{}, false
	}
	ref, ok := m.mountable()
	if !ok || ref.Context().RegistryStr() != u.repo.RegistryStr() {
		return name.Repository{}, false
	}
	return ref.Context(), true
}

// arrived asks how much of a broken upload the registry has; when it cannot tell, the
// upload begins anew.
func (u *uploader) arrived(ctx context.Context, s *sending) int64 {
	resp, err := u.do(ctx, http.MethodGet, s.at, nil, http.StatusNoContent)
	if err == nil {
		var at string
		if at, err = location(resp); err == nil {
			s.at = at
		}
		_, last, ok := strings.Cut(resp.Header.Get("Range"), "-")
		if n, err := strconv.ParseInt(last, 10, 64); ok && err == nil && n > 0 && n < s.size {
			return n + 1
		}
	}
	s.at = "" // "0-0" stands for nothing and for one byte
	return 0
}

// send sends a layer's bytes.
func (u *uploader) send(ctx context.Context, s *sending, from int64) error {
	rc, err := s.Compressed()
	if err != nil {
		return err
	}
	defer func() { _ = rc.Close() }() // only read
	if _, err := io.CopyN(io.Discard, rc, from); err != nil {
		return fmt.Errorf("%w: it ends before byte %d", errContent, from)
	}
	header := http.Header{"Content-Type": {"application/octet-stream"}}
	if from > 0 {
		header.Set("Content-Range", fmt.Sprintf("%d-%d", from, s.size-1))
	}
	body := &watched{r: io.LimitReader(rc, s.size-from), s: s, p: u.progress}
	resp, err := u.do(ctx, http.MethodPatch, s.at, &content{body, s.size - from, header}, http.StatusAccepted, http.StatusNoContent, http.StatusCreated)
	if err != nil {
		return err
	}
	s.at, err = location(resp)
	return err
}

func (u *uploader) finish(ctx context.Context, s *sending) error {
	at, err := url.Parse(s.at)
	if err != nil {
		return err
	}
	q := at.Query()
	q.Set("digest", s.digest.String())
	at.RawQuery = q.Encode()
	_, err = u.do(ctx, http.MethodPut, at.String(), nil, http.StatusCreated)
	var te *transport.Error
	if errors.As(err, &te) && te.StatusCode < 500 {
		s.at = "" // this upload is spoilt
		for _, d := range te.Errors {
			if d.Code == transport.DigestInvalidErrorCode {
				return errors.Join(errContent, err)
			}
		}
	}
	return err
}

// content is a request's body.
type content struct {
	io.Reader
	length int64
	header http.Header
}

// do sends a request and reads the answer, which must have one of the statuses.
func (u *uploader) do(ctx context.Context, method, to string, body *content, want ...int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, nil)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Body, req.ContentLength, req.Header = io.NopCloser(body), body.length, body.header
		if body.length == 0 {
			req.Body = http.NoBody
		}
	}
	resp, err := u.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read as far as it matters
	return resp, transport.CheckError(resp, want...)
}

func (u *uploader) url(path string, q url.Values) string {
	at := url.URL{Scheme: u.repo.Scheme(), Host: u.repo.RegistryStr(), Path: "/v2/" + u.repo.RepositoryStr() + path, RawQuery: q.Encode()}
	return at.String()
}

// location is where an upload goes on.
func location(resp *http.Response) (string, error) {
	at := resp.Header.Get("Location")
	if at == "" {
		return resp.Request.URL.String(), nil
	}
	u, err := resp.Request.URL.Parse(at)
	if err != nil {
		return "", fmt.Errorf("the registry sent the location %q: %w", at, err)
	}
	return u.String(), nil
}
