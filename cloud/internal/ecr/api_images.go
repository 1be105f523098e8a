package ecr

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// BatchGetImage returns manifests. What cannot be returned is a failure, not an error.
func (s *Service) BatchGetImage(ctx context.Context, p *ecr.BatchGetImageInput, _ ...func(*ecr.Options)) (*ecr.BatchGetImageOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	out := &ecr.BatchGetImageOutput{Images: []types.Image{}, Failures: []types.ImageFailure{}}
	for _, id := range p.ImageIds {
		var i image
		var fail *failure
		s.Store.View(func(tx *store.Tx) { i, fail = s.identify(tx, r.Name, id) })
		if fail == nil && i.InArchive {
			fail = &failure{types.ImageFailureCodeImageInaccessible, "Requested image is archived"}
		}
		if fail == nil && len(p.AcceptedMediaTypes) > 0 && !slices.Contains(p.AcceptedMediaTypes, i.MediaType) {
			fail = &failure{types.ImageFailureCodeImageNotFound, "Requested image not found"}
		}
		if fail != nil {
			out.Failures = append(out.Failures, fail.of(id))
			continue
		}
		b, err := s.blobs.Read(i.Digest)
		if err != nil {
			return nil, err
		}
		s.pulled(ctx, r.Name, i)
		out.Images = append(out.Images, s.imageOf(r.Name, i, id.ImageTag, b))
	}
	return out, nil
}

func (s *Service) imageOf(repo string, i image, tag *string, body []byte) types.Image {
	return types.Image{
		ImageId:                &types.ImageIdentifier{ImageDigest: aws.String(i.Digest), ImageTag: tag},
		ImageManifest:          aws.String(string(body)),
		ImageManifestMediaType: aws.String(i.MediaType),
		RegistryId:             aws.String(s.Place.Account),
		RepositoryName:         aws.String(repo),
	}
}

// listed is an image with its tags.
type listed struct {
	image
	tags []string
}

// list returns the images of a repository that pass a filter, the digest in order.
func (s *Service) list(tx *store.Tx, repo string, tagged types.TagStatus, status types.ImageStatusFilter) []listed {
	var all []listed
	tags := s.tagsByDigest(tx, repo)
	status = cmp.Or(status, types.ImageStatusFilterActive)
	for _, i := range s.images.All(tx, in(repo, "")) {
		l := listed{i, tags[i.Digest]}
		switch {
		case tagged == types.TagStatusTagged && len(l.tags) == 0,
			tagged == types.TagStatusUntagged && len(l.tags) > 0,
			status != types.ImageStatusFilterAny && string(status) != string(i.status()):
		default:
			all = append(all, l)
		}
	}
	return all
}

func (i image) status() types.ImageStatus {
	if i.InArchive {
		return types.ImageStatusArchived
	}
	return types.ImageStatusActive
}

// ListImages lists image ids: one for each tag, and one for each untagged image.
func (s *Service) ListImages(_ context.Context, p *ecr.ListImagesInput, _ ...func(*ecr.Options)) (*ecr.ListImagesOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	filter := types.ListImagesFilter{}
	if p.Filter != nil {
		filter = *p.Filter
	}
	var all []listed
	s.Store.View(func(tx *store.Tx) { all = s.list(tx, r.Name, filter.TagStatus, filter.ImageStatus) })
	ids := []types.ImageIdentifier{}
	for _, l := range all {
		for _, t := range l.tags {
			ids = append(ids, types.ImageIdentifier{ImageDigest: aws.String(l.Digest), ImageTag: aws.String(t)})
		}
		if len(l.tags) == 0 {
			ids = append(ids, types.ImageIdentifier{ImageDigest: aws.String(l.Digest)})
		}
	}
	key := func(id types.ImageIdentifier) string {
		return aws.ToString(id.ImageDigest) + " " + aws.ToString(id.ImageTag)
	}
	part, next, err := cut(ids, key, p.NextToken, p.MaxResults)
	if err != nil {
		return nil, err
	}
	return &ecr.ListImagesOutput{ImageIds: part, NextToken: next}, nil
}

