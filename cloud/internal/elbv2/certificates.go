package elbv2

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func isSecure(p types.ProtocolEnum) bool {
	return p == types.ProtocolEnumHttps || p == types.ProtocolEnumTls
}

// secure checks a listener's certificate and policy against its protocol, and makes the
// certificate's key pair if this is the first listener that names it.
func (s *Service) secure(tx *store.Tx, d *types.Listener) error {
	if !isSecure(d.Protocol) {
		if len(d.Certificates) > 0 {
			return validation("A certificate cannot be specified for %s listeners", d.Protocol)
		}
		if d.SslPolicy != nil {
			return validation("An SSL policy cannot be specified for %s listeners", d.Protocol)
		}
		return nil
	}
	if len(d.Certificates) == 0 {
		return validation("A certificate must be specified for %s listeners", d.Protocol)
	}
	if len(d.Certificates) > 1 {
		return badConfiguration("You must provide a list containing exactly one certificate if the listener protocol is %s.", d.Protocol)
	}
	d.SslPolicy = aws.String(policyOr(d.SslPolicy))
	if _, ok := sslPolicies[*d.SslPolicy]; !ok {
		return &types.SSLPolicyNotFoundException{Message: text("SSL policy '%s' not found", *d.SslPolicy)}
	}
	d.Certificates = []types.Certificate{{CertificateArn: d.Certificates[0].CertificateArn}}
	if d.Protocol == types.ProtocolEnumHttps {
		fill(&d.MutualAuthentication, types.MutualAuthenticationAttributes{Mode: aws.String("off")})
	}
	return s.keepCertificate(tx, aws.ToString(d.Certificates[0].CertificateArn))
}

// keepCertificate makes and stores a key pair for an ARN, once.
func (s *Service) keepCertificate(tx *store.Tx, id string) error {
	a, ok := arn.Parse(id)
	named := a.Service == "acm" && strings.HasPrefix(a.Resource, "certificate/") ||
		a.Service == "iam" && strings.HasPrefix(a.Resource, "server-certificate/")
	if !ok || !named {
		return &types.CertificateNotFoundException{Message: text("Certificate '%s' not found", id)}
	}
	if _, ok := s.tables.certificates.Get(tx, id); ok {
		return nil
	}
	c, err := selfSigned(id, s.Clock.Now())
	if err != nil {
		return err
	}
	s.tables.certificates.Put(tx, id, c)
	return nil
}

// selfSigned makes a certificate for all loopback names; its subject tells which ARN it
// stands for.
func selfSigned(id string, now time.Time) (certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return certificate{}, err
	}
	name := arn.Name(id)
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name[:min(len(name), 64)], Organization: []string{"Turnout local cloud"}},
		NotBefore:    now.Add(-time.Hour), // for clients whose clock is behind
		NotAfter:     now.AddDate(10, 0, 0),
		DNSNames:     []string{"localhost", "*.localhost", "*.elb.amazonaws.com"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificate{}, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return certificate{}, err
	}
	return certificate{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}),
	}, nil
}

// certificatesOf lists the ARNs of a listener's certificates, the default one first.
func certificatesOf(l listener) []string {
	var out []string
	for _, c := range l.Desc.Certificates {
		out = append(out, aws.ToString(c.CertificateArn))
	}
	return append(out, l.Extra...)
}

// nextProtocols is what a listener offers by ALPN.
func nextProtocols(l types.Listener, lb loadBalancer) []string {
	switch {
	case l.Protocol == types.ProtocolEnumHttps && attributesOf(lb).get("routing.http2.enabled") == "false":
		return []string{"http/1.1"}
	case l.Protocol == types.ProtocolEnumHttps:
		return []string{"h2", "http/1.1"}
	case len(l.AlpnPolicy) == 0:
		return nil
	case l.AlpnPolicy[0] == "HTTP1Only":
		return []string{"http/1.1"}
	case l.AlpnPolicy[0] == "HTTP2Only":
		return []string{"h2"}
	case l.AlpnPolicy[0] == "HTTP2Optional":
		return []string{"http/1.1", "h2"}
	case l.AlpnPolicy[0] == "HTTP2Preferred":
		return []string{"h2", "http/1.1"}
	}
	return nil
}

// minimumTLS is the oldest version that a policy allows.
func minimumTLS(policy string) uint16 {
	switch p := sslPolicies[policy].protocols; p[len(p)-1] {
	case "TLSv1.3":
		return tls.VersionTLS13
	case "TLSv1.2":
		return tls.VersionTLS12
	case "TLSv1.1":
		return tls.VersionTLS11
	}
	return tls.VersionTLS10
}
