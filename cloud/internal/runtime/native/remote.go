package native

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Remote is the Images that pulls from registries: by plain HTTP from this machine's own,
// by HTTPS from all others.
type Remote struct {
	transport *http.Transport
}

// NewRemote returns a Remote with connections of its own.
func NewRemote() *Remote {
	return &Remote{remote.DefaultTransport.(*http.Transport).Clone()}
}

// CloseIdleConnections closes the connections that are kept for later.
func (r *Remote) CloseIdleConnections() { r.transport.CloseIdleConnections() }

// Image implements Images.
func (r *Remote) Image(ctx context.Context, ref runtime.Reference) (v1.Image, v1.Hash, error) {
	var none v1.Hash
	where, err := parseReference(ref.Image)
	if err != nil {
		return nil, none, err
	}
	platform, err := parsePlatform(ref.Platform)
	if err != nil {
		return nil, none, err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithTransport(r.transport)}
	if ref.Username != "" || ref.Password != "" {
		options = append(options, remote.WithAuth(&authn.Basic{Username: ref.Username, Password: ref.Password}))
	}
	found, err := remote.Get(where, options...)
	if err != nil {
		return nil, none, registryError(err)
	}
	if !found.MediaType.IsIndex() {
		img, err := found.Image()
		return img, found.Digest, err
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, none, err
	}
	img, err := pick(index, platform)
	return img, found.Digest, err
}

func parseReference(image string) (name.Reference, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return nil, fmt.Errorf("invalid image reference: %s", oneLine(err.Error()))
	}
	host, _, err := net.SplitHostPort(ref.Context().RegistryStr())
	if err != nil {
		host = ref.Context().RegistryStr()
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); host == "localhost" || err == nil && ip.IsLoopback() {
		return name.ParseReference(image, name.Insecure)
	}
	return ref, nil
}

func parsePlatform(s string) (v1.Platform, error) {
	if s == "" {
		return v1.Platform{OS: "linux", Architecture: goruntime.GOARCH}, nil
	}
	p, err := v1.ParsePlatform(s)
	if err != nil {
		return v1.Platform{}, fmt.Errorf("platform %q: %w", s, err)
	}
	return *p, nil
}

// pick chooses from an index the image for a platform.
func pick(index v1.ImageIndex, want v1.Platform) (v1.Image, error) {
	list, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var have []string
	for _, m := range list.Manifests {
		if m.Platform == nil || m.Platform.OS == "unknown" { // attestations
			continue
		}
		if m.Platform.Satisfies(want) {
			img, err := index.Image(m.Digest)
			if err != nil {
				return nil, registryError(err)
			}
			return img, nil
		}
		have = append(have, m.Platform.String())
	}
	return nil, fmt.Errorf("the image is for %s, not for %s", strings.Join(have, ", "), want.String())
}

// registryError is a registry's answer in one line, without the URL, which can carry
// credentials.
func registryError(err error) error {
	var answer *transport.Error
	if !errors.As(err, &answer) {
		return fmt.Errorf("%w", flat{err})
	}
	var says []string
	missing := answer.StatusCode == http.StatusNotFound
	for _, d := range answer.Errors {
		missing = missing || slices.Contains([]transport.ErrorCode{transport.NameUnknownErrorCode, transport.ManifestUnknownErrorCode}, d.Code)
		says = append(says, fmt.Sprintf("%s: %s", d.Code, d.Message))
	}
	if len(says) == 0 {
		says = []string{fmt.Sprintf("%d %s", answer.StatusCode, http.StatusText(answer.StatusCode))}
	}
	text := oneLine(strings.Join(says, "; "))
	switch {
	case missing:
		return fmt.Errorf("%w (%s)", runtime.ErrNoImage, text)
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("%w: %s", runtime.ErrDenied, text)
	}
	return fmt.Errorf("the registry answers: %s", text)
}

// flat is an error in one line.
type flat struct{ error }

func (f flat) Error() string { return oneLine(f.error.Error()) }
func (f flat) Unwrap() error { return f.error }

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
