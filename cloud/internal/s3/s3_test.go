package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// keys has one access key.
type keys struct{}

func (keys) Lookup(context.Context, string) (wire.Credential, bool) {
	return wire.Credential{Secret: "secret", Caller: identity.Caller{Kind: identity.Root}}, true
}

// stage is the service behind the wire, and the SDK's client of it.
type stage struct {
	*testing.T
	*Service
	*s3.Client
}

func setStage(t *testing.T, o ...func(*s3.Options)) *stage {
	t.Helper()
	st, err := store.Open(t.TempDir() + "/db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s, err := New(Options{Store: st, Clock: clock.New(1), Place: arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	h := wire.NewServer(wire.Options{Services: []*wire.Service{s.Wire()}, Authenticate: (&wire.Verifier{Credentials: keys{}}).Authenticate})
	return &stage{t, s, s3.New(s3.Options{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", ""),
		HTTPClient: &http.Client{Transport: wire.Transport(h)}, RetryMaxAttempts: 1,
	}, o...)}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func coded(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

func (s *stage) bucket(name string, versions bool) *string {
	s.Helper()
	must(s.CreateBucket(s.Context(), &s3.CreateBucketInput{Bucket: &name}))
	if versions {
		must(s.PutBucketVersioning(s.Context(), &s3.PutBucketVersioningInput{Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	}
	return &name
}

func (s *stage) put(bucket *string, key, body string, o ...func(*s3.PutObjectInput)) *s3.PutObjectOutput {
	s.Helper()
	in := &s3.PutObjectInput{Bucket: bucket, Key: &key, Body: strings.NewReader(body)}
	for _, f := range o {
		f(in)
	}
	return must(s.PutObject(s.Context(), in))
}

func (s *stage) get(bucket *string, key string, o ...func(*s3.GetObjectInput)) string {
	s.Helper()
	in := &s3.GetObjectInput{Bucket: bucket, Key: &key}
	for _, f := range o {
		f(in)
	}
	out, err := s.GetObject(s.Context(), in)
	if err != nil {
		return coded(err)
	}
	defer func() { _ = out.Body.Close() }()
	return string(must(io.ReadAll(out.Body)))
}

// An object keeps its bytes, headers, metadata, tags and checksum, in a bucket named by
// the host (AWS's name) and by the path.
func TestObject(t *testing.T) {
	for name, o := range map[string]func(*s3.Options){
		"host": func(*s3.Options) {},
		"path": func(o *s3.Options) { o.UsePathStyle, o.BaseEndpoint = true, aws.String("http://127.0.0.1:4566") },
	} {
		t.Run(name, func(t *testing.T) {
			s := setStage(t, o)
			b := s.bucket("objects", false)
			const key = "a b/ü+%2F~.txt"
			put := s.put(b, key, "hello", func(in *s3.PutObjectInput) {
				in.ContentType, in.Metadata, in.Tagging, in.ChecksumAlgorithm = aws.String("text/x"), map[string]string{"who": "me"}, aws.String("k=v%20w"), types.ChecksumAlgorithmSha256
			})
			head := must(s.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b, Key: aws.String(key), ChecksumMode: types.ChecksumModeEnabled}))
			if *head.ETag != `"5d41402abc4b2a76b9719d911017c592"` || *put.ETag != *head.ETag || *head.ContentLength != 5 || *head.ContentType != "text/x" ||
				head.Metadata["who"] != "me" || aws.ToString(head.ChecksumSHA256) != "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=" || head.VersionId != nil {
				t.Errorf("%+v", head)
			}
			tags := must(s.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: b, Key: aws.String(key)}))
			if len(tags.TagSet) != 1 || *tags.TagSet[0].Value != "v w" {
				t.Errorf("%+v", tags.TagSet)
			}
			if got := s.get(b, key, func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=-3") }); got != "llo" {
				t.Errorf("range gave %q", got)
			}
			if got := s.get(b, key, func(in *s3.GetObjectInput) { in.Range = aws.String("bytes=9-") }); got != "InvalidRange" {
				t.Errorf("range gave %q", got)
			}
			must(s.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: b, Key: aws.String("copy"), CopySource: aws.String("objects/a%20b/%C3%BC%2B%252F~.txt")}))
			if got := s.get(b, "copy"); got != "hello" {
				t.Errorf("the copy is %q", got)
			}
			_, err := s.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: b})
			if coded(err) != "BucketNotEmpty" {
				t.Error(err)
			}
			del := must(s.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: b, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String(key)}, {Key: aws.String("copy")}, {Key: aws.String("none")}}}}))
			if len(del.Deleted) != 3 || len(del.Errors) != 0 {
				t.Errorf("%+v", del)
			}
			must(s.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: b}))
			if got := s.get(b, key); got != "NoSuchBucket" {
				t.Errorf("a deleted bucket gave %q", got)
			}
		})
	}
}