// DescribeImages describes the images that are named, or all by pages.
func (s *Service) DescribeImages(_ context.Context, p *ecr.DescribeImagesInput, _ ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	if len(p.ImageIds) > 0 {
		if p.MaxResults != nil || p.NextToken != nil {
			return nil, refused("Invalid parameter at 'maxResults' failed to satisfy constraint: 'maxResults and nextToken cannot be used when imageIds are specified'")
		}
		return s.describeNamed(r.Name, p.ImageIds)
	}
	filter := types.DescribeImagesFilter{}
	if p.Filter != nil {
		filter = *p.Filter
	}
	var all []listed
	s.Store.View(func(tx *store.Tx) { all = s.list(tx, r.Name, filter.TagStatus, filter.ImageStatus) })
	part, next, err := cut(all, func(l listed) string { return l.Digest }, p.NextToken, p.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ecr.DescribeImagesOutput{ImageDetails: []types.ImageDetail{}, NextToken: next}
	for _, l := range part {
		out.ImageDetails = append(out.ImageDetails, s.detail(r.Name, l))
	}
	return out, nil
}

func (s *Service) describeNamed(repo string, ids []types.ImageIdentifier) (*ecr.DescribeImagesOutput, error) {
	out := &ecr.DescribeImagesOutput{ImageDetails: []types.ImageDetail{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		seen := map[string]bool{}
		for _, id := range ids {
			i, fail := s.identify(tx, repo, id)
			if fail != nil {
				err = s.failed(repo, id, fail)
				return
			}
			if !seen[i.Digest] {
				seen[i.Digest] = true
				out.ImageDetails = append(out.ImageDetails, s.detail(repo, listed{i, s.tagsOf(tx, repo, i.Digest)}))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// failed is the error of an operation that has no failures in its output.
func (s *Service) failed(repo string, id types.ImageIdentifier, f *failure) error {
	if f.code == types.ImageFailureCodeImageNotFound || f.code == types.ImageFailureCodeImageTagDoesNotMatchDigest {
		return s.noImage(repo, id)
	}
	return refused("%s", f.reason)
}

func (s *Service) detail(repo string, l listed) types.ImageDetail {
	d := types.ImageDetail{
		ArtifactMediaType:      optional(l.ArtifactType),
		ImageDigest:            aws.String(l.Digest),
		ImageManifestMediaType: aws.String(l.MediaType),
		ImagePushedAt:          aws.Time(l.Pushed),
		ImageSizeInBytes:       aws.Int64(l.Size),
		ImageStatus:            l.status(),
		ImageTags:              l.tags,
		RegistryId:             aws.String(s.Place.Account),
		RepositoryName:         aws.String(repo),
		SubjectManifestDigest:  optional(l.Subject),
	}
	if t := s.pulls.of(in(repo, l.Digest), l.Pulled); !t.IsZero() {
		d.LastRecordedPullTime = aws.Time(t)
	}
	if !l.Archived.IsZero() {
		d.LastArchivedAt = aws.Time(l.Archived)
	}
	if !l.Activated.IsZero() {
		d.LastActivatedAt = aws.Time(l.Activated)
	}
	if !l.Scanned.IsZero() {
		d.ImageScanStatus = unsupported()
	}
	return d
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// ListImageReferrers lists the images whose subject is a digest.
func (s *Service) ListImageReferrers(_ context.Context, p *ecr.ListImageReferrersInput, _ ...func(*ecr.Options)) (*ecr.ListImageReferrersOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	filter := types.ListImageReferrersFilter{}
	if p.Filter != nil {
		filter = *p.Filter
	}
	status := cmp.Or(filter.ArtifactStatus, types.ArtifactStatusFilterActive)
	var found []image
	s.Store.View(func(tx *store.Tx) { found = s.referrers(tx, r.Name, aws.ToString(p.SubjectId.ImageDigest)) })
	found = slices.DeleteFunc(found, func(i image) bool {
		return len(filter.ArtifactTypes) > 0 && !slices.Contains(filter.ArtifactTypes, i.ArtifactType) ||
			status != types.ArtifactStatusFilterAny && string(status) != string(i.status())
	})
	part, next, err := cut(found, func(i image) string { return i.Digest }, p.NextToken, p.MaxResults)
	if err != nil {
		return nil, err
	}
	out := &ecr.ListImageReferrersOutput{NextToken: next, Referrers: []types.ImageReferrer{}}
	for _, i := range part {
		out.Referrers = append(out.Referrers, types.ImageReferrer{
			Digest: aws.String(i.Digest), MediaType: aws.String(i.MediaType), Size: aws.Int64(i.Bytes),
			Annotations: i.Annotations, ArtifactStatus: types.ArtifactStatus(i.status()), ArtifactType: optional(i.ArtifactType),
		})
	}
	return out, nil
}
