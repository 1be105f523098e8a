package ecr

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
)

// minChunk is told to clients that ask; smaller chunks are taken too.
const minChunk = 1

// beginUpload begins an upload, mounts a layer of another repository, or takes a whole
// layer at once.
func (c *call) beginUpload() error {
	if err := c.s.createOnPush(c.repo); err != nil {
		return err
	}
	q := c.r.URL.Query()
	if d := q.Get("mount"); blobs.Valid(d) {
		if done, err := c.mount(q.Get("from"), d); done || err != nil {
			return err
		}
	}
	d := q.Get("digest")
	if d != "" && !blobs.Valid(d) {
		return problem(http.StatusBadRequest, "DIGEST_INVALID", "provided digest is not valid")
	}
	id, err := c.s.beginUpload(c.repo)
	if err != nil {
		return err
	}
	c.ref = id
	if d != "" {
		return c.finishUpload()
	}
	c.w.Header().Set("OCI-Chunk-Min-Length", strconv.Itoa(minChunk))
	c.progress(0)
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

// mount links a layer from another repository that the caller may read, from any when
// none is named. Where that is not possible the client uploads.
func (c *call) mount(from, d string) (done bool, err error) {
	if !c.s.mountable() {
		return false, nil
	}
	sources := []string{from}
	if from == "" {
		sources = c.s.holders(d)
	}
	for _, source := range sources {
		if c.permit("ecr:BatchCheckLayerAvailability", source) != nil || c.permit("ecr:GetDownloadUrlForLayer", source) != nil {
			continue
		}
		ok, err := c.s.mount(c.repo, source, d)
		if err != nil {
			return false, err
		}
		if ok {
			c.created(d)
			return true, nil
		}
	}
	return false, nil
}

// progress tells where an upload is and how far.
func (c *call) progress(size int64) {
	h := c.w.Header()
	h.Set("Location", "/v2/"+c.repo+"/blobs/uploads/"+c.ref)
	h.Set("Docker-Upload-Uuid", c.ref)
	h.Set("Range", fmt.Sprintf("0-%d", max(size-1, 0)))
	h.Set("Content-Length", "0")
}

func (c *call) created(d string) {
	h := c.w.Header()
	h.Set("Location", "/v2/"+c.repo+"/blobs/"+d)
	h.Set("Docker-Content-Digest", d)
	h.Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusCreated)
}

func (c *call) uploadStatus() error {
	u, err := c.s.findUpload(c.repo, c.ref)
	if err != nil {
		return err
	}
	c.progress(u.Size())
	c.w.Header().Del("Content-Length")
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (c *call) uploadChunk() error {
	u, err := c.s.findUpload(c.repo, c.ref)
	if err != nil {
		return err
	}
	if err := c.receive(u); err != nil {
		return err
	}
	c.progress(u.Size())
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}

// receive appends the request's body.
func (c *call) receive(u *blobs.Upload) error {
	at, length, err := contentRange(c.r.Header.Get("Content-Range"))
	if err != nil {
		return err
	}
	if length >= 0 && c.r.ContentLength >= 0 && length != c.r.ContentLength {
		return problem(http.StatusBadRequest, "SIZE_INVALID", "Content-Range and Content-Length disagree")
	}
	before := u.Size()
	if err := u.Append(c.context(), c.r.Body, at); err != nil {
		if u.Size() == before {
			c.progress(before) // where to go on
			c.w.Header().Del("Content-Length")
		}
		return err
	}
	return nil
}

// contentRange reads "first-last", with or without a unit; -1 and -1 for none.
func contentRange(v string) (first, length int64, err error) {
	if v == "" {
		return -1, -1, nil
	}
	v = strings.TrimPrefix(v, "bytes ")
	v, _, _ = strings.Cut(v, "/")
	a, b, _ := strings.Cut(v, "-")
	first, err1 := strconv.ParseInt(a, 10, 64)
	last, err2 := strconv.ParseInt(b, 10, 64)
	if err1 != nil || err2 != nil || first < 0 || last < first {
		return 0, 0, problem(http.StatusBadRequest, "BLOB_UPLOAD_INVALID", "Content-Range %q is not valid", v)
	}
	return first, last - first + 1, nil
}

// finishUpload takes the last chunk, if there is one, and makes the upload a layer.
func (c *call) finishUpload() error {
	d := c.r.URL.Query().Get("digest")
	if !blobs.Valid(d) {
		return problem(http.StatusBadRequest, "DIGEST_INVALID", "provided digest is not valid")
	}
	u, err := c.s.findUpload(c.repo, c.ref)
	if err != nil {
		return err
	}
	if err := c.receive(u); err != nil {
		return err
	}
	if err := c.s.finishUpload(c.context(), c.repo, u, d); err != nil {
		return err
	}
	c.created(d)
	return nil
}

func (c *call) cancelUpload() error {
	u, err := c.s.findUpload(c.repo, c.ref)
	if err != nil {
		return err
	}
	if err := c.s.cancelUpload(c.context(), u); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusNoContent)
	return nil
}
