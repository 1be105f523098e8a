package ecr

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// push is a manifest on its way into a repository.
type push struct {
	repo      string
	body      []byte
	digest    string
	tags      []string
	mediaType string
}

// pushed is what became of it.
type pushed struct {
	image
	manifest *manifest
	known    bool // image and tags were there before
}

// putImage stores a manifest and moves its tags to it. All that it refers to must be there.
func (s *Service) putImage(p push) (*pushed, error) {
	m, err := readManifest(p.mediaType, p.body)
	if err != nil {
		return nil, errors.Join(errManifest, err)
	}
	s.shelf.RLock()
	defer s.shelf.RUnlock()
	if _, err := s.exists(nil, &p.repo); err != nil {
		return nil, err // before anything is written
	}
	if err := s.blobs.Put(p.digest, p.body); err != nil {
		return nil, err
	}
	out := &pushed{manifest: m}
	return out, s.Store.Update(func(tx *store.Tx) error { return s.record(tx, p, out) })
}

// errManifest is joined to the reason why a manifest is refused.
var errManifest = errors.New("manifest invalid")

// record writes rows for a manifest whose bytes are stored.
func (s *Service) record(tx *store.Tx, p push, out *pushed) error {
	r, err := s.lookup(tx, p.repo)
	if err != nil {
		return err
	}
	m := out.manifest
	if err := s.complete(tx, p.repo, m); err != nil {
		return err
	}
	key := in(p.repo, p.digest)
	old, known := s.images.Get(tx, key)
	if out.known, err = s.moveTags(tx, r, p, known); err != nil {
		return err
	}
	if known {
		out.image = old
		return nil
	}
	i := image{
		Digest: p.digest, MediaType: m.MediaType, ArtifactType: m.kind(), Bytes: int64(len(p.body)),
		Annotations: m.Annotations, Pushed: s.now(),
	}
	for _, d := range m.needed() {
		l, _ := s.tables.layers.Get(tx, in(p.repo, d.Digest))
		i.Size += l.Size
		i.Blobs = append(i.Blobs, d.Digest)
		l.MediaType = d.MediaType
		s.tables.layers.Put(tx, in(p.repo, d.Digest), l)
	}
	for _, c := range m.Manifests {
		child, _ := s.images.Get(tx, in(p.repo, c.Digest))
		i.Size = max(i.Size, child.Size)
		i.Children = append(i.Children, c.Digest)
	}
	if m.Subject != nil {
		i.Subject = m.Subject.Digest
	}
	if r.ScanOnPush {
		i.Scanned = i.Pushed
	}
	s.images.Put(tx, key, i)
	out.image = i
	return nil
}

// complete makes sure that a repository has all that a manifest refers to, but for its
// subject.
func (s *Service) complete(tx *store.Tx, repo string, m *manifest) error {
	var missing []string
	for _, d := range m.needed() {
		if _, ok := s.tables.layers.Get(tx, in(repo, d.Digest)); !ok {
			missing = append(missing, d.Digest)
		}
	}
	if missing != nil {
		return s.noLayers(repo, missing)
	}
	for _, d := range m.Manifests {
		if _, ok := s.images.Get(tx, in(repo, d.Digest)); !ok {
			missing = append(missing, d.Digest)
		}
	}
	if missing != nil {
		return s.noReferenced(repo, missing)
	}
	return nil
}

// moveTags points tags at a digest and tells whether they all were there already.
func (s *Service) moveTags(tx *store.Tx, r repository, p push, known bool) (bool, error) {
	for _, name := range p.tags {
		old, ok := s.labels.Get(tx, in(p.repo, name))
		if ok && old.Digest == p.digest {
			continue
		}
		if ok && r.fixed(name) {
			return false, immutable(p.repo, name)
		}
		known = false
		s.labels.Put(tx, in(p.repo, name), tag{Digest: p.digest})
	}
	return known, nil
}

// find returns the image that a tag or a digest names.
func (s *Service) find(tx *store.Tx, repo, reference string) (image, bool) {
	if !blobs.Valid(reference) {
		l, ok := s.labels.Get(tx, in(repo, reference))
		if !ok {
			return image{}, false
		}
		reference = l.Digest
	}
	return s.images.Get(tx, in(repo, reference))
}

// identify returns the image that an id of the API names; if both parts are given they
// must agree.
func (s *Service) identify(tx *store.Tx, repo string, id types.ImageIdentifier) (image, *failure) {
	digest, name := aws.ToString(id.ImageDigest), aws.ToString(id.ImageTag)
	switch {
	case digest == "" && name == "":
		return image{}, &failure{types.ImageFailureCodeMissingDigestAndTag, "Invalid request parameters: both tag and digest cannot be null"}
	case digest != "" && !blobs.Valid(digest):
		return image{}, &failure{types.ImageFailureCodeInvalidImageDigest, "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"}
	case name != "" && !tagPattern.MatchString(name):
		return image{}, &failure{types.ImageFailureCodeInvalidImageTag, "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]{1,128}'"}
	}
	i, ok := image{}, false
	if name != "" {
		i, ok = s.find(tx, repo, name)
	} else {
		i, ok = s.find(tx, repo, digest)
	}
	if !ok {
		return image{}, &failure{types.ImageFailureCodeImageNotFound, "Requested image not found"}
	}
	if digest != "" && i.Digest != digest {
		return image{}, &failure{types.ImageFailureCodeImageTagDoesNotMatchDigest, "The provided image digest does not match the image with the provided tag"}
	}
	return i, nil
}

// failure is why one image of a batch was not served.
type failure struct {
	code   types.ImageFailureCode
	reason string
}

func (f *failure) of(id types.ImageIdentifier) types.ImageFailure {
	return types.ImageFailure{ImageId: &id, FailureCode: f.code, FailureReason: aws.String(f.reason)}
}

// removeImage removes an image with its tags and returns these. Layers that no image uses
// any more stay for a while.
func (s *Service) removeImage(tx *store.Tx, repo string, i image) []string {
	tags := s.tagsOf(tx, repo, i.Digest)
	for _, name := range tags {
		s.labels.Delete(tx, in(repo, name))
	}
	s.images.Delete(tx, in(repo, i.Digest))
	used := s.used(tx, repo)
	for _, b := range i.Blobs {
		if l, ok := s.tables.layers.Get(tx, in(repo, b)); ok && !used[b] {
			l.Since = s.now()
			s.tables.layers.Put(tx, in(repo, b), l)
		}
	}
	return tags
}

// referrers lists the images whose subject is digest, ordered by their own.
func (s *Service) referrers(tx *store.Tx, repo, digest string) []image {
	var all []image
	for _, i := range s.images.All(tx, in(repo, "")) {
		if i.Subject == digest {
			all = append(all, i)
		}
	}
	return all
}

// tagNames lists the tags of a repository as the distribution specification orders them:
// without regard to case.
func (s *Service) tagNames(tx *store.Tx, repo string) []string {
	list := []string{}
	for k := range s.labels.All(tx, in(repo, "")) {
		list = append(list, k[len(repo)+1:])
	}
	slices.SortFunc(list, tagOrder)
	return list
}

func tagOrder(a, b string) int {
	return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
}
