package cli

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

// TestBundle builds in one job and deploys in another, which has the bundle only.
func TestBundle(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	w := newTown(t)
	dir := t.TempDir()
	file, key, public := filepath.Join(dir, "deploy.bundle"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "key.pub")
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, key, "PRIVATE KEY", func() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(priv) })
	writePEM(t, public, "PUBLIC KEY", func() ([]byte, error) { return x509.MarshalPKIXPublicKey(pub) })

	revisions := w.revisions()
	built := w.must(0, "build", "--builder", "builtin", "--bundle", file, "--sign-key", key)
	if built.Image == "" || w.revisions() != revisions {
		t.Errorf("%+v, %d revisions were registered", built.Facts, w.revisions()-revisions)
	}
	w.dir = t.TempDir() // no source here
	r := w.must(0, "deploy", "--bundle", file, "--verify-key", public)
	if r.Status != "Succeeded" || r.Image != built.Image || r.Digest != built.Digest || r.Tag != built.Tag {
		t.Errorf("%+v", r.Facts)
	}

	t.Run("an interrupted one is resumed without its file", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		talk := &until{text: "green  10 %", do: cancel}
		code, r := w.turnout(ctx, talk, "deploy", "--bundle", file, "--force-register", "--config", slow, "--on-cancel", "leave")
		if code != fault.Interrupted {
			t.Fatalf("exit code %d, %s\n%s", code, r.Error, talk)
		}
		if !strings.Contains(talk.String(), "is signed, and by whom was not checked") {
			t.Errorf("nobody was told of the signature:\n%s", talk)
		}
		if again := w.must(0, "resume"); again.DeploymentID != r.DeploymentID || again.Status != "Succeeded" {
			t.Errorf("%+v", again.Facts)
		}
	})

	t.Run("what cannot be trusted changes nothing", func(t *testing.T) {
		before := w.revisions()
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		changed := filepath.Join(dir, "changed.bundle")
		if err := os.WriteFile(changed, b, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			args []string
			says string
		}{
			{[]string{"--bundle", changed}, "the bundle cannot be used"},
			{[]string{"--bundle", filepath.Join(dir, "none")}, "no such file"},
			{[]string{"--bundle", file, "--verify-key", key}, "holds a private key, not an Ed25519 public key (`openssl"},
			{[]string{"--bundle", file, "--image", "x"}, "exclude each other"},
			{[]string{"--verify-key", public}, "without a bundle"},
		} {
			if r := w.must(fault.Usage, append([]string{"deploy", "--force-register"}, c.args...)...); r.Run != "" && !strings.Contains(r.Error, c.says) {
				t.Errorf("%v: %s", c.args, r.Error)
			}
		}
		if r := w.must(fault.Usage, "build", "--builder", "builtin", "--sign-key", key); !strings.Contains(r.Error, "--sign-key without a bundle") {
			t.Errorf("a key without a bundle: %s", r.Error)
		}
		if w.revisions() != before {
			t.Error("something was registered")
		}
	})

	// Nothing of what was unpacked stays when all went well.
	state, err := run.Folder()
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(state, "bundle-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func writePEM(t *testing.T, path, kind string, marshal func() ([]byte, error)) {
	t.Helper()
	der, err := marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
