package s3

import (
	"encoding/xml"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxKey = 1024 // bytes

// kept are the headers that an object keeps and gives back.
var kept = []string{
	"Content-Type", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires",
	"X-Amz-Storage-Class", "X-Amz-Website-Redirect-Location", "X-Amz-Server-Side-Encryption",
}

// metaPrefix begins the headers of users' metadata.
const metaPrefix = "X-Amz-Meta-"

// headersOf takes what an object keeps from a request's headers.
func headersOf(h http.Header) map[string]string {
	m := map[string]string{"Content-Type": "binary/octet-stream"}
	for _, k := range kept {
		if v := h.Get(k); v != "" {
			m[k] = v
		}
	}
	for k := range h {
		if strings.HasPrefix(k, metaPrefix) {
			m[k] = strings.Join(h[k], ",")
		}
	}
	encodings := slices.DeleteFunc(strings.Split(m["Content-Encoding"], ","), func(e string) bool { // of the transfer only
		e = strings.TrimSpace(e)
		return e == "" || e == "aws-chunked"
	})
	delete(m, "Content-Encoding")
	if len(encodings) > 0 {
		m["Content-Encoding"] = strings.Join(encodings, ",")
	}
	return m
}

func (x *request) putObject() error {
	if len(x.key) > maxKey {
		return errKeyLong
	}
	tags, err := headerTags(x.r.Header)
	if err != nil {
		return err
	}
	b, err := x.s.write(x.r)
	if err != nil {
		return err
	}
	v, err := x.add(version{File: b.file, Size: b.size, ETag: b.etag, Sums: b.sums, Headers: headersOf(x.r.Header), Tags: tags})
	if err != nil {
		return err
	}
	h := x.w.Header()
	v.showSums(h)
	h.Set("ETag", quoted(v.ETag))
	x.w.WriteHeader(http.StatusOK)
	return nil
}

func quoted(etag string) string { return `"` + etag + `"` }

// add gives the object a new version, whose file stands, if the request's conditions hold,
// and tells its id in the answer; also are further steps of the same transaction. On an
// error the file is removed.
func (x *request) add(v version, also ...func(*store.Tx) error) (version, error) {
	v.Modified = x.s.Clock.Now().UTC()
	var old string
	err := x.s.Store.Update(func(tx *store.Tx) error {
		b, ok := x.s.buckets.Get(tx, x.bucket)
		if !ok {
			return errNoBucket
		}
		o, _ := x.s.objects.Get(tx, objectKey(x.bucket, x.key))
		if err := x.mayWrite(o); err != nil {
			return err
		}
		for _, f := range also {
			if err := f(tx); err != nil {
				return err
			}
		}
		acl, err := x.askedACL(b)
		if err != nil {
			return err
		}
		v.ACL = acl
		v.encrypted(b)
		o, v, old = push(b, o, v)
		o.Key = x.key
		x.s.objects.Put(tx, objectKey(x.bucket, x.key), o)
		x.w.Header().Set(encryptedBy, v.Headers[encryptedBy])
		if b.Versioning != "" {
			x.w.Header().Set("X-Amz-Version-Id", v.ID)
		}
		return nil
	})
	if err != nil {
		return v, errors.Join(err, x.s.remove(v.File))
	}
	x.s.drop(old)
	return v, nil
}

// encryptedBy is the header that tells how an object is encrypted.
const encryptedBy = "X-Amz-Server-Side-Encryption"

// encrypted notes how S3 encrypts a version: as its writer or the bucket says.
func (v *version) encrypted(b bucket) {
	if v.Headers[encryptedBy] != "" {
		return
	}
	v.Headers = maps.Clone(v.Headers)
	if v.Headers == nil {
		v.Headers = map[string]string{}
	}
	v.Headers[encryptedBy] = b.algorithm()
}

// push puts a version on top, as the bucket's versioning says, and returns the file that it
// replaces.
func push(b bucket, o object, v version) (object, version, string) {
	v.ID = null
	if b.Versioning == "Enabled" {
		v.ID = ids.Hex(32)
	}
	o, old := o.without(v.ID)
	o.Versions = append([]version{v}, o.Versions...)
	return o, v, old
}

// mayWrite checks the conditions of a conditional write.
func (x *request) mayWrite(o object) error {
	now, exists := o.find("")
	exists = exists && !now.Marker
	if x.r.Header.Get("If-None-Match") == "*" && exists {
		return errCondition
	}
	if want := x.r.Header.Get("If-Match"); want != "" {
		switch {
		case !exists:
			return errNoKey
		case want != "*" && strings.Trim(want, `"`) != now.ETag:
			return errCondition
		}
	}
	return nil
}

// source opens the version that x-amz-copy-source names.
func (x *request) source() (version, *os.File, error) {
	path, query, _ := strings.Cut(strings.TrimPrefix(x.r.Header.Get("X-Amz-Copy-Source"), "/"), "?")
	path, err := url.PathUnescape(path)
	from, key, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	id, isVersion := strings.CutPrefix(query, "versionId=")
	if err != nil || !ok || key == "" || (query != "" && !isVersion) {
		return version{}, nil, badArgument("Invalid copy source object key")
	}
	action := "GetObject"
	if id != "" {
		action = "GetObjectVersion"
	}
	if err := x.permit(action, from, key); err != nil {
		return version{}, nil, err
	}
	v, f, err := x.s.open(from, key, id)
	if err != nil {
		return v, nil, err
	}
	if id != "" || v.ID != null {
		x.w.Header().Set("X-Amz-Copy-Source-Version-Id", v.ID)
	}
	h := http.Header{}
	for _, c := range []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"} {
		if c2 := x.r.Header.Get("X-Amz-Copy-Source-" + c); c2 != "" {
			h.Set(c, c2)
		}
	}
	if conditions(h, v) != nil {
		return v, nil, errors.Join(errCondition, f.Close()) // also where a read would say 304
	}
	return v, f, nil
}

func (x *request) copyObject() error {
	from, f, err := x.source()
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	v := version{Size: from.Size, Headers: from.Headers, Tags: from.Tags}
	if x.r.Header.Get("X-Amz-Metadata-Directive") == "REPLACE" {
		v.Headers = headersOf(x.r.Header)
	}
	if x.r.Header.Get("X-Amz-Tagging-Directive") == "REPLACE" {
		if v.Tags, err = headerTags(x.r.Header); err != nil {
			return err
		}
	}
	b, err := x.s.store(f)
	if err != nil {
		return err
	}
	v.File, v.ETag = b.file, b.etag // a copy is written in one part
	if from.SumType != composite {
		v.Sums = from.Sums
	}
	if v, err = x.add(v); err != nil {
		return err
	}
	x.answer(http.StatusOK, struct {
		XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyObjectResult"`
		ETag         string
		LastModified string
	}{ETag: quoted(v.ETag), LastModified: instant(v.Modified)})
	return nil
}
