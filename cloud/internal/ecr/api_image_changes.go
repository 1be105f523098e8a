package ecr

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/blobs"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// PutImage stores a manifest whose layers are there, and moves a tag to it.
func (s *Service) PutImage(_ context.Context, p *ecr.PutImageInput, _ ...func(*ecr.Options)) (*ecr.PutImageOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	body := []byte(aws.ToString(p.ImageManifest))
	want := aws.ToString(p.ImageDigest)
	ps := push{repo: r.Name, body: body, digest: blobs.Of(body, want), mediaType: aws.ToString(p.ImageManifestMediaType)}
	if want != "" && want != ps.digest {
		return nil, wrongDigest(want, ps.digest)
	}
	if p.ImageTag != nil {
		if !tagPattern.MatchString(*p.ImageTag) {
			return nil, invalid("imageTag", "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'")
		}
		ps.tags = []string{*p.ImageTag}
	}
	out, err := s.putImage(ps)
	switch {
	case errors.Is(err, errManifest):
		return nil, refused("Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax or unsupported manifest: %s'", reason(err))
	case err != nil:
		return nil, err
	case out.known:
		return nil, s.imageExists(r.Name, ps.digest, aws.ToString(p.ImageTag))
	}
	i := s.imageOf(r.Name, out.image, p.ImageTag, body)
	return &ecr.PutImageOutput{Image: &i}, nil
}

// reason is what is joined to errManifest.
func reason(err error) string {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		all := j.Unwrap()
		return all[len(all)-1].Error()
	}
	return err.Error()
}

// BatchDeleteImage removes images by digest, or tags, and with its last tag an image.
func (s *Service) BatchDeleteImage(_ context.Context, p *ecr.BatchDeleteImageInput, _ ...func(*ecr.Options)) (*ecr.BatchDeleteImageOutput, error) {
	out := &ecr.BatchDeleteImageOutput{ImageIds: []types.ImageIdentifier{}, Failures: []types.ImageFailure{}}
	err := s.Store.Update(func(tx *store.Tx) error {
		r, err := s.repository(tx, p.RegistryId, p.RepositoryName)
		if err != nil {
			return err
		}
		for _, id := range p.ImageIds {
			removed, fail := s.deleteImage(tx, r.Name, id)
			if fail != nil {
				out.Failures = append(out.Failures, fail.of(id))
			}
			out.ImageIds = append(out.ImageIds, removed...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) deleteImage(tx *store.Tx, repo string, id types.ImageIdentifier) ([]types.ImageIdentifier, *failure) {
	i, fail := s.identify(tx, repo, id)
	if fail != nil {
		return nil, fail
	}
	named := func(tag string) types.ImageIdentifier {
		return types.ImageIdentifier{ImageDigest: aws.String(i.Digest), ImageTag: optional(tag)}
	}
	tags := s.tagsOf(tx, repo, i.Digest)
	if id.ImageTag != nil && len(tags) > 1 {
		s.labels.Delete(tx, in(repo, *id.ImageTag))
		return []types.ImageIdentifier{named(*id.ImageTag)}, nil
	}
	if parent := s.parent(tx, repo, i.Digest); parent != "" {
		return nil, &failure{types.ImageFailureCodeImageReferencedByManifestList, "Requested image referenced by manifest list: [" + parent + "]"}
	}
	s.removeImage(tx, repo, i)
	if len(tags) == 0 {
		return []types.ImageIdentifier{named("")}, nil
	}
	var gone []types.ImageIdentifier
	for _, t := range tags {
		gone = append(gone, named(t))
	}
	return gone, nil
}

// UpdateImageStorageClass moves an image to the archive, where it cannot be pulled, or
// back.
func (s *Service) UpdateImageStorageClass(_ context.Context, p *ecr.UpdateImageStorageClassInput, _ ...func(*ecr.Options)) (*ecr.UpdateImageStorageClassOutput, error) {
	out := &ecr.UpdateImageStorageClassOutput{RegistryId: aws.String(s.Place.Account), RepositoryName: p.RepositoryName}
	err := s.Store.Update(func(tx *store.Tx) error {
		r, err := s.repository(tx, p.RegistryId, p.RepositoryName)
		if err != nil {
			return err
		}
		i, fail := s.identify(tx, r.Name, *p.ImageId)
		if fail != nil {
			return s.failed(r.Name, *p.ImageId, fail)
		}
		if parent := s.parent(tx, r.Name, i.Digest); parent != "" {
			return &types.ImageStorageClassUpdateNotSupportedException{Message: text("The image is referenced by manifest list %s", parent)}
		}
		switch archive := p.TargetStorageClass == types.TargetStorageClassArchive; {
		case archive && !i.InArchive:
			i.InArchive, i.Archived = true, s.now()
		case !archive && i.InArchive:
			i.InArchive, i.Activated = false, s.now()
		}
		s.images.Put(tx, in(r.Name, i.Digest), i)
		out.ImageStatus = i.status()
		out.ImageId = &types.ImageIdentifier{ImageDigest: aws.String(i.Digest), ImageTag: p.ImageId.ImageTag}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
