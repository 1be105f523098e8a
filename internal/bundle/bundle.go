// Package bundle is one file that carries a deployment from the job that builds to the
// job that deploys: the rendered task definition, the appspec, the configuration, the
// image's digest and where it all came from, with checksums and, if wanted, a signature.
//
// A bundle is a zip archive. Its manifest.json names every other file with its SHA-256;
// signature, if there is one, is an Ed25519 signature of the manifest's bytes. The same
// content gives the same bytes.
package bundle

import (
	"archive/zip"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The files of a bundle.
const (
	manifestFile  = "manifest.json"
	signatureFile = "signature"

	TaskDefinition = "taskdef.json"
	AppSpecJSON    = "appspec.json"
	AppSpecYAML    = "appspec.yaml"
	Config         = "turnout.yml"
)

// Manifest says what a bundle holds and where it came from.
type Manifest struct {
	Version    int               `json:"version"` // of the form: 1
	Service    string            `json:"service"`
	Cluster    string            `json:"cluster"`
	Container  string            `json:"container,omitempty"`
	Image      string            `json:"image"`            // repository URI and tag
	Digest     string            `json:"digest"`           // sha256:… of the image's manifest
	Commit     string            `json:"commit,omitempty"` // full hash
	Tag        string            `json:"tag"`
	Provenance Provenance        `json:"provenance"`
	Files      map[string]string `json:"files"` // SHA-256 in hexadecimal, by name

	Signed bool `json:"-"` // by whichever key
}

// Provenance is who made the bundle, and with what.
type Provenance struct {
	Tool       string `json:"tool"`                 // turnout and its version
	Builder    string `json:"builder"`              // of the image
	CI         string `json:"ci,omitempty"`         // GitHub Actions, GitLab CI, Buildkite
	Run        string `json:"run,omitempty"`        // URL of the run
	Repository string `json:"repository,omitempty"` // as the CI system names it
	Actor      string `json:"actor,omitempty"`
}

// Here is the provenance of a bundle that is made now, as the CI system tells it.
func Here(tool, builder string) Provenance {
	p := Provenance{Tool: tool, Builder: builder}
	env := os.Getenv
	switch {
	case env("GITHUB_ACTIONS") == "true":
		p.CI, p.Repository, p.Actor = "GitHub Actions", env("GITHUB_REPOSITORY"), env("GITHUB_ACTOR")
		p.Run = env("GITHUB_SERVER_URL") + "/" + env("GITHUB_REPOSITORY") + "/actions/runs/" + env("GITHUB_RUN_ID")
	case env("GITLAB_CI") != "":
		p.CI, p.Repository, p.Actor, p.Run = "GitLab CI", env("CI_PROJECT_PATH"), env("GITLAB_USER_LOGIN"), env("CI_JOB_URL")
	case env("BUILDKITE") == "true":
		p.CI, p.Repository, p.Actor, p.Run = "Buildkite", env("BUILDKITE_REPO"), env("BUILDKITE_BUILD_AUTHOR"), env("BUILDKITE_BUILD_URL")
	}
	return p
}

// ErrBad is matched by the errors of bundles that cannot be trusted: torn, changed, of
// another form, or not signed as they should be.
var ErrBad = errors.New("the bundle cannot be used")

// Write writes a bundle to path, whole or not at all. key signs it; nil does not.
func Write(path string, m Manifest, files map[string][]byte, key ed25519.PrivateKey) error {
	m.Version, m.Files = 1, map[string]string{}
	for name, b := range files {
		m.Files[name] = checksum(b)
	}
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	if err := put(z, manifestFile, manifest); err != nil {
		return err
	}
	if key != nil {
		if err := put(z, signatureFile, ed25519.Sign(key, manifest)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := put(z, name, files[name]); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".bundle-")
	if err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already when all went well
	_, err = tmp.Write(out.Bytes())
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return os.Rename(tmp.Name(), path)
}

// epoch is the time of every entry, so that bundles differ by content only.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

func put(z *zip.Writer, name string, b []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: epoch})
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	return err
}

func checksum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// maxFile bounds each file of a bundle; a task definition has at most 64 KiB.
const maxFile = 4 << 20

// Read reads the bundle at path and checks everything: each file against the manifest,
// and the manifest against the signature when key is given. No key asks for no signature.
func Read(path string, key ed25519.PublicKey) (*Manifest, map[string][]byte, error) {
	z, err := zip.OpenReader(path)
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrChecksum) {
		return nil, nil, bad(path, "it is no bundle, or was torn: %w", err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read bundle: %w", err)
	}
	defer func() { _ = z.Close() }() // only read
	files := map[string][]byte{}
	for _, f := range z.File {
		if _, twice := files[f.Name]; twice {
			return nil, nil, bad(path, "it has two files %s", f.Name)
		}
		if files[f.Name], err = content(f); err != nil {
			return nil, nil, bad(path, "%s: %w", f.Name, err)
		}
	}
	m, err := verify(path, files, key)
	return m, files, err
}

func content(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // only read
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = fmt.Errorf("larger than %d MiB", maxFile>>20)
	}
	return b, err
}

// verify checks the files and takes manifest and signature out of them.
func verify(path string, files map[string][]byte, key ed25519.PublicKey) (*Manifest, error) {
	manifest, signature := files[manifestFile], files[signatureFile]
	delete(files, manifestFile)
	delete(files, signatureFile)
	var m Manifest
	switch err := json.Unmarshal(manifest, &m); {
	case manifest == nil:
		return nil, bad(path, "it has no manifest")
	case err != nil:
		return nil, bad(path, "its manifest: %w", err)
	case m.Version != 1:
		return nil, bad(path, "it has the form %d, and 1 is known", m.Version)
	case key != nil && signature == nil:
		return nil, bad(path, "it is not signed")
	case key != nil && !ed25519.Verify(key, manifest, signature):
		return nil, bad(path, "its signature is not by this key")
	}
	for name, sum := range m.Files {
		if b, ok := files[name]; !ok || checksum(b) != sum {
			return nil, bad(path, "%s is not what the manifest says", name)
		}
	}
	for name := range files {
		if m.Files[name] == "" {
			return nil, bad(path, "the manifest does not know %s", name)
		}
	}
	if files[TaskDefinition] == nil {
		return nil, bad(path, "it has no task definition")
	}
	m.Signed = signature != nil
	return &m, nil
}

func bad(path, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %w", ErrBad, path, fmt.Errorf(format, args...))
}

// SigningKey reads an Ed25519 private key: PEM, PKCS #8, as `openssl genpkey -algorithm
// ed25519` writes it.
func SigningKey(path string) (ed25519.PrivateKey, error) {
	block, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := k.(ed25519.PrivateKey); ok && err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("%s holds a %s, not an Ed25519 private key in PKCS #8 (`openssl genpkey -algorithm ed25519` makes one)", path, strings.ToLower(block.Type))
}

// VerifyKey reads an Ed25519 public key: PEM, as `openssl pkey -pubout` writes it.
func VerifyKey(path string) (ed25519.PublicKey, error) {
	block, err := readPEM(path)
	if err != nil {
		return nil, err
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if key, ok := k.(ed25519.PublicKey); ok && err == nil {
		return key, nil
	}
	return nil, fmt.Errorf("%s holds a %s, not an Ed25519 public key (`openssl pkey -in KEY -pubout` writes it)", path, strings.ToLower(block.Type))
}

func readPEM(path string) (*pem.Block, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(b)
	if block == nil {
		return nil, fmt.Errorf("%s: no PEM", path)
	}
	return block, nil
}
