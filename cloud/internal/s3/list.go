package s3

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxList = 1000

// item is one entry that a list may show.
type item struct {
	key string
	id  string // of the version or upload, if there are several of a key
	v   version
	top bool // the newest version
}

// listing is what is common to all lists: which part of a bucket a caller asked for.
type listing struct {
	prefix, delimiter string
	max               int
	encode            bool // keys as in URLs
}

// result is a page of a list.
type result struct {
	items     []item
	prefixes  []string
	truncated bool
	last      item // that the next page follows; only a key for a common prefix
}

func (x *request) listing(size string) (listing, error) {
	l := listing{prefix: x.q.Get("prefix"), delimiter: x.q.Get("delimiter"), max: maxList}
	if n := x.q.Get(size); n != "" {
		m, err := strconv.Atoi(n)
		if err != nil || m < 0 {
			return l, badArgument("Argument " + size + " must be an integer between 0 and 2147483647")
		}
		l.max = min(m, maxList)
	}
	switch e := x.q.Get("encoding-type"); e {
	case "", "url":
		l.encode = e == "url"
	default:
		return l, badArgument("Invalid Encoding Method specified in Request")
	}
	return l, nil
}

// cut takes a page of what follows the place (marker, id). A marker that is a common
// prefix skips all that it stands for.
func (l listing) cut(all []item, marker, id string) result {
	var r result
	after := marker == ""
	for _, it := range all {
		if !after {
			switch {
			case it.key < marker, it.key == marker && id == "":
				continue
			case it.key == marker:
				after = it.id == id // what is after this one is the next page's
				continue
			}
			after = true
		}
		shared, folded := l.fold(it.key)
		if !strings.HasPrefix(it.key, l.prefix) || folded && (shared == marker || shared == r.last.key) {
			continue
		}
		if len(r.items)+len(r.prefixes) == l.max {
			r.truncated = l.max > 0
			return r
		}
		if folded {
			r.prefixes, r.last = append(r.prefixes, shared), item{key: shared}
			continue
		}
		r.items, r.last = append(r.items, it), it
	}
	return r
}

// fold is the common prefix that stands for a key in a list with a delimiter.
func (l listing) fold(key string) (string, bool) {
	rest, ok := strings.CutPrefix(key, l.prefix)
	if !ok || l.delimiter == "" {
		return "", false
	}
	i := strings.Index(rest, l.delimiter)
	if i < 0 {
		return "", false
	}
	return l.prefix + rest[:i+len(l.delimiter)], true
}

// name writes a key as the caller asked for it.
func (l listing) name(key string) string {
	if !l.encode {
		return key
	}
	return strings.NewReplacer("%2F", "/", "%2A", "*").Replace(url.QueryEscape(key))
}

func (l listing) encoding() string {
	if l.encode {
		return "url"
	}
	return ""
}

func (l listing) shared(prefixes []string) []commonPrefix {
	var out []commonPrefix
	for _, p := range prefixes {
		out = append(out, commonPrefix{l.name(p)})
	}
	return out
}

type commonPrefix struct{ Prefix string }

// content is an object in a list.
type content struct {
	Key          string
	LastModified string
	ETag         string
	Algorithm    string `xml:"ChecksumAlgorithm,omitempty"`
	Size         int64
	Owner        *owner `xml:"Owner,omitempty"`
	StorageClass string
}

func (l listing) contents(items []item, who *owner) []content {
	var out []content
	for _, it := range items {
		out = append(out, content{l.name(it.key), instant(it.v.Modified), quoted(it.v.ETag), it.v.algorithm(), it.v.Size, who, it.v.class()})
	}
	return out
}

// algorithm names the checksum that a version has, "" for none.
func (v version) algorithm() string {
	for h := range v.Sums {
		return strings.ToUpper(strings.TrimPrefix(h, sumPrefix))
	}
	return ""
}

// class is a version's storage class.
func (v version) class() string {
	if c := v.Headers["X-Amz-Storage-Class"]; c != "" {
		return c
	}
	return "STANDARD"
}

// all are the entries of the bucket in the order of keys, newest versions first; without
// old, those that a reader sees.
func (x *request) all(prefix string, old bool) []item {
	var out []item
	x.s.Store.View(func(tx *store.Tx) {
		for _, o := range x.s.objects.All(tx, objectKey(x.bucket, prefix)) {
			for i, v := range o.Versions {
				if old || i == 0 && !v.Marker {
					out = append(out, item{o.Key, v.ID, v, i == 0})
				}
			}
		}
	})
	return out
}

