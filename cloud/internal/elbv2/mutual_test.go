package elbv2

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// authority is a CA of clients.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, 0, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte(name)}
	c.Subject.CommonName = name
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	must(t, 0, err)
	cert, err := x509.ParseCertificate(der)
	return &authority{t, must(t, cert, err), key}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// client issues a certificate that ends so long from now.
func (a *authority) client(serial int64, ends time.Duration) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(a.t, 0, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(ends), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	c.Subject.CommonName, c.Subject.Organization = "client", []string{"Test"}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	return tls.Certificate{Certificate: [][]byte{must(a.t, der, err)}, PrivateKey: key}
}

// revokes is a list of revoked certificates.
func (a *authority) revokes(serial int64) string {
	a.t.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), RevokedCertificateEntries: []x509.RevocationListEntry{
		{SerialNumber: big.NewInt(serial), RevocationTime: time.Now()},
	}}, a.cert, a.key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: must(a.t, der, err)}))
}

// ask sends a request with a client's certificate, or none.
func ask(t *testing.T, at string, certs ...tls.Certificate) (body string, err error) {
	t.Helper()
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, Certificates: certs}}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequest(http.MethodGet, "https://"+at, nil)
	must(t, 0, err)
	req.Header.Set("X-Amzn-Mtls-Clientcert-Subject", "forged")
	res, err := tr.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// Clients show certificates that a trust store vouches for, or do not get in; targets are
// told who they are.
func TestMutualAuthentication(t *testing.T) {
	r := newReal(t)
	ca, other := newAuthority(t, "ca"), newAuthority(t, "other")
	objects := shelf{"ca.pem": ca.pem(), "other.pem": other.pem(), "crl.pem": ca.revokes(7)}
	r.Objects = objects
	lb, group := r.balancer(t, "web"), r.targetGroup(t, "app")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		for name, v := range req.Header {
			if strings.Contains(name, "Mtls") || name == "X-Serial" {
				fmt.Fprintln(w, name+": "+strings.Join(v, "|"))
			}
		}
	}))
	t.Cleanup(srv.Close)
	r.register(t, group, srv.URL)
	store, err := r.CreateTrustStore(bg, &elb.CreateTrustStoreInput{Name: aws.String("clients"), CaCertificatesBundleS3Bucket: aws.String("logs"), CaCertificatesBundleS3Key: aws.String("ca.pem")})
	ts := must(t, store, err).TrustStores[0].TrustStoreArn
	id, at := r.listen(t, elb.CreateListenerInput{
		LoadBalancerArn: &lb, Port: aws.Int32(18443), Protocol: types.ProtocolEnumHttps, DefaultActions: forward(group),
		Certificates:         []types.Certificate{{CertificateArn: aws.String(certificateX)}},
		MutualAuthentication: &types.MutualAuthenticationAttributes{Mode: aws.String("verify"), TrustStoreArn: ts},
	})
	r.waitFor(t, group, "healthy")
	good, late, revoked := ca.client(5, time.Hour), ca.client(6, -time.Hour), ca.client(7, time.Hour)
	refused := func(what string, certs ...tls.Certificate) {
		t.Helper()
		if body, err := ask(t, at, certs...); err == nil {
			t.Errorf("%s gets in: %s", what, body)
		}
	}
	admitted := func(what string, certs ...tls.Certificate) string {
		t.Helper()
		body, err := ask(t, at, certs...)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return body
	}
	body := admitted("a trusted client", good)
	for _, want := range []string{"X-Amzn-Mtls-Clientcert-Serial-Number: 05\n", "X-Amzn-Mtls-Clientcert-Subject: CN=client,O=Test\n", "X-Amzn-Mtls-Clientcert-Issuer: CN=ca\n",
		"X-Amzn-Mtls-Clientcert-Validity: NotBefore=20", "X-Amzn-Mtls-Clientcert-Leaf: -----BEGIN%20CERTIFICATE-----%0AMII"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	refused("nobody")
	refused("a client of another authority", other.client(5, time.Hour))
	refused("an expired client", late)
	admitted("a client that is not revoked yet", revoked)
	_, err = r.AddTrustStoreRevocations(bg, &elb.AddTrustStoreRevocationsInput{TrustStoreArn: ts, RevocationContents: []types.RevocationContent{{S3Bucket: aws.String("logs"), S3Key: aws.String("crl.pem")}}})
	must(t, 0, err)
	refused("a revoked client", revoked)
	admitted("another client", good)
	must(t, 0, r.setListener(id, "routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name", "X-Serial"))
	if body := admitted("a client", good); !strings.Contains(body, "X-Serial: 05\n") {
		t.Errorf("renamed: %s", body)
	}
	mutual := func(m types.MutualAuthenticationAttributes) {
		t.Helper()
		_, err := r.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &id, MutualAuthentication: &m})
		must(t, 0, err)
	}
	mutual(types.MutualAuthenticationAttributes{Mode: aws.String("verify"), TrustStoreArn: ts, IgnoreClientCertificateExpiry: aws.Bool(true)})
	admitted("an expired client, now", late)
	mutual(types.MutualAuthenticationAttributes{Mode: aws.String("passthrough")})
	admitted("nobody, now")
	if body := admitted("anybody", other.client(9, time.Hour)); !strings.Contains(body, "X-Amzn-Mtls-Clientcert: -----BEGIN%20CERTIFICATE-----%0A") || strings.Contains(body, "Leaf") {
		t.Errorf("passed through: %s", body)
	}
	mutual(types.MutualAuthenticationAttributes{Mode: aws.String("off")})
	if body := admitted("nobody", good); strings.Contains(body, "BEGIN") {
		t.Errorf("off: %s", body)
	}
}