// What does not hold is not written and not read.
func TestConditions(t *testing.T) {
	s := setStage(t)
	b := s.bucket("conditions", false)
	etag := s.put(b, "k", "one").ETag
	put := func(f func(*s3.PutObjectInput)) string {
		in := &s3.PutObjectInput{Bucket: b, Key: aws.String("k"), Body: strings.NewReader("two")}
		f(in)
		_, err := s.PutObject(t.Context(), in)
		return coded(err)
	}
	none, other := aws.String("*"), aws.String(`"0"`)
	for _, c := range []struct{ what, got, want string }{
		{"write if absent", put(func(in *s3.PutObjectInput) { in.IfNoneMatch = none }), "PreconditionFailed"},
		{"write if another", put(func(in *s3.PutObjectInput) { in.IfMatch = other }), "PreconditionFailed"},
		{"write with a wrong MD5", put(func(in *s3.PutObjectInput) { in.ContentMD5 = aws.String("XUFAKrxLKna5cZ2REBfFkg==") }), "BadDigest"},
		{"write with a wrong checksum", put(func(in *s3.PutObjectInput) { in.ChecksumCRC32 = aws.String("AAAAAA==") }), "BadDigest"},
		{"read if unchanged", s.get(b, "k", func(in *s3.GetObjectInput) { in.IfNoneMatch = etag }), "NotModified"},
		{"read if another", s.get(b, "k", func(in *s3.GetObjectInput) { in.IfMatch = other }), "PreconditionFailed"},
		{"read if this", s.get(b, "k", func(in *s3.GetObjectInput) { in.IfMatch = etag }), "one"},
		{"write if this", put(func(in *s3.PutObjectInput) { in.IfMatch = etag }), "<nil>"},
		{"read", s.get(b, "k"), "two"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %s, want %s", c.what, c.got, c.want)
		}
	}
}

// Versions stay until they are deleted by their id; a marker hides them.
func TestVersions(t *testing.T) {
	s := setStage(t)
	b := s.bucket("versions", true)
	first := s.put(b, "k", "one").VersionId
	second := s.put(b, "k", "two").VersionId
	of := func(id *string) func(*s3.GetObjectInput) { return func(in *s3.GetObjectInput) { in.VersionId = id } }
	del := must(s.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: aws.String("k")}))
	if !aws.ToBool(del.DeleteMarker) || s.get(b, "k") != "NoSuchKey" || s.get(b, "k", of(first)) != "one" || s.get(b, "k", of(second)) != "two" {
		t.Errorf("%+v, %s, %s", del, s.get(b, "k"), s.get(b, "k", of(first)))
	}
	var seen []string
	pages := s3.NewListObjectVersionsPaginator(s, &s3.ListObjectVersionsInput{Bucket: b, MaxKeys: aws.Int32(1)})
	for pages.HasMorePages() {
		p := must(pages.NextPage(t.Context()))
		for _, m := range p.DeleteMarkers {
			seen = append(seen, "marker "+*m.VersionId)
		}
		for _, v := range p.Versions {
			seen = append(seen, *v.VersionId)
		}
	}
	if want := []string{"marker " + *del.VersionId, *second, *first}; !slices.Equal(seen, want) {
		t.Errorf("listed %v, want %v", seen, want)
	}
	must(s.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b, Key: aws.String("k"), VersionId: del.VersionId}))
	content, etag, err := s.Object(t.Context(), *b, "k", "", 2)
	if string(content) != "tw" || etag != "b8a9f715dbb64fd5c56e7783c6820a61" || err != nil {
		t.Errorf("%q, %s, %v", content, etag, err)
	}
	if got := s.get(b, "k", of(aws.String("none"))); got != "NoSuchVersion" {
		t.Errorf("an unknown version gave %s", got)
	}
}