// listObjects answers both ListObjects and ListObjectsV2.
func (x *request) listObjects() error {
	l, err := x.listing("max-keys")
	if err != nil {
		return err
	}
	if x.q.Get("list-type") == "2" {
		return x.listNew(l)
	}
	marker := x.q.Get("marker")
	who := x.s.owner()
	r := l.cut(x.all(l.prefix, false), marker, "")
	doc := struct {
		XMLName        xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name           string
		Prefix         string
		Marker         string
		NextMarker     string `xml:"NextMarker,omitempty"`
		MaxKeys        int
		Delimiter      string `xml:"Delimiter,omitempty"`
		EncodingType   string `xml:"EncodingType,omitempty"`
		IsTruncated    bool
		Contents       []content
		CommonPrefixes []commonPrefix
	}{
		Name: x.bucket, Prefix: l.name(l.prefix), Marker: l.name(marker), MaxKeys: l.max, Delimiter: l.name(l.delimiter),
		EncodingType: l.encoding(), IsTruncated: r.truncated, Contents: l.contents(r.items, &who), CommonPrefixes: l.shared(r.prefixes),
	}
	if r.truncated && l.delimiter != "" { // without one, the last key is the marker
		doc.NextMarker = l.name(r.last.key)
	}
	x.answer(http.StatusOK, doc)
	return nil
}

func (x *request) listNew(l listing) error {
	token, start := x.q.Get("continuation-token"), x.q.Get("start-after")
	marker := start
	if x.q.Has("continuation-token") {
		b, err := base64.URLEncoding.DecodeString(token)
		if err != nil || len(b) == 0 {
			return badArgument("The continuation token provided is incorrect")
		}
		marker = string(b)
	}
	var who *owner
	if x.q.Get("fetch-owner") == "true" {
		o := x.s.owner()
		who = &o
	}
	r := l.cut(x.all(l.prefix, false), marker, "")
	doc := struct {
		XMLName        xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
		Name           string
		Prefix         string
		StartAfter     string `xml:"StartAfter,omitempty"`
		Token          string `xml:"ContinuationToken,omitempty"`
		Next           string `xml:"NextContinuationToken,omitempty"`
		KeyCount       int
		MaxKeys        int
		Delimiter      string `xml:"Delimiter,omitempty"`
		EncodingType   string `xml:"EncodingType,omitempty"`
		IsTruncated    bool
		Contents       []content
		CommonPrefixes []commonPrefix
	}{
		Name: x.bucket, Prefix: l.name(l.prefix), StartAfter: l.name(start), Token: token, MaxKeys: l.max, Delimiter: l.name(l.delimiter),
		KeyCount: len(r.items) + len(r.prefixes), EncodingType: l.encoding(), IsTruncated: r.truncated,
		Contents: l.contents(r.items, who), CommonPrefixes: l.shared(r.prefixes),
	}
	if r.truncated {
		doc.Next = base64.URLEncoding.EncodeToString([]byte(r.last.key))
	}
	x.answer(http.StatusOK, doc)
	return nil
}

// listed is a version or a delete marker in a list.
type listed struct {
	XMLName      xml.Name
	Key          string
	VersionID    string `xml:"VersionId"`
	IsLatest     bool
	LastModified string
	ETag         string `xml:"ETag,omitempty"`
	Size         *int64 `xml:"Size,omitempty"`
	StorageClass string `xml:"StorageClass,omitempty"`
	Owner        owner
}

func (x *request) listVersions() error {
	l, err := x.listing("max-keys")
	if err != nil {
		return err
	}
	marker, id := x.q.Get("key-marker"), x.q.Get("version-id-marker")
	if id != "" && marker == "" {
		return badArgument("A version-id marker cannot be specified without a key marker.")
	}
	r := l.cut(x.all(l.prefix, true), marker, id)
	doc := struct {
		XMLName             xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
		Name                string
		Prefix              string
		KeyMarker           string
		VersionIDMarker     string `xml:"VersionIdMarker"`
		NextKeyMarker       string `xml:"NextKeyMarker,omitempty"`
		NextVersionIDMarker string `xml:"NextVersionIdMarker,omitempty"`
		MaxKeys             int
		Delimiter           string `xml:"Delimiter,omitempty"`
		EncodingType        string `xml:"EncodingType,omitempty"`
		IsTruncated         bool
		Entries             []listed
		CommonPrefixes      []commonPrefix
	}{
		Name: x.bucket, Prefix: l.name(l.prefix), KeyMarker: l.name(marker), VersionIDMarker: id, MaxKeys: l.max, Delimiter: l.name(l.delimiter),
		EncodingType: l.encoding(), IsTruncated: r.truncated, CommonPrefixes: l.shared(r.prefixes),
	}
	if r.truncated {
		doc.NextKeyMarker, doc.NextVersionIDMarker = l.name(r.last.key), r.last.id
	}
	for _, it := range r.items {
		e := listed{Key: l.name(it.key), VersionID: it.id, IsLatest: it.top, LastModified: instant(it.v.Modified), Owner: x.s.owner()}
		if e.XMLName.Local = "DeleteMarker"; !it.v.Marker {
			e.XMLName.Local, e.ETag, e.Size, e.StorageClass = "Version", quoted(it.v.ETag), &it.v.Size, it.v.class()
		}
		doc.Entries = append(doc.Entries, e)
	}
	x.answer(http.StatusOK, doc)
	return nil
}
