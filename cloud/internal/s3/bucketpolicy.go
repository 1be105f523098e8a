package s3

import (
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/policy"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// maxPolicy bounds a bucket's policy.
const maxPolicy = 20 << 10

var errNoPolicy = &failure{status: 404, code: "NoSuchBucketPolicy", message: "The bucket policy does not exist"}

func malformedPolicy(message string) error {
	return &failure{status: 400, code: "MalformedPolicy", message: message}
}

// Policy is the policy of the bucket that an ARN is of or in, "" for none: who evaluates
// permissions needs it.
func (s *Service) Policy(arn string) string {
	name, _, _ := strings.Cut(arn[strings.LastIndexByte(arn, ':')+1:], "/")
	var b bucket
	s.Store.View(func(tx *store.Tx) { b, _ = s.buckets.Get(tx, name) })
	return b.Policy
}

func (x *request) getPolicy() error {
	b, err := x.s.bucketOf(x.bucket)
	if err != nil {
		return err
	}
	if b.Policy == "" {
		return errNoPolicy
	}
	x.plain("application/json", b.Policy)
	return nil
}

func (x *request) putPolicy() error {
	text, err := io.ReadAll(io.LimitReader(x.r.Body, maxPolicy+1))
	if err != nil {
		return err
	}
	if len(text) > maxPolicy {
		return malformedPolicy("Policy exceeds the maximum allowed document size.")
	}
	doc, err := x.readPolicy(string(text))
	if err != nil {
		return err
	}
	b, err := x.s.bucketOf(x.bucket)
	if err != nil {
		return err
	}
	if public(doc) && b.blocks().BlockPublicPolicy {
		return &failure{status: 403, code: "AccessDenied", message: "User is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:" + x.s.Place.Partition + ":s3:::" + x.bucket +
			"\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."}
	}
	return x.alterBucket(http.StatusNoContent, func(b *bucket) { b.Policy = string(text) })
}

func (x *request) deletePolicy() error {
	return x.alterBucket(http.StatusNoContent, func(b *bucket) { b.Policy = "" })
}

// readPolicy reads a policy that is about the request's bucket and S3's actions.
func (x *request) readPolicy(text string) (*policy.Document, error) {
	doc, err := policy.Parse(policy.Resource, text)
	if err != nil {
		return nil, malformedPolicy(err.Error())
	}
	own := "arn:" + x.s.Place.Partition + ":s3:::" + x.bucket
	for _, st := range doc.Statements {
		if st.Principal == nil && st.NotPrincipal == nil {
			return nil, malformedPolicy("Missing required field Principal")
		}
		for _, r := range append(slices.Clone(st.Resources), st.NotResources...) {
			if r != own && !strings.HasPrefix(r, own+"/") {
				return nil, malformedPolicy("Policy has invalid resource")
			}
		}
		for _, a := range append(slices.Clone(st.Actions), st.NotActions...) {
			if a != "*" && !strings.HasPrefix(strings.ToLower(a), "s3:") {
				return nil, malformedPolicy("Policy has invalid action")
			}
		}
	}
	return doc, nil
}

// fixing are the condition keys that keep a statement about everybody from being public.
var fixing = []string{
	"aws:sourceip", "aws:sourcearn", "aws:sourceaccount", "aws:sourcevpc", "aws:sourcevpce", "aws:principalorgid", "aws:principalorgpaths", "aws:principalarn",
	"aws:principalaccount", "aws:userid", "aws:sourceowner", "s3:dataaccesspointarn", "s3:dataaccesspointaccount",
}

// public tells whether a policy allows anything to everybody.
func public(doc *policy.Document) bool {
	return slices.ContainsFunc(doc.Statements, func(st policy.Statement) bool {
		fixed := slices.ContainsFunc(st.Conditions, func(c policy.Condition) bool { return slices.Contains(fixing, strings.ToLower(c.Key)) })
		return !st.Deny && !fixed && (st.NotPrincipal != nil || st.Principal != nil && st.Principal.Any)
	})
}

func (x *request) getPolicyStatus() error {
	b, err := x.s.bucketOf(x.bucket)
	if err != nil {
		return err
	}
	if b.Policy == "" {
		return errNoPolicy
	}
	doc, err := x.readPolicy(b.Policy)
	if err != nil {
		return err
	}
	x.answer(http.StatusOK, struct {
		XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ PolicyStatus"`
		IsPublic bool
	}{IsPublic: public(doc)})
	return nil
}
