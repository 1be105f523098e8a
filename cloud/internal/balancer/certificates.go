package balancer

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// escapedPEM is a chain of certificates as fields carry it: PEM, percent-encoded but for
// the characters +=/ as well as those that need no encoding.
func escapedPEM(chain ...*x509.Certificate) string {
	var b strings.Builder
	for _, c := range chain {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // into memory
	}
	return strings.NewReplacer("\n", "%0A", " ", "%20").Replace(b.String())
}
