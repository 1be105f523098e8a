package ecr

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func errImage() error {
	return problem(http.StatusNotFound, "MANIFEST_UNKNOWN", "Requested image not found")
}

// reference checks that the route ends in a tag or a digest.
func (c *call) reference() error {
	if !blobs.Valid(c.ref) && !tagPattern.MatchString(c.ref) {
		return problem(http.StatusBadRequest, "MANIFEST_INVALID", "%q is neither a tag nor a digest", c.ref)
	}
	return nil
}

// getManifest sends a manifest by tag or digest.
func (c *call) getManifest() error {
	if err := c.reference(); err != nil {
		return err
	}
	var i image
	var found bool
	var err error
	c.s.Store.View(func(tx *store.Tx) {
		if _, err = c.s.lookup(tx, c.repo); err == nil {
			i, found = c.s.find(tx, c.repo, c.ref)
		}
	})
	switch {
	case err != nil:
		return err
	case !found:
		return errImage()
	case i.InArchive:
		return problem(http.StatusForbidden, "DENIED", "The image is archived. Restore it before it is pulled.")
	}
	h := c.w.Header()
	h.Set("Content-Type", i.MediaType)
	h.Set("Docker-Content-Digest", i.Digest)
	h.Set("Etag", `"`+i.Digest+`"`)
	h.Set("Content-Length", strconv.FormatInt(i.Bytes, 10))
	if c.r.Method == http.MethodHead {
		return nil
	}
	b, err := c.s.blobs.Read(i.Digest)
	if err != nil {
		return err
	}
	c.s.pulled(c.context(), c.repo, i)
	_, _ = c.w.Write(b) // a client that is gone needs no answer
	return nil
}

// putManifest stores a manifest, by tag, or by digest with tags as parameters.
func (c *call) putManifest() error {
	if err := c.reference(); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(c.r.Body, maxManifest+1))
	if err != nil {
		return problem(http.StatusBadRequest, "MANIFEST_INVALID", "the manifest did not arrive whole")
	}
	if len(b) > maxManifest {
		return problem(http.StatusRequestEntityTooLarge, "SIZE_INVALID", "a manifest has at most %d bytes", maxManifest)
	}
	p := push{repo: c.repo, body: b, mediaType: c.r.Header.Get("Content-Type"), digest: blobs.Of(b, c.ref)}
	if !blobs.Valid(c.ref) {
		p.tags = []string{c.ref}
	} else if p.tags, err = c.tagParams(); err != nil {
		return err
	}
	if blobs.Valid(c.ref) && p.digest != c.ref {
		return wrongDigest(c.ref, p.digest)
	}
	if err := c.s.createOnPush(c.repo); err != nil {
		return err
	}
	out, err := c.s.putImage(p)
	if err != nil {
		return err
	}
	h := c.w.Header()
	if out.Subject != "" {
		h.Set("OCI-Subject", out.Subject)
	}
	if blobs.Valid(c.ref) {
		for _, t := range p.tags {
			h.Add("OCI-Tag", t)
		}
	}
	h.Set("Location", "/v2/"+c.repo+"/manifests/"+p.digest)
	h.Set("Docker-Content-Digest", p.digest)
	h.Set("Content-Length", "0")
	c.w.WriteHeader(http.StatusCreated)
	return nil
}

// tagParams are the tags that a manifest pushed by digest is to have.
func (c *call) tagParams() ([]string, error) {
	tags := slices.Compact(slices.Sorted(slices.Values(c.r.URL.Query()["tag"])))
	for _, t := range tags {
		if !tagPattern.MatchString(t) {
			return nil, problem(http.StatusBadRequest, "TAG_INVALID", "%q is not a tag", strings.ToValidUTF8(t, "?"))
		}
	}
	return tags, nil
}

// deleteManifest removes a tag, or an image with its tags.
func (c *call) deleteManifest() error {
	if err := c.reference(); err != nil {
		return err
	}
	err := c.s.Store.Update(func(tx *store.Tx) error {
		if _, err := c.s.lookup(tx, c.repo); err != nil {
			return err
		}
		i, ok := c.s.find(tx, c.repo, c.ref)
		switch {
		case !ok:
			return errImage()
		case !blobs.Valid(c.ref):
			c.s.labels.Delete(tx, in(c.repo, c.ref))
		case c.s.parent(tx, c.repo, i.Digest) != "":
			return errors.Join(errInUse, errors.New("an index lists it"))
		default:
			c.s.removeImage(tx, c.repo, i)
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.w.WriteHeader(http.StatusAccepted)
	return nil
}
