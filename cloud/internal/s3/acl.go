package s3

import (
	"encoding/xml"
	"io"
	"net/http"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var (
	errNoACLs    = &failure{status: 400, code: "AccessControlListNotSupported", message: "The bucket does not allow ACLs"}
	errBucketACL = &failure{status: 400, code: "InvalidBucketAclWithObjectOwnership", message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"}
	errBlocked   = &failure{status: 403, code: "AccessDenied", message: "Access Denied because public ACLs are prevented by the BlockPublicAcls setting in S3 Block Public Access."}
)

// Groups of grantees.
const (
	everybody     = "http://acs.amazonaws.com/groups/global/AllUsers"
	authenticated = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
	logDelivery   = "http://acs.amazonaws.com/groups/s3/LogDelivery"
)

// canned are the ACLs that have names: what groups get beside the owner, as group and
// permission. Those for the owners of buckets say nothing more where there is one account.
var canned = map[string][][2]string{
	"private": nil, "bucket-owner-read": nil, "bucket-owner-full-control": nil, "aws-exec-read": nil,
	"public-read":        {{everybody, "READ"}},
	"public-read-write":  {{everybody, "READ"}, {everybody, "WRITE"}},
	"authenticated-read": {{authenticated, "READ"}},
	"log-delivery-write": {{logDelivery, "WRITE"}, {logDelivery, "READ_ACP"}},
}

type grantee struct {
	XSI  string `xml:"xmlns:xsi,attr"`
	Type string `xml:"xsi:type,attr"`
	ID   string `xml:",omitempty"`
	Name string `xml:"DisplayName,omitempty"`
	URI  string `xml:",omitempty"`
}

type grant struct {
	Grantee    grantee
	Permission string
}

// acl writes a canned ACL out.
func (s *Service) acl(name string) string {
	const xsi = "http://www.w3.org/2001/XMLSchema-instance"
	me := s.owner()
	doc := struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ AccessControlPolicy"`
		Owner   owner
		Grants  []grant `xml:"AccessControlList>Grant"`
	}{Owner: me, Grants: []grant{{grantee{XSI: xsi, Type: "CanonicalUser", ID: me.ID, Name: me.DisplayName}, "FULL_CONTROL"}}}
	for _, g := range canned[name] {
		doc.Grants = append(doc.Grants, grant{grantee{XSI: xsi, Type: "Group", URI: g[0]}, g[1]})
	}
	text, err := xml.Marshal(doc)
	if err != nil {
		panic(err) // a document of ours that cannot be written
	}
	return string(text)
}

// askedACL is the ACL that a request's headers or body want, "" for none; b is the bucket
// that it is for, or whose object.
func (x *request) askedACL(b bucket) (string, error) {
	for k := range x.r.Header {
		if strings.HasPrefix(k, "X-Amz-Grant-") {
			return "", errImplemented
		}
	}
	name := x.r.Header.Get("X-Amz-Acl")
	doc := x.s.acl(name)
	_, known := canned[name]
	switch {
	case name != "" && !known:
		return "", badArgument("Invalid x-amz-acl header: " + name)
	case name != "":
	case x.q.Has("acl"):
		text, err := io.ReadAll(io.LimitReader(x.r.Body, maxDocument))
		var root struct{ XMLName xml.Name }
		if err != nil || xml.Unmarshal(text, &root) != nil || root.XMLName.Local != "AccessControlPolicy" {
			return "", errXML
		}
		doc = string(text)
	default:
		return "", nil
	}
	if b.enforced() && name != "bucket-owner-full-control" {
		return "", errNoACLs
	}
	if b.blocks().BlockPublicAcls && (strings.Contains(doc, everybody) || strings.Contains(doc, authenticated)) {
		return "", errBlocked
	}
	return doc, nil
}

func (x *request) getACL() error {
	b, err := x.s.bucketOf(x.bucket)
	doc := b.ACL
	if err == nil && x.key != "" {
		var v version
		v, err = x.s.lookup(x.bucket, x.key, x.q.Get("versionId"))
		doc = v.ACL
	}
	if err != nil {
		return err
	}
	if doc == "" || b.enforced() {
		doc = x.s.acl("private")
	}
	x.plain("application/xml", xml.Header+strings.TrimPrefix(doc, xml.Header))
	return nil
}

func (x *request) putACL() error {
	b, err := x.s.bucketOf(x.bucket)
	if err != nil {
		return err
	}
	doc, err := x.askedACL(b)
	if err != nil {
		return err
	}
	if x.key == "" {
		return x.changeBucket(func(b *bucket) { b.ACL = doc })
	}
	return x.putObjectACL(doc)
}

func (x *request) putObjectACL(doc string) error {
	err := x.s.Store.Update(func(tx *store.Tx) error {
		o, _ := x.s.objects.Get(tx, objectKey(x.bucket, x.key))
		v, err := chosen(o, x.q.Get("versionId"))
		if err != nil {
			return err
		}
		o.Versions = append([]version(nil), o.Versions...)
		for i := range o.Versions {
			if o.Versions[i].ID == v.ID {
				o.Versions[i].ACL = doc
			}
		}
		x.s.objects.Put(tx, objectKey(x.bucket, x.key), o)
		return nil
	})
	if err == nil {
		x.w.WriteHeader(http.StatusOK)
	}
	return err
}
