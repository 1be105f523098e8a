package s3

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// control is where S3 Control, a service of its own with S3's signatures, has the tags of
// resources. Terraform's provider reads and writes a bucket's there since version 6.23.
const control = "/v20180820/tags/"

const controlNamespace = "http://awss3control.amazonaws.com/doc/2018-08-20/"

// maxBucketTags is how many tags a bucket can have.
const maxBucketTags = 50

// controls are S3 Control's operations on a resource's tags, by method.
var controls = map[string]operation{
	http.MethodGet:    {"ListTagsForResource", (*request).listTags},
	http.MethodPost:   {"TagResource", (*request).addTags},
	http.MethodDelete: {"UntagResource", (*request).removeTags},
}

// controlled tells whether a request is for S3 Control, whose requests all name the account,
// and finds its operation and the bucket.
func (x *request) controlled() (operation, bool, error) {
	arn, ok := strings.CutPrefix(x.r.URL.Path, control)
	account := x.r.Header.Get("X-Amz-Account-Id")
	op, known := controls[x.r.Method]
	if !ok || account == "" || !known {
		return op, false, nil
	}
	x.wrapped, x.key = true, ""
	if account != x.s.Place.Account {
		return op, true, &failure{status: http.StatusForbidden, code: "AccessDenied", message: "Access Denied"}
	}
	if x.bucket, ok = strings.CutPrefix(arn, "arn:"+x.s.Place.Partition+":s3:::"); !ok || strings.Contains(x.bucket, "/") {
		return op, true, &failure{status: http.StatusBadRequest, code: "InvalidRequest", message: "The specified resource ARN is not valid: only buckets have tags here"}
	}
	return op, true, nil
}

func (x *request) listTags() error {
	b, err := x.s.bucketOf(x.bucket)
	if err != nil {
		return err
	}
	doc := struct {
		XMLName xml.Name
		Tags    struct{ Tag []tag }
	}{XMLName: xml.Name{Space: controlNamespace, Local: "ListTagsForResourceResult"}}
	for _, k := range slices.Sorted(maps.Keys(b.Tags)) {
		doc.Tags.Tag = append(doc.Tags.Tag, tag{k, b.Tags[k]})
	}
	x.answer(http.StatusOK, doc)
	return nil
}

// addTags adds to the tags of a bucket, unlike PutBucketTagging, which replaces them.
func (x *request) addTags() error {
	var doc struct {
		Tags []tag `xml:"Tags>Tag"`
	}
	if err := x.decode(&doc); err != nil {
		return err
	}
	added, err := asMap(doc.Tags)
	if err != nil {
		return err
	}
	return x.retagBucket(func(m map[string]string) { maps.Copy(m, added) })
}

func (x *request) removeTags() error {
	return x.retagBucket(func(m map[string]string) {
		for _, k := range x.q["tagKeys"] {
			delete(m, k)
		}
	})
}

// retagBucket changes a copy of a bucket's tags.
func (x *request) retagBucket(change func(map[string]string)) error {
	b, err := x.s.bucketOf(x.bucket)
	if err != nil {
		return err
	}
	m := maps.Clone(b.Tags)
	if m == nil {
		m = map[string]string{}
	}
	if change(m); len(m) > maxBucketTags {
		return &failure{status: http.StatusBadRequest, code: "BadRequest", message: "Bucket tag count cannot be greater than 50"}
	}
	return x.alterBucket(http.StatusNoContent, func(b *bucket) { b.Tags = m })
}
