package ecr

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxTags = 1000 // on a page

// listTags lists tags, page by page.
func (c *call) listTags() error {
	var tags []string
	var err error
	c.s.Store.View(func(tx *store.Tx) {
		if _, err = c.s.lookup(tx, c.repo); err == nil {
			tags = c.s.tagNames(tx, c.repo)
		}
	})
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	if last := q.Get("last"); last != "" {
		tags = slices.DeleteFunc(tags, func(t string) bool { return tagOrder(t, last) <= 0 })
	}
	limit := maxTags
	if n := q.Get("n"); n != "" {
		if limit, err = strconv.Atoi(n); err != nil || limit < 0 {
			return problem(http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n is not a number of tags")
		}
	}
	if limit = min(limit, maxTags); limit < len(tags) {
		tags = tags[:limit]
		if limit > 0 {
			next := url.Values{"n": {strconv.Itoa(limit)}, "last": {tags[limit-1]}}
			c.w.Header().Set("Link", fmt.Sprintf(`</v2/%s/tags/list?%s>; rel="next"`, c.repo, next.Encode()))
		}
	}
	return c.json(struct {
		Name string   `json:"name"`
		Tags []string `json:"tags"`
	}{c.repo, tags})
}

// referrer is an image as the referrers API lists it.
type referrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// listReferrers lists the images whose subject is a digest, which need not be there.
func (c *call) listReferrers() error {
	if !blobs.Valid(c.ref) {
		return problem(http.StatusBadRequest, "DIGEST_INVALID", "provided digest is not valid")
	}
	var found []image
	var err error
	c.s.Store.View(func(tx *store.Tx) {
		if _, err = c.s.lookup(tx, c.repo); err == nil {
			found = c.s.referrers(tx, c.repo, c.ref)
		}
	})
	if err != nil {
		return err
	}
	kind := c.r.URL.Query().Get("artifactType")
	list := []referrer{}
	for _, i := range found {
		if kind == "" || kind == i.ArtifactType {
			list = append(list, referrer{i.MediaType, i.Digest, i.Bytes, i.ArtifactType, i.Annotations})
		}
	}
	if kind != "" {
		c.w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	c.w.Header().Set("Content-Type", typeOCIIndex)
	return c.json(struct {
		SchemaVersion int        `json:"schemaVersion"`
		MediaType     string     `json:"mediaType"`
		Manifests     []referrer `json:"manifests"`
	}{2, typeOCIIndex, list})
}
