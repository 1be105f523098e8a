package balancer

import (
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/netip"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// edits are a listener's changes to the fields of messages, beyond those that every
// listener makes. Listeners without any have none.
type edits struct {
	regularOnly  bool
	forwardedFor string // append, preserve, remove
	clientPort   bool
	tls, mutual  bool
	passthrough  bool
	names        map[string]string
	own          map[string]bool // names of the request's fields that only the load balancer sets, in lower case
	hideServer   bool
	response     []Header
	lines        []byte // response, as they are sent
}

// Fields that tell a target of the client's TLS.
const (
	tlsVersion     = "X-Amzn-TLS-Version"
	tlsCipherSuite = "X-Amzn-TLS-Cipher-Suite"

	clientCert       = "X-Amzn-Mtls-Clientcert"
	clientCertSerial = "X-Amzn-Mtls-Clientcert-Serial-Number"
	clientCertIssuer = "X-Amzn-Mtls-Clientcert-Issuer"
	clientCertTo     = "X-Amzn-Mtls-Clientcert-Subject"
	clientCertValid  = "X-Amzn-Mtls-Clientcert-Validity"
	clientCertLeaf   = "X-Amzn-Mtls-Clientcert-Leaf"
)

var mutualFields = []string{clientCert, clientCertSerial, clientCertIssuer, clientCertTo, clientCertValid, clientCertLeaf}

func compileEdits(h *HTTP) *edits {
	e := &edits{
		regularOnly: h.DropInvalidFields, forwardedFor: h.ForwardedFor, clientPort: h.ClientPort, tls: h.TellTLS,
		mutual: h.Mutual != "", passthrough: h.Mutual == "passthrough",
		names: h.Names, hideServer: h.HideServer, response: h.Response, own: map[string]bool{},
	}
	if !e.regularOnly && e.forwardedFor == "" && !e.clientPort && !e.tls && !e.mutual && !e.hideServer && len(e.response) == 0 {
		return nil
	}
	if e.tls {
		e.owns(tlsVersion, tlsCipherSuite)
	}
	if e.mutual {
		e.owns(mutualFields...)
	}
	for _, r := range e.response {
		e.lines = append(append(append(append(e.lines, r.Name...), ": "...), r.Value...), "\r\n"...)
	}
	return e
}

// owns keeps clients from sending the fields themselves.
func (e *edits) owns(fields ...string) {
	for _, f := range fields {
		e.own[strings.ToLower(e.name(f))] = true
	}
}

// name is what a field of the load balancer is called.
func (e *edits) name(field string) string {
	if n := e.names[field]; n != "" {
		return n
	}
	return field
}

// drops reports whether a request's field does not reach the target.
func (e *edits) drops(name []byte) bool {
	return e.regularOnly && !h1.Regular(name) || len(e.own) > 0 && e.own[strings.ToLower(string(name))]
}

// sets reports whether a response's field is the load balancer's.
func (e *edits) sets(name []byte) bool {
	for i := range e.response {
		if h1.EqualFold(name, e.response[i].Name) {
			return true
		}
	}
	return false
}

// forwarded is the value of X-Forwarded-For, "" for none, given the one that came.
func (e *edits) forwarded(came string, from netip.AddrPort) string {
	switch e.forwardedFor {
	case "remove":
		return ""
	case "preserve":
		return came
	}
	client := from.Addr().String()
	if e.clientPort {
		client = from.String()
	}
	if came == "" {
		return client
	}
	return came + ", " + client
}

// tell lists the fields that tell of the client's TLS.
func (e *edits) tell(s *tls.ConnectionState) (out []Header) {
	if s == nil {
		return nil
	}
	if e.tls {
		out = append(out, Header{e.name(tlsVersion), versionName(s.Version)}, Header{e.name(tlsCipherSuite), cipherName(s.CipherSuite)})
	}
	if !e.mutual || len(s.PeerCertificates) == 0 {
		return out
	}
	if e.passthrough {
		return append(out, Header{e.name(clientCert), escapedPEM(s.PeerCertificates...)})
	}
	leaf := s.PeerCertificates[0]
	return append(out,
		Header{e.name(clientCertSerial), serialNumber(leaf.SerialNumber)},
		Header{e.name(clientCertIssuer), distinguishedName(leaf, true)},
		Header{e.name(clientCertTo), distinguishedName(leaf, false)},
		Header{e.name(clientCertValid), validity(leaf)},
		Header{e.name(clientCertLeaf), escapedPEM(leaf)})
}

func validity(c *x509.Certificate) string {
	const utc = "2006-01-02T15:04:05Z"
	return "NotBefore=" + c.NotBefore.UTC().Format(utc) + ";NotAfter=" + c.NotAfter.UTC().Format(utc)
}

func serialNumber(n *big.Int) string {
	s := strings.ToUpper(n.Text(16))
	if len(s)%2 == 1 {
		s = "0" + s
	}
	return s
}

func distinguishedName(c *x509.Certificate, issuer bool) string {
	if issuer {
		return c.Issuer.String()
	}
	return c.Subject.String()
}

// versionName and cipherName are OpenSSL's names.
func versionName(v uint16) string {
	switch v {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	}
	return "TLSv1.3"
}

var cipherNames = map[uint16]string{
	tls.TLS_RSA_WITH_AES_128_CBC_SHA:                  "AES128-SHA",
	tls.TLS_RSA_WITH_AES_256_CBC_SHA:                  "AES256-SHA",
	tls.TLS_RSA_WITH_AES_128_CBC_SHA256:               "AES128-SHA256",
	tls.TLS_RSA_WITH_AES_128_GCM_SHA256:               "AES128-GCM-SHA256",
	tls.TLS_RSA_WITH_AES_256_GCM_SHA384:               "AES256-GCM-SHA384",
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA:          "ECDHE-ECDSA-AES128-SHA",
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA:          "ECDHE-ECDSA-AES256-SHA",
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA:            "ECDHE-RSA-AES128-SHA",
	tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA:            "ECDHE-RSA-AES256-SHA",
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256:       "ECDHE-ECDSA-AES128-SHA256",
	tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256:         "ECDHE-RSA-AES128-SHA256",
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:         "ECDHE-RSA-AES128-GCM-SHA256",
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256:       "ECDHE-ECDSA-AES128-GCM-SHA256",
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384:         "ECDHE-RSA-AES256-GCM-SHA384",
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384:       "ECDHE-ECDSA-AES256-GCM-SHA384",
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256:   "ECDHE-RSA-CHACHA20-POLY1305",
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: "ECDHE-ECDSA-CHACHA20-POLY1305",
}

func cipherName(id uint16) string {
	if n := cipherNames[id]; n != "" {
		return n
	}
	return tls.CipherSuiteName(id) // TLS 1.3 has one name for all
}

// aged tells whether a connection has lived as long as clients' connections may.
func aged(since, now time.Time, life time.Duration) bool { return now.Sub(since) >= life }
