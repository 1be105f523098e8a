package elbv2

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Modes of mutual authentication.
const (
	modeOff         = "off"
	modePassthrough = "passthrough"
	modeVerify      = "verify"
)

// mutualMode is a listener's, "" for off.
func mutualMode(d types.Listener) string {
	if m := d.MutualAuthentication; m != nil && aws.ToString(m.Mode) != modeOff {
		return aws.ToString(m.Mode)
	}
	return ""
}

// checkMutual checks and completes a listener's mutual authentication.
func (s *Service) checkMutual(tx *store.Tx, d *types.Listener) error {
	given := d.MutualAuthentication
	if given == nil {
		return nil
	}
	m := *given
	fill(&m.Mode, modeOff)
	d.MutualAuthentication = &m
	if *m.Mode == modeOff && m.TrustStoreArn == nil {
		return nil
	}
	if d.Protocol != types.ProtocolEnumHttps {
		return badConfiguration("Mutual authentication is supported only on HTTPS listeners")
	}
	switch *m.Mode {
	case modeOff, modePassthrough:
		if m.TrustStoreArn != nil || m.IgnoreClientCertificateExpiry != nil {
			return validation("A trust store and IgnoreClientCertificateExpiry can only be specified with the mutual authentication mode 'verify'")
		}
		return nil
	case modeVerify:
	default:
		return validation("Mutual authentication mode '%s' must be one of 'off, passthrough, verify'", *m.Mode)
	}
	id := aws.ToString(m.TrustStoreArn)
	if err := checkARN(id, "truststore"); err != nil {
		return err
	}
	if _, ok := s.tables.trustStores.Get(tx, id); !ok {
		return noTrustStore(id)
	}
	fill(&m.IgnoreClientCertificateExpiry, false)
	m.TrustStoreAssociationStatus = types.TrustStoreAssociationStatusEnumActive
	if m.AdvertiseTrustStoreCaNames == "" {
		m.AdvertiseTrustStoreCaNames = types.AdvertiseTrustStoreCaNamesEnumOff
	}
	return nil
}

// mutualStamp tells configurations apart that verify clients differently.
func (s *Service) mutualStamp(tx *store.Tx, d types.Listener) string {
	m := d.MutualAuthentication
	if mutualMode(d) != modeVerify {
		return mutualMode(d)
	}
	t, _ := s.tables.trustStores.Get(tx, *m.TrustStoreArn)
	return *m.TrustStoreArn + " " + strconv.Itoa(t.Version) + strconv.FormatBool(aws.ToBool(m.IgnoreClientCertificateExpiry)) + string(m.AdvertiseTrustStoreCaNames)
}

// askClients makes a TLS configuration ask for clients' certificates.
func (s *Service) askClients(tx *store.Tx, d types.Listener, c *tls.Config) {
	switch mutualMode(d) {
	case modePassthrough:
		c.ClientAuth = tls.RequestClientCert
	case modeVerify:
		t, _ := s.tables.trustStores.Get(tx, *d.MutualAuthentication.TrustStoreArn)
		v := newVerifier(t, aws.ToBool(d.MutualAuthentication.IgnoreClientCertificateExpiry))
		c.ClientAuth = tls.RequireAnyClientCert
		c.VerifyConnection = func(cs tls.ConnectionState) error { return v.verify(cs.PeerCertificates) }
		if d.MutualAuthentication.AdvertiseTrustStoreCaNames == types.AdvertiseTrustStoreCaNamesEnumOn {
			c.ClientCAs = v.roots
		}
	}
}

// verifier verifies clients' certificates as a trust store wants.
type verifier struct {
	roots   *x509.CertPool
	late    bool            // expired ones are as good
	revoked map[string]bool // by issuer and serial number
}

func newVerifier(t trustStore, late bool) *verifier {
	v := &verifier{roots: x509.NewCertPool(), late: late, revoked: map[string]bool{}}
	for _, c := range certificatesIn(t.Bundle) {
		v.roots.AddCert(c)
	}
	for _, r := range t.Revocations {
		lists, _ := revocationsIn(r.Content) // parsed when it was added
		for _, l := range lists {
			for _, e := range l.RevokedCertificateEntries {
				v.revoked[string(l.RawIssuer)+e.SerialNumber.String()] = true
			}
		}
	}
	return v
}

const maxChain = 4 // certificates that a client may show

func (v *verifier) verify(chain []*x509.Certificate) error {
	if len(chain) > maxChain {
		return &balancer.Untrusted{Reason: "ClientCertMaxChainDepthExceeded"}
	}
	leaf := chain[0]
	o := x509.VerifyOptions{Roots: v.roots, Intermediates: x509.NewCertPool(), CurrentTime: time.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if v.late && o.CurrentTime.After(leaf.NotAfter) {
		o.CurrentTime = leaf.NotAfter
	}
	for _, c := range chain[1:] {
		o.Intermediates.AddCert(c)
	}
	if o.CurrentTime.Before(leaf.NotBefore) {
		return &balancer.Untrusted{Reason: "ClientCertNotYetValid"}
	}
	trusted, err := leaf.Verify(o)
	if err != nil {
		return &balancer.Untrusted{Reason: reasonOf(err)}
	}
	for _, c := range trusted[0] {
		if v.revoked[string(c.RawIssuer)+c.SerialNumber.String()] {
			return &balancer.Untrusted{Reason: "ClientCertCrlHit"}
		}
	}
	return nil
}

// reasonOf is AWS's word for why a certificate was refused.
func reasonOf(err error) string {
	var invalid x509.CertificateInvalidError
	if errors.As(err, &invalid) {
		switch invalid.Reason {
		case x509.Expired:
			return "ClientCertExpired"
		case x509.IncompatibleUsage:
			return "ClientCertPurposeInvalid"
		}
		return "ClientCertInvalid"
	}
	return "ClientCertUntrusted"
}
