package ca

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// shake makes a handshake for a name and returns the client's view of it.
func shake(t *testing.T, a *Authority, name string) error {
	t.Helper()
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(a.File)
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate: %v", err)
	}
	client, server := net.Pipe()
	defer func() { _, _ = client.Close(), server.Close() }()
	go func() { _ = tls.Server(server, a.Config()).Handshake() }() // the client's view counts
	return tls.Client(client, &tls.Config{ServerName: name, RootCAs: roots, MinVersion: tls.VersionTLS12}).Handshake()
}

func TestHandshakes(t *testing.T) {
	dir := t.TempDir()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ecs.us-east-1.amazonaws.com", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "bucket.s3.us-east-1.amazonaws.com", "ecs.eu-west-1.api.aws", "localhost"} {
		if err := shake(t, a, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"example.com", "amazonaws.com.example.com", "notamazonaws.com"} {
		if err := shake(t, a, name); err == nil {
			t.Errorf("vouched for %s", name)
		}
	}
	again, err := Open(dir)
	if err != nil || !again.cert.Equal(a.cert) {
		t.Fatalf("made twice: %v", err)
	}
	if err := shake(t, again, "sts.amazonaws.com"); err != nil {
		t.Error(err)
	}
	if st, err := os.Stat(filepath.Join(dir, "ca.key")); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v, %v", st.Mode(), err)
	}
}

// Whoever steals the key cannot vouch for other sites: clients hold the certificate to
// its constraints.
func TestConstraints(t *testing.T) {
	a, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	forged, err := a.issue("example.com")
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	var constraint x509.CertificateInvalidError
	if _, err := forged.Leaf.Verify(x509.VerifyOptions{DNSName: "example.com", Roots: roots}); !errors.As(err, &constraint) {
		t.Errorf("a forged certificate: %v", err)
	}
}

func TestATornAuthorityIsNamed(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("opened with a torn key")
	}
}
