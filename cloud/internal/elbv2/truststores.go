package elbv2

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Files is the path under which the service hands files out: see ServeHTTP.
const Files = "/_turnout/elb/"

const (
	maxBundle     = 1 << 20
	maxRevocation = 50 << 20
	// downloads is the path under which bundles and revocations are handed out to whoever
	// knows their random names, as presigned URLs do on AWS.
	downloads = Files + "truststores/"
)

// trustStore is kept under its ARN.
type trustStore struct {
	Desc        types.TrustStore // without the counts, which follow from the rest
	Bundle      []byte           // PEM
	File        string           // the bundle's name for downloads
	Revocations []revocation
	LastID      int64
	Version     int // grows with every change
	Tags        []types.Tag
}

// revocation is one list of revoked certificates.
type revocation struct {
	ID      int64
	Type    types.RevocationType
	Content []byte
	Entries int64
	File    string
}

func (t trustStore) describe() types.TrustStore {
	d := t.Desc
	d.NumberOfCaCertificates = aws.Int32(int32(len(certificatesIn(t.Bundle))))
	var revoked int64
	for _, r := range t.Revocations {
		revoked += r.Entries
	}
	d.TotalRevokedEntries = &revoked
	return d
}

// certificatesIn are those of a PEM file that parse.
func certificatesIn(bundle []byte) (out []*x509.Certificate) {
	for b, rest := pem.Decode(bundle); b != nil; b, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(b.Bytes); err == nil && b.Type == "CERTIFICATE" {
			out = append(out, c)
		}
	}
	return out
}

// revocationsIn are the lists of a file in PEM or DER.
func revocationsIn(content []byte) (out []*x509.RevocationList, err error) {
	blocks := [][]byte{content}
	if b, rest := pem.Decode(content); b != nil {
		for blocks = nil; b != nil; b, rest = pem.Decode(rest) {
			blocks = append(blocks, b.Bytes)
		}
	}
	for _, b := range blocks {
		l, err := x509.ParseRevocationList(b)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// fetchBundle reads a CA bundle from S3. No transaction may be under way.
func (s *Service) fetchBundle(ctx context.Context, bucket, key, version *string) ([]byte, error) {
	content, err := s.fetchObject(ctx, bucket, key, version, maxBundle)
	if err != nil {
		return nil, &types.CaCertificatesBundleNotFoundException{Message: text(
			"The CA certificates bundle 's3://%s/%s' could not be read: %s", aws.ToString(bucket), aws.ToString(key), err)}
	}
	all := certificatesIn(content)
	if len(all) == 0 {
		return nil, &types.InvalidCaCertificatesBundleException{Message: aws.String("The CA certificates bundle contains no certificate in PEM format")}
	}
	for _, c := range all {
		if c.BasicConstraintsValid && !c.IsCA {
			return nil, &types.InvalidCaCertificatesBundleException{Message: text("The certificate of '%s' is not a CA's", c.Subject)}
		}
	}
	return content, nil
}

func (s *Service) fetchObject(ctx context.Context, bucket, key, version *string, limit int64) ([]byte, error) {
	if s.Objects == nil {
		return nil, errors.New("there is no S3 here")
	}
	content, _, err := s.Objects.Object(ctx, aws.ToString(bucket), aws.ToString(key), aws.ToString(version), limit+1)
	if err == nil && int64(len(content)) > limit {
		err = errors.New("it is too long")
	}
	return content, err
}

func noTrustStore(id string) error {
	return &types.TrustStoreNotFoundException{Message: text("Trust store '%s' not found", id)}
}

func (s *Service) trustStoreByARN(id string) (t trustStore, err error) {
	if err := checkARN(id, "truststore"); err != nil {
		return t, err
	}
	ok := false
	s.Store.View(func(tx *store.Tx) { t, ok = s.tables.trustStores.Get(tx, id) })
	if !ok {
		return t, noTrustStore(id)
	}
	return t, nil
}

// changeTrustStore stores what f makes of a trust store; listeners follow.
func (s *Service) changeTrustStore(id string, f func(*store.Tx, *trustStore) error) (t trustStore, err error) {
	if err := checkARN(id, "truststore"); err != nil {
		return t, err
	}
	err = s.change(func(tx *store.Tx) error {
		var ok bool
		if t, ok = s.tables.trustStores.Get(tx, id); !ok {
			return noTrustStore(id)
		}
		t.Revocations = slices.Clone(t.Revocations)
		if err := f(tx, &t); err != nil {
			return err
		}
		t.Version++
		s.tables.trustStores.Put(tx, id, t)
		return nil
	})
	return t, err
}

// trusting lists the listeners that verify clients by a trust store.
func (s *Service) trusting(tx *store.Tx, id string) []string {
	out := []string{}
	for l, row := range s.tables.listeners.All(tx, "") {
		if m := row.Desc.MutualAuthentication; m != nil && aws.ToString(m.TrustStoreArn) == id {
			out = append(out, l)
		}
	}
	return out
}

// ServeHTTP hands out bundles and revocations at the locations that the API has told, and
// at keys/KID the key that verifies X-Amzn-Oidc-Data.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == Files+"keys/"+s.login.kid {
		_, _ = w.Write(s.login.public())
		return
	}
	name := strings.TrimPrefix(r.URL.Path, downloads)
	var content []byte
	s.Store.View(func(tx *store.Tx) {
		for _, t := range s.tables.trustStores.All(tx, "") {
			if t.File == name {
				content = t.Bundle
			}
			for _, v := range t.Revocations {
				if v.File == name {
					content = v.Content
				}
			}
		}
	})
	if content == nil || r.Method != http.MethodGet {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(content)
}

// location is where a file is handed out.
func (s *Service) location(file string) *string {
	endpoint := ""
	if s.Endpoint != nil {
		endpoint = s.Endpoint()
	}
	return aws.String(endpoint + downloads + file)
}
