package s3

import (
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// request is one request on its way.
type request struct {
	s           *Service
	w           http.ResponseWriter
	r           *http.Request
	q           url.Values
	bucket, key string
	wrapped     bool // errors stand in an ErrorResponse, as S3 Control has them
}

// operation answers a request, or returns an error before anything is written.
type operation struct {
	action string // of IAM; "" asks itself, for each object
	serve  func(*request) error
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &request{s: s, w: w, r: r, q: r.URL.Query()}
	w.Header().Set("X-Amz-Id-2", "turnout")
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

func (x *request) serve() error {
	op, ok, err := x.controlled()
	if !ok {
		x.bucket, x.key = x.s.place(x.r)
		op, ok = x.route()
	}
	if !ok {
		return errImplemented
	}
	if err != nil {
		return err
	}
	if err := x.admit(op); err != nil {
		return err
	}
	return op.serve(x)
}

// place tells which bucket and key a request is for, by its host or its path.
func (s *Service) place(r *http.Request) (bucket, key string) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if b, _ := s.named(r.Host); b != "" {
		return b, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// named tells which bucket a host names before one of S3's own names, and whether it is
// S3's at all.
func (s *Service) named(host string) (bucket string, ours bool) {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	for _, own := range append(s.Hosts, "s3."+s.Place.Region+".amazonaws.com", "s3.dualstack."+s.Place.Region+".amazonaws.com", "s3.amazonaws.com", "s3.localhost") {
		if host == own {
			return "", true
		}
		if b, ok := strings.CutSuffix(host, "."+own); ok {
			return b, true
		}
	}
	b, _ := strings.CutSuffix(host, ".localhost") // signed for S3, it can be nothing else
	if b != host && b != "s3" {
		return b, false
	}
	return "", false
}

// versioned are the actions that have another name when a request names a version.
var versioned = map[string]bool{
	"GetObject": true, "DeleteObject": true, "GetObjectAcl": true, "PutObjectAcl": true, "GetObjectTagging": true, "PutObjectTagging": true, "DeleteObjectTagging": true,
}

// admit asks for permission and for the bucket.
func (x *request) admit(op operation) error {
	action := op.action
	if versioned[action] && x.q.Get("versionId") != "" {
		action = strings.Replace(action, "Object", "ObjectVersion", 1)
	}
	if action != "" {
		if err := x.permit(action, x.bucket, x.key); err != nil {
			return err
		}
	}
	if x.bucket == "" || op.action == "CreateBucket" {
		return nil
	}
	_, err := x.s.bucketOf(x.bucket)
	return err
}

func (s *Service) bucketOf(name string) (b bucket, err error) {
	s.Store.View(func(tx *store.Tx) {
		var ok bool
		if b, ok = s.buckets.Get(tx, name); !ok {
			err = errNoBucket
		}
	})
	return b, err
}

// subresources are query parameters that make another operation of a request.
var subresources = []string{
	"uploadId", "uploads", "tagging", "delete", "versioning", "versions", "location",
	"acl", "policy", "policyStatus", "cors", "website", "lifecycle", "logging", "encryption", "notification", "replication",
	"requestPayment", "accelerate", "object-lock", "publicAccessBlock", "ownershipControls", "attributes", "legal-hold", "retention",
	"torrent", "restore", "select", "analytics", "inventory", "metrics", "intelligent-tiering",
}

func (x *request) route() (operation, bool) {
	level := "service"
	switch {
	case x.key != "":
		level = "object"
	case x.bucket != "":
		level = "bucket"
	}
	sub := ""
	for _, q := range subresources {
		if x.q.Has(q) {
			sub = q
			break
		}
	}
	if level == "object" && x.r.Method == http.MethodPut && x.r.Header.Get("X-Amz-Copy-Source") != "" {
		sub += "copy"
	}
	if c, ok := settings[sub]; ok && level == "bucket" {
		return c.operation(x.r.Method, sub)
	}
	op, ok := operations[level+" "+x.r.Method+" "+sub]
	if !ok && level == "bucket" && x.r.Method == http.MethodGet {
		op, ok = unset[sub]
	}
	return op, ok
}

var operations = map[string]operation{
	"service GET ": {"ListAllMyBuckets", (*request).listBuckets},

	"bucket PUT ":           {"CreateBucket", (*request).createBucket},
	"bucket HEAD ":          {"ListBucket", (*request).headBucket},
	"bucket DELETE ":        {"DeleteBucket", (*request).deleteBucket},
	"bucket GET ":           {"ListBucket", (*request).listObjects},
	"bucket GET versions":   {"ListBucketVersions", (*request).listVersions},
	"bucket GET uploads":    {"ListBucketMultipartUploads", (*request).listUploads},
	"bucket GET location":   {"GetBucketLocation", (*request).getLocation},
	"bucket GET versioning": {"GetBucketVersioning", (*request).getVersioning},
	"bucket PUT versioning": {"PutBucketVersioning", (*request).putVersioning},
	"bucket GET tagging":    {"GetBucketTagging", (*request).getBucketTags},
	"bucket PUT tagging":    {"PutBucketTagging", (*request).putBucketTags},
	"bucket DELETE tagging": {"PutBucketTagging", (*request).deleteBucketTags},
	"bucket POST delete":    {"", (*request).deleteObjects},

	"bucket GET policy":       {"GetBucketPolicy", (*request).getPolicy},
	"bucket PUT policy":       {"PutBucketPolicy", (*request).putPolicy},
	"bucket DELETE policy":    {"DeleteBucketPolicy", (*request).deletePolicy},
	"bucket GET policyStatus": {"GetBucketPolicyStatus", (*request).getPolicyStatus},
	"bucket GET acl":          {"GetBucketAcl", (*request).getACL},
	"bucket PUT acl":          {"PutBucketAcl", (*request).putACL},
	"object GET acl":          {"GetObjectAcl", (*request).getACL},
	"object PUT acl":          {"PutObjectAcl", (*request).putACL},

	"object PUT ":             {"PutObject", (*request).putObject},
	"object PUT copy":         {"PutObject", (*request).copyObject},
	"object GET ":             {"GetObject", (*request).getObject},
	"object HEAD ":            {"GetObject", (*request).getObject},
	"object DELETE ":          {"DeleteObject", (*request).deleteObject},
	"object GET tagging":      {"GetObjectTagging", (*request).getObjectTags},
	"object PUT tagging":      {"PutObjectTagging", (*request).putObjectTags},
	"object DELETE tagging":   {"DeleteObjectTagging", (*request).deleteObjectTags},
	"object POST uploads":     {"PutObject", (*request).createUpload},
	"object PUT uploadId":     {"PutObject", (*request).uploadPart},
	"object PUT uploadIdcopy": {"PutObject", (*request).uploadPart},
	"object GET uploadId":     {"ListMultipartUploadParts", (*request).listParts},
	"object POST uploadId":    {"PutObject", (*request).completeUpload},
	"object DELETE uploadId":  {"AbortMultipartUpload", (*request).abortUpload},
}

// answer writes an XML document.
func (x *request) answer(status int, doc any) {
	b, err := xml.Marshal(doc)
	if err != nil {
		panic(err) // a document of ours that cannot be written
	}
	x.w.Header().Set("Content-Type", "application/xml")
	x.w.WriteHeader(status)
	_, _ = io.WriteString(x.w, xml.Header+string(b)) // a caller that is gone is no error of ours
}

// maxDocument bounds the XML that a caller may send.
const maxDocument = 2 << 20

// decode reads an XML document from the request.
func (x *request) decode(doc any) error {
	b, err := io.ReadAll(io.LimitReader(x.r.Body, maxDocument))
	if err != nil {
		return err
	}
	if xml.Unmarshal(b, doc) != nil {
		return errXML
	}
	return nil
}
