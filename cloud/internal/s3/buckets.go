package s3

import (
	"encoding/xml"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

var bucketName = regex.New(`^[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]$`)

// instant is how S3's documents write times.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

type owner struct {
	ID          string
	DisplayName string
}

func (s *Service) owner() owner { return owner{s.Place.Account, s.Place.Account} }

// maxBuckets is how many buckets a page has at most.
const maxBuckets = 10000

func (x *request) listBuckets() error {
	size := maxBuckets
	if n := x.q.Get("max-buckets"); n != "" {
		var err error
		if size, err = strconv.Atoi(n); err != nil || size < 1 || size > maxBuckets {
			return badArgument("Argument max-buckets must be an integer between 1 and 10000")
		}
	}
	var all []bucket
	if region := x.q.Get("bucket-region"); region == "" || region == x.s.Place.Region {
		x.s.Store.View(func(tx *store.Tx) {
			for _, b := range x.s.buckets.All(tx, x.q.Get("prefix")) {
				all = append(all, b)
			}
		})
	}
	part, next, err := page.Cut(all, func(b bucket) string { return b.Name }, x.q.Get("continuation-token"), size)
	if err != nil {
		return badArgument("The continuation token provided is incorrect")
	}
	type entry struct {
		Name         string
		CreationDate string
		BucketRegion string
	}
	doc := struct {
		XMLName           xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListAllMyBucketsResult"`
		Buckets           []entry  `xml:"Buckets>Bucket"`
		Owner             owner
		Prefix            string `xml:"Prefix,omitempty"`
		ContinuationToken string `xml:"ContinuationToken,omitempty"`
	}{Owner: x.s.owner(), Prefix: x.q.Get("prefix"), ContinuationToken: next}
	for _, b := range part {
		doc.Buckets = append(doc.Buckets, entry{b.Name, instant(b.Created), x.s.Place.Region})
	}
	x.answer(http.StatusOK, doc)
	return nil
}

func (x *request) createBucket() error {
	if !bucketName.MatchString(x.bucket) || strings.Contains(x.bucket, "..") || net.ParseIP(x.bucket) != nil {
		return errBucketName
	}
	var c struct {
		LocationConstraint string
		Tags               []tag `xml:"Tags>Tag"`
	}
	if x.r.ContentLength > 0 {
		if err := x.decode(&c); err != nil {
			return err
		}
		if c.LocationConstraint != "" && c.LocationConstraint != x.s.Place.Region {
			return &failure{status: 400, code: "IllegalLocationConstraintException", message: "The " + c.LocationConstraint + " location constraint is incompatible for the region specific endpoint this request was sent to."}
		}
	}
	made, err := x.newBucket()
	if err != nil {
		return err
	}
	if len(c.Tags) > 0 {
		if made.Tags, err = asMap(c.Tags); err != nil {
			return err
		}
		if err := x.permit("TagResource", x.bucket, ""); err != nil {
			return err
		}
	}
	err = x.s.Store.Update(func(tx *store.Tx) error {
		if _, ok := x.s.buckets.Get(tx, x.bucket); ok {
			if x.s.Place.Region == "us-east-1" { // where S3 has always let this pass
				return nil
			}
			return errOwned
		}
		x.s.buckets.Put(tx, x.bucket, made)
		return nil
	})
	if err != nil {
		return err
	}
	x.w.Header().Set("Location", "/"+x.bucket)
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// newBucket is a bucket as it is created: encrypted, closed to the public, and without ACLs
// unless the caller wants another ownership of objects.
func (x *request) newBucket() (bucket, error) {
	b := bucket{Name: x.bucket, Created: x.s.Clock.Now()}
	how := x.r.Header.Get("X-Amz-Object-Ownership")
	if how == "" {
		how = enforced
	}
	if oneOf(how, enforced, "BucketOwnerPreferred", "ObjectWriter") != nil {
		return b, badArgument("Invalid x-amz-object-ownership header: " + how)
	}
	b.set("ownershipControls", owned(how))
	b.set("publicAccessBlock", blockedByDefault)
	acl := x.r.Header.Get("X-Amz-Acl")
	if acl == "" || acl == "private" {
		return b, nil
	}
	if how == enforced {
		return b, errBucketACL
	}
	var err error
	b.ACL, err = x.askedACL(b)
	return b, err
}

func (x *request) headBucket() error {
	x.w.Header().Set("X-Amz-Bucket-Region", x.s.Place.Region)
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// deleteBucket deletes an empty bucket. Uploads under way are forgotten with it.
func (x *request) deleteBucket() error {
	var files []string
	err := x.s.Store.Update(func(tx *store.Tx) error {
		for range x.s.objects.All(tx, x.bucket+"\x00") {
			return errNotEmpty
		}
		for k, u := range x.s.uploads.All(tx, x.bucket+"\x00") {
			for _, p := range u.Parts {
				files = append(files, p.File)
			}
			x.s.uploads.Delete(tx, k)
		}
		x.s.buckets.Delete(tx, x.bucket)
		return nil
	})
	if err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	x.s.drop(files...)
	return nil
}

func (x *request) getLocation() error {
	region := x.s.Place.Region
	if region == "us-east-1" {
		region = "" // which S3 has no name for
	}
	x.answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ LocationConstraint"`
		Region  string   `xml:",chardata"`
	}{Region: region})
	return nil
}

func (x *request) getVersioning() error {
	b, err := x.s.bucketOf(x.bucket)
	if err != nil {
		return err
	}
	x.answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ VersioningConfiguration"`
		Status  string   `xml:"Status,omitempty"`
	}{Status: b.Versioning})
	return nil
}

func (x *request) putVersioning() error {
	var c struct{ Status, MfaDelete string }
	if err := x.decode(&c); err != nil {
		return err
	}
	if c.Status != "Enabled" && c.Status != "Suspended" {
		return &failure{status: 400, code: "IllegalVersioningConfigurationException", message: "The Versioning element must be specified"}
	}
	return x.changeBucket(func(b *bucket) { b.Versioning = c.Status })
}

// changeBucket stores a changed copy of the bucket and answers that it is so.
func (x *request) changeBucket(change func(*bucket)) error {
	return x.alterBucket(http.StatusOK, change)
}

// alterBucket is changeBucket with the status of its answer.
func (x *request) alterBucket(status int, change func(*bucket)) error {
	err := x.s.Store.Update(func(tx *store.Tx) error {
		b, ok := x.s.buckets.Get(tx, x.bucket)
		if !ok {
			return errNoBucket
		}
		change(&b)
		x.s.buckets.Put(tx, b.Name, b)
		return nil
	})
	if err == nil {
		x.w.WriteHeader(status)
	}
	return err
}
