package ecr

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
)

// Media types of manifests.
const (
	typeDocker      = "application/vnd.docker.distribution.manifest.v2+json"
	typeDockerList  = "application/vnd.docker.distribution.manifest.list.v2+json"
	typeOCI         = "application/vnd.oci.image.manifest.v1+json"
	typeOCIIndex    = "application/vnd.oci.image.index.v1+json"
	maxManifest     = 4 << 20 // bytes
	defaultBlobType = "application/vnd.docker.image.rootfs.diff.tar.gzip"
)

var (
	imageTypes = []string{typeDocker, typeOCI}
	indexTypes = []string{typeDockerList, typeOCIIndex}
)

// descriptor points at a blob or another manifest.
type descriptor struct {
	MediaType string   `json:"mediaType"`
	Digest    string   `json:"digest"`
	Size      int64    `json:"size"`
	URLs      []string `json:"urls,omitempty"`
}

// manifest is what the registry reads of a manifest; the rest is kept as it came.
type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *descriptor       `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Manifests     []descriptor      `json:"manifests"`
	Subject       *descriptor       `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
}

// readManifest reads a manifest that was sent as mediaType, "" when nobody said.
func readManifest(mediaType string, b []byte) (*manifest, error) {
	m := &manifest{}
	if err := json.Unmarshal(b, m); err != nil {
		return nil, fmt.Errorf("manifest is not JSON: %w", err)
	}
	mediaType, _, _ = strings.Cut(mediaType, ";")
	switch {
	case m.SchemaVersion != 2:
		return nil, fmt.Errorf("schema version %d is not supported", m.SchemaVersion)
	case m.MediaType == "":
		m.MediaType = guess(mediaType, m)
	case mediaType != "" && mediaType != m.MediaType:
		return nil, fmt.Errorf("manifest says it is %s, but was sent as %s", m.MediaType, mediaType)
	}
	return m, m.check()
}

// guess is the media type of a manifest that does not say its own.
func guess(sent string, m *manifest) string {
	switch {
	case sent != "":
		return sent
	case m.Manifests != nil:
		return typeOCIIndex
	}
	return typeOCI
}

func (m *manifest) check() error {
	switch {
	case slices.Contains(imageTypes, m.MediaType):
		if m.Config == nil || m.Manifests != nil {
			return errors.New("an image manifest has a config and no manifests")
		}
	case slices.Contains(indexTypes, m.MediaType):
		if m.Config != nil || m.Layers != nil {
			return errors.New("an index has neither config nor layers")
		}
	default:
		return fmt.Errorf("media type %q is not supported", m.MediaType)
	}
	all := slices.Concat(m.Layers, m.Manifests)
	for _, d := range []*descriptor{m.Config, m.Subject} {
		if d != nil {
			all = append(all, *d)
		}
	}
	for _, d := range all {
		if !blobs.Valid(d.Digest) || d.Size < 0 {
			return fmt.Errorf("descriptor %q of %d bytes is not valid", d.Digest, d.Size)
		}
	}
	return nil
}

// needed are the blobs that must be in the repository: all that are not fetched elsewhere.
func (m *manifest) needed() []descriptor {
	var all []descriptor
	if m.Config != nil {
		all = append(all, *m.Config)
	}
	for _, l := range m.Layers {
		if !foreign(l) {
			all = append(all, l)
		}
	}
	return all
}

func foreign(d descriptor) bool {
	return strings.Contains(d.MediaType, ".nondistributable.") || strings.Contains(d.MediaType, ".foreign.")
}

// kind is what referrers lists the manifest as.
func (m *manifest) kind() string {
	if m.ArtifactType == "" && m.Config != nil {
		return m.Config.MediaType
	}
	return m.ArtifactType
}
