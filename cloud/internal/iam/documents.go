package iam

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Sizes of documents in characters, white space left out as IAM does.
const (
	maxTrustSize   = 2048
	maxManagedSize = 6144
)

// size counts as IAM counts.
func size(doc string) int {
	n := 0
	for _, c := range doc {
		if !strings.ContainsRune(" \t\r\n", c) {
			n++
		}
	}
	return n
}

// encoded is how the API returns documents: percent-encoded as RFC 3986 has it.
func encoded(doc string) *string {
	return aws.String(strings.ReplaceAll(url.QueryEscape(doc), "+", "%20"))
}

// checkTrust reads a role's trust policy.
func (s *Service) checkTrust(tx *store.Tx, doc string) error {
	d, err := policy.Parse(policy.Trust, doc)
	if err != nil {
		return badDocument(err)
	}
	if size(doc) > maxTrustSize {
		return quota("ACLSizePerRole", maxTrustSize)
	}
	for _, st := range d.Statements {
		for _, p := range []*policy.Principal{st.Principal, st.NotPrincipal} {
			if p == nil {
				continue
			}
			for _, a := range p.AWS {
				if err := s.checkPrincipal(tx, a); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkPrincipal wants an account, "*", or an identity that exists if it is one of ours.
func (s *Service) checkPrincipal(tx *store.Tx, p string) error {
	bad := badDocument(&policy.Error{Message: `Invalid principal in policy: "AWS":"` + p + `"`})
	if p == "*" || len(p) == 12 && strings.Trim(p, "0123456789") == "" {
		return nil
	}
	a, ok := arn.Parse(p)
	if !ok || a.Service != "iam" && a.Service != "sts" {
		return bad
	}
	if a.Account != s.Place.Account || a.Resource == "root" || a.Service == "sts" {
		return nil
	}
	kind, _, _ := strings.Cut(a.Resource, "/")
	name := arn.Name(a.Resource)
	switch kind {
	case "role":
		_, ok = s.tables.roles.Get(tx, name)
	case "user":
		_, ok = s.tables.users.Get(tx, name)
	default:
		ok = false // groups are no principals
	}
	if !ok {
		return bad
	}
	return nil
}
