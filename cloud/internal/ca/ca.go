// Package ca is the certificate authority of a local cloud: made once, kept in the state
// folder, able to vouch for AWS's host names and this machine only. It lets clients that
// insist on AWS's own names and on TLS be answered here.
package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Domains are the names that the authority may vouch for, with all that stands below
// them: its certificate says so, and clients hold it to that.
var Domains = []string{"amazonaws.com", "amazonaws.com.cn", "api.aws", "localhost"}

// Authority issues certificates.
type Authority struct {
	File string // its own certificate, PEM

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	mu   sync.Mutex
	made map[string]*tls.Certificate
}

// Validity of certificates: clients refuse long ones, and the authority outlives a laptop.
const (
	authorityFor = 10 * 365 * 24 * time.Hour
	leafFor      = 90 * 24 * time.Hour
	renewBefore  = 24 * time.Hour
)

// Open reads the authority in dir, or makes it there.
func Open(dir string) (*Authority, error) {
	a := &Authority{File: filepath.Join(dir, "ca.pem"), made: map[string]*tls.Certificate{}}
	keyFile := filepath.Join(dir, "ca.key")
	certPEM, err := os.ReadFile(a.File)
	if errors.Is(err, fs.ErrNotExist) {
		return a, a.create(dir, keyFile)
	}
	keyPEM, kerr := os.ReadFile(keyFile)
	if err = errors.Join(err, kerr); err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("certificate authority in %s: %w; remove the folder, and trust the new one", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("certificate authority in %s: not one of ours", dir)
	}
	a.cert, a.key = pair.Leaf, key
	return a, nil
}

// create makes the authority. The key is written first: a certificate without its key
// would be of no use.
func (a *Authority) create(dir, keyFile string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	_, loopback, err := net.ParseCIDR("127.0.0.0/8")
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Turnout local cloud", Organization: []string{"Turnout"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(authorityFor),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: Domains, PermittedIPRanges: []*net.IPNet{loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	a.key = key
	kder, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(write(keyFile, "PRIVATE KEY", kder, 0o600), write(a.File, "CERTIFICATE", der, 0o644))
}

func write(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

// serial is a random serial number, as long as the standard allows.
func serial() *big.Int {
	var b [19]byte
	_, _ = rand.Read(b[:]) // never fails
	return new(big.Int).SetBytes(b[:])
}

// ErrName is the error for names that the authority may not vouch for.
var ErrName = errors.New("not a name of AWS or of this machine")

// Vouches tells whether the authority may vouch for a host name.
func Vouches(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, d := range Domains {
		if host == d || strings.HasSuffix(host, "."+d) {
			return true
		}
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Certificate gives the certificate for the name that a client asks for, or for the
// address that it reached when it names none.
func (a *Authority) Certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := strings.ToLower(hello.ServerName)
	if host == "" {
		host, _, _ = net.SplitHostPort(hello.Conn.LocalAddr().String()) // an address that was listened on
	}
	if !Vouches(host) {
		return nil, fmt.Errorf("%w: %s", ErrName, host)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.made[host]; c != nil && time.Until(c.Leaf.NotAfter) > renewBefore {
		return c, nil
	}
	c, err := a.issue(host)
	if err != nil {
		return nil, err
	}
	if len(a.made) >= maxMade {
		clear(a.made)
	}
	a.made[host] = c
	return c, nil
}

// maxMade bounds the certificates that are kept; AWS has fewer services.
const maxMade = 1000

func (a *Authority) issue(host string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: host[:min(len(host), 64)]},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(leafFor),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

// Config is how a server serves under the authority's certificates.
func (a *Authority) Config() *tls.Config {
	return &tls.Config{GetCertificate: a.Certificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
}
