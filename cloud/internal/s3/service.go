package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Clock *clock.Clock
	Place arn.Place
	Dir   string   // folder of the objects' files, made when missing
	Hosts []string // names that a bucket's name may stand before, besides AWS's and s3.localhost

	Log *slog.Logger // of what broke inside; default none

	// Authorize refuses what a caller (identity.From(ctx)) may not do; nil permits all.
	// resource is an ARN, "*" for ListAllMyBuckets; keys are condition keys in lower case.
	Authorize func(ctx context.Context, action, resource string, keys map[string]string) error
}

// Service is S3. It is an http.Handler of authenticated requests.
type Service struct {
	Options
	buckets store.Table[bucket]
	objects store.Table[object]
	uploads store.Table[upload]
}

// New opens the service on its tables and folder, from which it removes files that no
// object has: those of writes that a crash cut off.
func New(o Options) (*Service, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{Options: o}
	var err, err2, err3 error
	s.buckets, err = store.NewTable[bucket](o.Store, "s3-buckets")
	s.objects, err2 = store.NewTable[object](o.Store, "s3-objects")
	s.uploads, err3 = store.NewTable[upload](o.Store, "s3-uploads")
	if err = errors.Join(err, err2, err3, os.MkdirAll(o.Dir, 0o700)); err == nil {
		err = s.sweep()
	}
	if err != nil {
		return nil, fmt.Errorf("open s3: %w", err)
	}
	return s, nil
}

// Wire is the service as package wire serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{
		ID: "s3", SDK: "S3", SigningNames: []string{"s3", "s3express"}, Version: "2006-03-01",
		Protocols: []wire.Protocol{wire.RestXML}, Handler: s, Handles: handled, Records: records,
		Host: s.named,
	}
}

// handled are the operations that the service answers, by the names of the SDKs.
var handled = []string{
	"AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateBucket", "CreateMultipartUpload", "DeleteBucket",
	"DeleteBucketTagging", "DeleteObject", "DeleteObjectTagging", "DeleteObjects", "GetBucketLocation", "GetBucketTagging",
	"GetBucketVersioning", "GetObject", "GetObjectTagging", "HeadBucket", "HeadObject", "ListBuckets", "ListMultipartUploads",
	"ListObjectVersions", "ListObjects", "ListObjectsV2", "ListParts", "PutBucketTagging", "PutBucketVersioning", "PutObject",
	"PutObjectTagging", "UploadPart", "UploadPartCopy",

	"DeleteBucketCors", "DeleteBucketEncryption", "DeleteBucketLifecycle", "DeleteBucketOwnershipControls", "DeleteBucketPolicy", "DeleteBucketWebsite",
	"DeletePublicAccessBlock", "GetBucketAccelerateConfiguration", "GetBucketAcl", "GetBucketCors", "GetBucketEncryption", "GetBucketLifecycleConfiguration",
	"GetBucketLogging", "GetBucketNotificationConfiguration", "GetBucketOwnershipControls", "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketReplication",
	"GetBucketRequestPayment", "GetBucketWebsite", "GetObjectAcl", "GetObjectLockConfiguration", "GetPublicAccessBlock", "PutBucketAccelerateConfiguration",
	"PutBucketAcl", "PutBucketCors", "PutBucketEncryption", "PutBucketLifecycleConfiguration", "PutBucketLogging", "PutBucketNotificationConfiguration",
	"PutBucketOwnershipControls", "PutBucketPolicy", "PutBucketRequestPayment", "PutBucketWebsite", "PutObjectAcl", "PutPublicAccessBlock",
}

// records are those that only keep what they are given, with why.
var records = map[string]string{
	"PutBucketAccelerateConfiguration":   "there is one way to the bucket",
	"PutBucketAcl":                       "nobody calls without a signature, and there is one account",
	"PutObjectAcl":                       "nobody calls without a signature, and there is one account",
	"PutBucketCors":                      "no browser asks",
	"PutBucketEncryption":                "objects say so; nothing is encrypted",
	"PutBucketLifecycleConfiguration":    "nothing expires or moves",
	"PutBucketLogging":                   "no access logs are written",
	"PutBucketNotificationConfiguration": "EventBridge or nothing, and there is no EventBridge",
	"PutBucketRequestPayment":            "nobody pays",
	"PutBucketWebsite":                   "no website is served",
}

