package s3

import (
	"encoding/xml"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

type tag struct{ Key, Value string }

type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

// tagsOf reads a Tagging document.
func (x *request) tagsOf() (map[string]string, error) {
	var t tagging
	if err := x.decode(&t); err != nil {
		return nil, err
	}
	return asMap(t.Tags)
}

func asMap(tags []tag) (map[string]string, error) {
	m := map[string]string{}
	for _, e := range tags {
		if _, twice := m[e.Key]; twice || e.Key == "" {
			return nil, &failure{status: 400, code: "InvalidTag", message: "Cannot provide multiple Tags with the same key"}
		}
		m[e.Key] = e.Value
	}
	return m, nil
}

// headerTags reads the form in the x-amz-tagging header.
func headerTags(h http.Header) (map[string]string, error) {
	q, err := url.ParseQuery(h.Get("X-Amz-Tagging"))
	if err != nil {
		return nil, badArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	m := map[string]string{}
	for k := range q {
		m[k] = q.Get(k)
	}
	return m, nil
}

func (x *request) showTags(m map[string]string) {
	doc := shownTags{}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		doc.Set.Tags = append(doc.Set.Tags, tag{k, m[k]})
	}
	x.answer(http.StatusOK, doc)
}

// shownTags always has a TagSet, also an empty one.
type shownTags struct {
	XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Tagging"`
	Set     struct {
		Tags []tag `xml:"Tag"`
	} `xml:"TagSet"`
}

func (x *request) getBucketTags() error {
	b, err := x.s.bucketOf(x.bucket)
	if err != nil {
		return err
	}
	if len(b.Tags) == 0 {
		return errNoTags
	}
	x.showTags(b.Tags)
	return nil
}

func (x *request) putBucketTags() error {
	m, err := x.tagsOf()
	if err != nil {
		return err
	}
	return x.changeBucket(func(b *bucket) { b.Tags = m })
}

func (x *request) deleteBucketTags() error {
	return x.changeBucket(func(b *bucket) { b.Tags = nil })
}

func (x *request) getObjectTags() error {
	v, err := x.s.lookup(x.bucket, x.key, x.q.Get("versionId"))
	if err != nil {
		return err
	}
	x.showTags(v.Tags)
	return nil
}

func (x *request) putObjectTags() error {
	m, err := x.tagsOf()
	if err != nil {
		return err
	}
	if len(m) > 10 {
		return &failure{status: 400, code: "BadRequest", message: "Object tags cannot be greater than 10"}
	}
	return x.retag(m, http.StatusOK)
}

func (x *request) deleteObjectTags() error { return x.retag(nil, http.StatusNoContent) }

// retag sets the tags of a version of the object.
func (x *request) retag(m map[string]string, status int) error {
	id := x.q.Get("versionId")
	err := x.s.Store.Update(func(tx *store.Tx) error {
		o, _ := x.s.objects.Get(tx, objectKey(x.bucket, x.key))
		v, err := chosen(o, id)
		if err != nil {
			return err
		}
		o.Versions = slices.Clone(o.Versions)
		for i := range o.Versions {
			if o.Versions[i].ID == v.ID {
				o.Versions[i].Tags = m
			}
		}
		x.s.objects.Put(tx, objectKey(x.bucket, x.key), o)
		return nil
	})
	if err == nil {
		x.w.WriteHeader(status)
	}
	return err
}
