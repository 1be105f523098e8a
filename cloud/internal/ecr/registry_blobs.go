package ecr

import (
	"errors"
	"net/http"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
)

func errBlob() error {
	return problem(http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
}

// getBlob sends a layer or a part of it.
func (c *call) getBlob() error {
	if !blobs.Valid(c.ref) {
		return problem(http.StatusBadRequest, "DIGEST_INVALID", "provided digest is not valid")
	}
	_, ok, err := c.s.findLayer(c.repo, c.ref)
	if err != nil {
		return err
	}
	if !ok {
		return errBlob()
	}
	f, err := c.s.blobs.Open(c.ref)
	if errors.Is(err, blobs.ErrUnknown) {
		return errBlob()
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	h := c.w.Header()
	h.Set("Docker-Content-Digest", c.ref)
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Etag", `"`+c.ref+`"`)
	h.Set("Cache-Control", "max-age=31536000")
	http.ServeContent(c.w, c.r, "", time.Time{}, f) // ranges, and sendfile(2)
	return nil
}

// deleteBlob takes a layer that no image uses out of the repository.
func (c *call) deleteBlob() error {
	if !blobs.Valid(c.ref) {
		return problem(http.StatusBadRequest, "DIGEST_INVALID", "provided digest is not valid")
	}
	_, ok, err := c.s.findLayer(c.repo, c.ref)
	if err != nil {
		return err
	}
	if !ok {
		return errBlob()
	}
	if err := c.s.unlink(c.repo, c.ref); err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}