// sweep removes the files that no row names.
func (s *Service) sweep() error {
	used := map[string]bool{}
	s.Store.View(func(tx *store.Tx) {
		for _, o := range s.objects.All(tx, "") {
			for _, v := range o.Versions {
				used[v.File] = true
			}
		}
		for _, u := range s.uploads.All(tx, "") {
			for _, p := range u.Parts {
				used[p.File] = true
			}
		}
	})
	files, err := os.ReadDir(s.Dir)
	for _, f := range files {
		if !used[f.Name()] && !f.IsDir() {
			err = errors.Join(err, os.Remove(filepath.Join(s.Dir, f.Name())))
		}
	}
	return err
}

// Object reads no more than limit bytes of an object, for neighbours, who ask themselves
// whether they may: version "" is the newest. The ETag has no quotes. Errors are S3's:
// NoSuchBucket, NoSuchKey, NoSuchVersion.
func (s *Service) Object(_ context.Context, bucket, key, version string, limit int64) (content []byte, etag string, err error) {
	v, f, err := s.open(bucket, key, version)
	if err != nil {
		return nil, "", err
	}
	content, err = io.ReadAll(io.LimitReader(f, limit))
	return content, v.ETag, errors.Join(err, f.Close())
}

// Put writes an object for neighbours, who ask themselves whether they may.
func (s *Service) Put(_ context.Context, bucket, key string, content []byte) error {
	b, err := s.store(bytes.NewReader(content))
	if err != nil {
		return err
	}
	v := version{File: b.file, Size: b.size, ETag: b.etag, Headers: map[string]string{"Content-Type": "application/octet-stream"}, Modified: s.Clock.Now().UTC()}
	var old string
	err = s.Store.Update(func(tx *store.Tx) error {
		in, ok := s.buckets.Get(tx, bucket)
		if !ok {
			return errNoBucket
		}
		o, _ := s.objects.Get(tx, objectKey(bucket, key))
		v.encrypted(in)
		o, _, old = push(in, o, v)
		o.Key = key
		s.objects.Put(tx, objectKey(bucket, key), o)
		return nil
	})
	if err != nil {
		return errors.Join(err, s.remove(v.File))
	}
	s.drop(old)
	return nil
}

// permit asks whether the caller may do something to a bucket, or to an object in it. As on
// AWS, no policy keeps the root user from changing a bucket's policy.
func (x *request) permit(action, bucket, key string) error {
	ctx := x.r.Context()
	if x.s.Authorize == nil || identity.From(ctx).Kind == identity.Root && strings.HasSuffix(action, "BucketPolicy") {
		return nil
	}
	resource := "*"
	if bucket != "" {
		resource = "arn:" + x.s.Place.Partition + ":s3:::" + bucket
		if key != "" {
			resource += "/" + key
		}
	}
	return x.s.Authorize(ctx, "s3:"+action, resource, x.conditions())
}

// conditions are the condition keys that stand in the request. That its transport is secure
// is always so: what rehearses on loopback will be behind TLS.
func (x *request) conditions() map[string]string {
	keys := map[string]string{"aws:securetransport": "true"}
	for key, value := range map[string]string{
		"s3:prefix": x.q.Get("prefix"), "s3:delimiter": x.q.Get("delimiter"), "s3:max-keys": x.q.Get("max-keys"), "s3:versionid": x.q.Get("versionId"),
		"s3:x-amz-acl": x.r.Header.Get("X-Amz-Acl"), "s3:x-amz-server-side-encryption": x.r.Header.Get(encryptedBy),
		"s3:x-amz-copy-source": x.r.Header.Get("X-Amz-Copy-Source"), "s3:x-amz-storage-class": x.r.Header.Get("X-Amz-Storage-Class"),
	} {
		if value != "" {
			keys[key] = value
		}
	}
	return keys
}