// Lists fold, page and escape.
func TestLists(t *testing.T) {
	s := setStage(t)
	b := s.bucket("lists", false)
	for _, k := range []string{"a/1", "a/2", "b", "c/d/1", "c/d/2", "z z"} {
		s.put(b, k, k)
	}
	var got []string
	pages := s3.NewListObjectsV2Paginator(s, &s3.ListObjectsV2Input{Bucket: b, Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)})
	for pages.HasMorePages() {
		p := must(pages.NextPage(t.Context()))
		for _, c := range p.CommonPrefixes {
			got = append(got, *c.Prefix)
		}
		for _, c := range p.Contents {
			got = append(got, *c.Key)
		}
	}
	if want := []string{"a/", "b", "c/", "z z"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	old := must(s.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: b, Prefix: aws.String("c/"), Marker: aws.String("c/d/1"), EncodingType: types.EncodingTypeUrl}))
	if len(old.Contents) != 1 || *old.Contents[0].Key != "c/d/2" || *old.Contents[0].Size != 5 {
		t.Errorf("%+v", old.Contents)
	}
}

// An upload in parts is one object, with AWS's ETag and checksum of parts, and its parts
// can be read by number.
func TestMultipart(t *testing.T) {
	s := setStage(t)
	b, key := s.bucket("parts", false), aws.String("big")
	s.put(b, "source", "0123456789")
	up := must(s.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: b, Key: key, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32, ContentType: aws.String("x/y")}))
	one := must(s.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: b, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(bytes.Repeat([]byte("x"), 100)), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
	two := must(s.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{Bucket: b, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(7), CopySource: aws.String("parts/source"), CopySourceRange: aws.String("bytes=2-4")}))
	parts := must(s.ListParts(t.Context(), &s3.ListPartsInput{Bucket: b, Key: key, UploadId: up.UploadId}))
	if len(parts.Parts) != 2 || *parts.Parts[1].PartNumber != 7 || *parts.Parts[1].Size != 3 {
		t.Errorf("%+v", parts.Parts)
	}
	complete := func(list ...types.CompletedPart) (*s3.CompleteMultipartUploadOutput, error) {
		return s.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: b, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: list}})
	}
	p1, p2 := types.CompletedPart{PartNumber: aws.Int32(1), ETag: one.ETag, ChecksumCRC32: one.ChecksumCRC32}, types.CompletedPart{PartNumber: aws.Int32(7), ETag: two.CopyPartResult.ETag}
	if _, err := complete(p2, p1); coded(err) != "InvalidPartOrder" {
		t.Error(err)
	}
	done := must(complete(p1, p2))
	if !strings.HasSuffix(*done.ETag, `-2"`) || !strings.HasSuffix(aws.ToString(done.ChecksumCRC32), "-2") || done.ChecksumType != types.ChecksumTypeComposite {
		t.Errorf("%+v", done)
	}
	if got := s.get(b, "big"); got != strings.Repeat("x", 100)+"234" {
		t.Errorf("joined to %q", got)
	}
	if got := s.get(b, "big", func(in *s3.GetObjectInput) { in.PartNumber = aws.Int32(2) }); got != "234" {
		t.Errorf("part 2 is %q", got)
	}
	if _, err := complete(p1); coded(err) != "NoSuchUpload" {
		t.Error(err)
	}
	left := must(s.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: b}))
	if len(left.Uploads) != 0 {
		t.Errorf("%+v", left.Uploads)
	}
}

// A presigned URL works for who has no key, and only for what was signed; nobody else gets
// in.
func TestPresigned(t *testing.T) {
	s := setStage(t)
	b := s.bucket("presigned", false)
	signed := must(s3.NewPresignClient(s.Client).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: aws.String("k")}))
	send := func(method, url, body string) int {
		req := must(http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body)))
		res := must(s.Client.Options().HTTPClient.Do(req))
		return res.StatusCode
	}
	if got := send("PUT", signed.URL, "hello"); got != 200 || s.get(b, "k") != "hello" {
		t.Errorf("put: %d, then %s", got, s.get(b, "k"))
	}
	if got := send("GET", signed.URL, ""); got != 403 {
		t.Errorf("another method: %d", got)
	}
	bare, _, _ := strings.Cut(signed.URL, "?")
	if got := send("GET", bare, ""); got != 403 {
		t.Errorf("unsigned: %d", got)
	}
}
