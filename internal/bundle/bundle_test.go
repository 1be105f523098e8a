package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var files = map[string][]byte{TaskDefinition: []byte(`{"family":"web"}`), AppSpecJSON: []byte(`{}`), Config: []byte("service: web\n")}

func TestRoundTrip(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.zip"), filepath.Join(dir, "b.zip")
	for _, path := range []string{a, b} {
		if err := Write(path, Manifest{Service: "web", Digest: "sha256:1"}, files, private); err != nil {
			t.Fatal(err)
		}
	}
	m, got, err := Read(a, public)
	if err != nil || m.Service != "web" || m.Digest != "sha256:1" || len(got) != 3 || string(got[Config]) != "service: web\n" {
		t.Errorf("%+v, %v, %v", m, got, err)
	}
	x, _ := os.ReadFile(a) // compared below
	y, _ := os.ReadFile(b)
	if len(x) == 0 || !bytes.Equal(x, y) {
		t.Error("the same content gave different bytes")
	}
	left, _ := filepath.Glob(dir + "/.*") // the pattern is well-formed
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// rewrite makes a copy of a bundle with one file changed; nil removes it.
func rewrite(t *testing.T, path, name string, becomes []byte) string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	seen := false
	for _, f := range z.File {
		b, err := content(f)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name == name {
			b, seen = becomes, true
		}
		if b != nil {
			if err := put(w, f.Name, b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !seen {
		if err := put(w, name, becomes); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "changed.zip")
	if err := os.WriteFile(to, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return to
}

func TestWhatCannotBeTrusted(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	signed, plain, torn := filepath.Join(dir, "signed"), filepath.Join(dir, "plain"), filepath.Join(dir, "torn")
	if err := errors.Join(Write(signed, Manifest{}, files, private), Write(plain, Manifest{}, files, nil)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(torn, b[:len(b)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path string
		key  ed25519.PublicKey
		says string
	}{
		{torn, nil, "it is no bundle, or was torn"},
		{rewrite(t, plain, TaskDefinition, []byte(`{"family":"evil"}`)), nil, "taskdef.json is not what the manifest says"},
		{rewrite(t, plain, AppSpecJSON, nil), nil, "appspec.json is not what the manifest says"},
		{rewrite(t, plain, "more", []byte("x")), nil, "the manifest does not know more"},
		{rewrite(t, plain, manifestFile, nil), nil, "it has no manifest"},
		{rewrite(t, plain, manifestFile, []byte(`{"version": 2}`)), nil, "it has the form 2"},
		{plain, public, "it is not signed"},
		{signed, other, "its signature is not by this key"},
		{rewrite(t, signed, manifestFile, []byte(`{"version": 1}`)), public, "its signature is not by this key"},
	} {
		if _, _, err := Read(c.path, c.key); !errors.Is(err, ErrBad) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("want %q, got %v", c.says, err)
		}
	}
	if _, _, err := Read(signed, nil); err != nil {
		t.Errorf("a signature that nobody asks for: %v", err)
	}
}

func TestKeys(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	secret := write("key", "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(public)
	open := write("key.pub", "PUBLIC KEY", der, err)
	k, err := SigningKey(secret)
	if err != nil || !k.Equal(private) {
		t.Error(err)
	}
	p, err := VerifyKey(open)
	if err != nil || !p.Equal(public) {
		t.Error(err)
	}
	if _, err := SigningKey(open); err == nil || !strings.Contains(err.Error(), "holds a public key, not an Ed25519 private key") {
		t.Error(err)
	}
	if _, err := VerifyKey(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
