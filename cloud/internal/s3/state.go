package s3

import (
	"slices"
	"time"
)

// bucket is a stored bucket, keyed by its name.
type bucket struct {
	Name       string            `json:"name"`
	Created    time.Time         `json:"created"`
	Versioning string            `json:"versioning,omitempty"` // Enabled, Suspended or never set
	Tags       map[string]string `json:"tags,omitempty"`
	Policy     string            `json:"policy,omitempty"`
	ACL        string            `json:"acl,omitempty"`      // document, "" for private
	Settings   map[string]string `json:"settings,omitempty"` // documents by subresource
}

// object is all that a bucket has under one key, keyed by bucket, a NUL byte and the key.
type object struct {
	Key      string    `json:"key"`
	Versions []version `json:"versions"` // newest first, never empty
}

// null is the id of versions written while a bucket keeps none.
const null = "null"

// version is one version of an object, or a marker that it was deleted.
type version struct {
	ID       string            `json:"id"`
	Marker   bool              `json:"marker,omitempty"`
	File     string            `json:"file,omitempty"` // holds the bytes
	Size     int64             `json:"size"`
	ETag     string            `json:"etag,omitempty"` // without quotes
	Modified time.Time         `json:"modified"`
	Headers  map[string]string `json:"headers,omitempty"` // of the answer, canonical names
	Tags     map[string]string `json:"tags,omitempty"`
	Sums     map[string]string `json:"sums,omitempty"`    // checksums by header
	ACL      string            `json:"acl,omitempty"`     // document, "" for private
	SumType  string            `json:"sumType,omitempty"` // COMPOSITE, FULL_OBJECT or "", which is the latter
	Parts    []int64           `json:"parts,omitempty"`   // sizes of what was uploaded in parts
}

// upload is a multipart upload under way, keyed by bucket, key and id with NULs between.
type upload struct {
	ID      string            `json:"id"`
	Key     string            `json:"key"`
	Began   time.Time         `json:"began"`
	Headers map[string]string `json:"headers,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	Parts   map[int]part      `json:"parts,omitempty"`

	Checksum string `json:"checksum,omitempty"` // header of the one that it will have
	SumType  string `json:"sumType,omitempty"`
}

// part is an uploaded part.
type part struct {
	File     string    `json:"file"`
	Size     int64     `json:"size"`
	ETag     string    `json:"etag"`
	Modified time.Time `json:"modified"`
	Sum      string    `json:"sum,omitempty"` // the upload's checksum, of the part
}

func objectKey(bucket, key string) string     { return bucket + "\x00" + key }
func uploadKey(bucket, key, id string) string { return bucket + "\x00" + key + "\x00" + id }

// find returns the version with the id, the newest one for "".
func (o object) find(id string) (version, bool) {
	if id == "" && len(o.Versions) > 0 {
		return o.Versions[0], true
	}
	i := slices.IndexFunc(o.Versions, func(v version) bool { return v.ID == id })
	if i < 0 {
		return version{}, false
	}
	return o.Versions[i], true
}

// without returns the object without a version, and the file that is then nobody's.
func (o object) without(id string) (object, string) {
	v, ok := o.find(id)
	if !ok || id == "" {
		return o, ""
	}
	o.Versions = slices.DeleteFunc(slices.Clone(o.Versions), func(v version) bool { return v.ID == id })
	return o, v.File
}