func TestTrustStores(t *testing.T) {
	s := newScene(t)
	ca := newAuthority(t, "ca")
	s.Objects = shelf{"ca.pem": ca.pem() + newAuthority(t, "b").pem(), "crl": ca.revokes(7), "text": "no certificate"}
	s.Endpoint = func() string { return "http://here" }
	create := func(name, key string) (*elb.CreateTrustStoreOutput, error) {
		return s.CreateTrustStore(bg, &elb.CreateTrustStoreInput{Name: &name, CaCertificatesBundleS3Bucket: aws.String("logs"), CaCertificatesBundleS3Key: &key})
	}
	_, err := create("a", "none")
	wantError(t, err, "CaCertificatesBundleNotFound", "The CA certificates bundle 's3://logs/none' could not be read: NoSuchKey")
	_, err = create("a", "text")
	wantError(t, err, "InvalidCaCertificatesBundle", "The CA certificates bundle contains no certificate in PEM format")
	out, err := create("a", "ca.pem")
	ts := must(t, out, err).TrustStores[0]
	id := ts.TrustStoreArn
	if !strings.HasPrefix(*id, nowhere+"truststore/a/") || *ts.NumberOfCaCertificates != 2 || ts.Status != "ACTIVE" || *ts.TotalRevokedEntries != 0 {
		t.Errorf("made as %+v", ts)
	}
	_, err = create("a", "ca.pem")
	wantError(t, err, "DuplicateTrustStoreName", "A trust store with the name 'a' already exists")
	add := func(key string) error {
		_, err := s.AddTrustStoreRevocations(bg, &elb.AddTrustStoreRevocationsInput{TrustStoreArn: id, RevocationContents: []types.RevocationContent{{S3Bucket: aws.String("logs"), S3Key: &key}}})
		return err
	}
	wantError(t, add("text"), "InvalidRevocationContent", "The revocation file 's3://logs/text' is not a certificate revocation list")
	wantError(t, add("none"), "RevocationContentNotFound", "The revocation file 's3://logs/none' could not be read: NoSuchKey")
	must(t, 0, add("crl"))
	must(t, 0, add("crl"))
	rev, err := s.DescribeTrustStoreRevocations(bg, &elb.DescribeTrustStoreRevocationsInput{TrustStoreArn: id, PageSize: aws.Int32(1)})
	if r := must(t, rev, err); len(r.TrustStoreRevocations) != 1 || r.NextMarker == nil || *r.TrustStoreRevocations[0].NumberOfRevokedEntries != 1 {
		t.Errorf("a page is %+v", r)
	}
	_, err = s.RemoveTrustStoreRevocations(bg, &elb.RemoveTrustStoreRevocationsInput{TrustStoreArn: id, RevocationIds: []int64{1, 9}})
	wantError(t, err, "RevocationIdNotFound", "Revocation ID '9' not found")
	_, err = s.RemoveTrustStoreRevocations(bg, &elb.RemoveTrustStoreRevocationsInput{TrustStoreArn: id, RevocationIds: []int64{1}})
	must(t, 0, err)
	all, err := s.DescribeTrustStores(bg, &elb.DescribeTrustStoresInput{Names: []string{"a"}})
	if d := must(t, all, err).TrustStores; len(d) != 1 || *d[0].TotalRevokedEntries != 1 {
		t.Errorf("described as %+v", d)
	}
	loc, err := s.GetTrustStoreRevocationContent(bg, &elb.GetTrustStoreRevocationContentInput{TrustStoreArn: id, RevocationId: aws.Int64(2)})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, *must(t, loc, err).Location, nil))
	if !strings.Contains(w.Body.String(), "X509 CRL") || !strings.HasPrefix(*loc.Location, "http://here/_turnout/elb/truststores/") {
		t.Errorf("%s holds %q", *loc.Location, w.Body)
	}
	secure := &elb.CreateListenerInput{LoadBalancerArn: &s.lb, Port: aws.Int32(443), Protocol: types.ProtocolEnumHttps, DefaultActions: forward(s.blue),
		Certificates: []types.Certificate{{CertificateArn: aws.String(certificateX)}}, MutualAuthentication: &types.MutualAuthenticationAttributes{Mode: aws.String("verify"), TrustStoreArn: aws.String(*id + "0")}}
	_, err = s.CreateListener(bg, secure)
	wantError(t, err, "TrustStoreNotFound", "Trust store '"+*id+"0' not found")
	secure.MutualAuthentication.TrustStoreArn = id
	l, err := s.CreateListener(bg, secure)
	made := must(t, l, err).Listeners[0]
	if m := made.MutualAuthentication; *m.IgnoreClientCertificateExpiry || m.TrustStoreAssociationStatus != "active" || m.AdvertiseTrustStoreCaNames != "off" {
		t.Errorf("echoed as %+v", m)
	}
	assoc, err := s.DescribeTrustStoreAssociations(bg, &elb.DescribeTrustStoreAssociationsInput{TrustStoreArn: id})
	if a := must(t, assoc, err).TrustStoreAssociations; len(a) != 1 || *a[0].ResourceArn != *made.ListenerArn {
		t.Errorf("associated with %+v", a)
	}
	_, err = s.DeleteTrustStore(bg, &elb.DeleteTrustStoreInput{TrustStoreArn: id})
	wantError(t, err, "TrustStoreInUse", "Trust store '"+*id+"' is currently in use by a listener")
	_, err = s.DeleteListener(bg, &elb.DeleteListenerInput{ListenerArn: made.ListenerArn})
	must(t, 0, err)
	_, err = s.DeleteTrustStore(bg, &elb.DeleteTrustStoreInput{TrustStoreArn: id})
	must(t, 0, err)
	_, err = s.DescribeTrustStores(bg, &elb.DescribeTrustStoresInput{TrustStoreArns: []string{*id}})
	wantError(t, err, "TrustStoreNotFound", "One or more trust stores not found")
}
