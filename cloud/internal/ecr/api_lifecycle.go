package ecr

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/ecr/lifecycle"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func checkLifecycle(policy string) error {
	if _, err := lifecycle.Parse(policy); err != nil {
		return refused("Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: %v'", err)
	}
	return nil
}

// PutLifecyclePolicy sets the policy by which images are removed or archived.
func (s *Service) PutLifecyclePolicy(_ context.Context, p *ecr.PutLifecyclePolicyInput, _ ...func(*ecr.Options)) (*ecr.PutLifecyclePolicyOutput, error) {
	if _, err := s.exists(p.RegistryId, p.RepositoryName); err != nil {
		return nil, err
	}
	if err := checkLifecycle(aws.ToString(p.LifecyclePolicyText)); err != nil {
		return nil, err
	}
	r, err := s.edit(p.RegistryId, p.RepositoryName, func(r *repository) error {
		r.Lifecycle = aws.ToString(p.LifecyclePolicyText)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.PutLifecyclePolicyOutput{
		LifecyclePolicyText: aws.String(r.Lifecycle), RegistryId: aws.String(s.Place.Account), RepositoryName: aws.String(r.Name),
	}, nil
}

// GetLifecyclePolicy returns a repository's lifecycle policy.
func (s *Service) GetLifecyclePolicy(_ context.Context, p *ecr.GetLifecyclePolicyInput, _ ...func(*ecr.Options)) (*ecr.GetLifecyclePolicyOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	if r.Lifecycle == "" {
		return nil, s.noLifecycle(r.Name)
	}
	out := &ecr.GetLifecyclePolicyOutput{
		LifecyclePolicyText: aws.String(r.Lifecycle), RegistryId: aws.String(s.Place.Account), RepositoryName: aws.String(r.Name),
	}
	if !r.Evaluated.IsZero() {
		out.LastEvaluatedAt = aws.Time(r.Evaluated)
	}
	return out, nil
}

// DeleteLifecyclePolicy removes a repository's lifecycle policy and returns it.
func (s *Service) DeleteLifecyclePolicy(_ context.Context, p *ecr.DeleteLifecyclePolicyInput, _ ...func(*ecr.Options)) (*ecr.DeleteLifecyclePolicyOutput, error) {
	var was repository
	r, err := s.edit(p.RegistryId, p.RepositoryName, func(r *repository) error {
		if was = *r; r.Lifecycle == "" {
			return s.noLifecycle(r.Name)
		}
		r.Lifecycle, r.Evaluated = "", time.Time{}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &ecr.DeleteLifecyclePolicyOutput{
		LifecyclePolicyText: aws.String(was.Lifecycle), RegistryId: aws.String(s.Place.Account), RepositoryName: aws.String(r.Name),
	}
	if !was.Evaluated.IsZero() {
		out.LastEvaluatedAt = aws.Time(was.Evaluated)
	}
	return out, nil
}

// StartLifecyclePolicyPreview tries a policy, the repository's own by default. The outcome
// is there when the call answers.
func (s *Service) StartLifecyclePolicyPreview(_ context.Context, p *ecr.StartLifecyclePolicyPreviewInput, _ ...func(*ecr.Options)) (*ecr.StartLifecyclePolicyPreviewOutput, error) {
	var r repository
	err := s.Store.Update(func(tx *store.Tx) (err error) {
		if r, err = s.repository(tx, p.RegistryId, p.RepositoryName); err != nil {
			return err
		}
		text := aws.ToString(p.LifecyclePolicyText)
		if text == "" {
			text = r.Lifecycle
		}
		if text == "" {
			return s.noLifecycle(r.Name)
		}
		if err := checkLifecycle(text); err != nil {
			return err
		}
		decisions, err := s.decide(tx, r.Name, text)
		if err != nil {
			return err
		}
		r.Preview = &preview{Policy: text}
		for _, d := range decisions {
			r.Preview.Results = append(r.Preview.Results, foreseen{d.Image.Digest, d.Image.Tags, d.Image.Pushed, d.Priority, d.Archive})
		}
		s.repositories.Put(tx, r.Name, r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.StartLifecyclePolicyPreviewOutput{
		LifecyclePolicyText: aws.String(r.Preview.Policy), RegistryId: aws.String(s.Place.Account),
		RepositoryName: aws.String(r.Name), Status: types.LifecyclePolicyPreviewStatusInProgress,
	}, nil
}

// GetLifecyclePolicyPreview returns the outcome of the last preview.
func (s *Service) GetLifecyclePolicyPreview(_ context.Context, p *ecr.GetLifecyclePolicyPreviewInput, _ ...func(*ecr.Options)) (*ecr.GetLifecyclePolicyPreviewOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	if r.Preview == nil {
		return nil, s.noPreview(r.Name)
	}
	if len(p.ImageIds) > 0 && (p.MaxResults != nil || p.NextToken != nil) {
		return nil, refused("Invalid parameter at 'maxResults' failed to satisfy constraint: 'maxResults and nextToken cannot be used when imageIds are specified'")
	}
	out := &ecr.GetLifecyclePolicyPreviewOutput{
		LifecyclePolicyText: aws.String(r.Preview.Policy), RegistryId: aws.String(s.Place.Account), RepositoryName: aws.String(r.Name),
		Status: types.LifecyclePolicyPreviewStatusComplete, Summary: r.Preview.summary(),
		PreviewResults: []types.LifecyclePolicyPreviewResult{},
	}
	var shown []foreseen
	for _, f := range r.Preview.Results {
		if f.asked(p) {
			shown = append(shown, f)
		}
	}
	part, next, err := cut(shown, func(f foreseen) string { return f.Digest }, p.NextToken, p.MaxResults)
	if err != nil {
		return nil, err
	}
	out.NextToken = next
	for _, f := range part {
		out.PreviewResults = append(out.PreviewResults, f.result())
	}
	return out, nil
}

// asked tells whether a call asks for an image of the preview.
func (f foreseen) asked(p *ecr.GetLifecyclePolicyPreviewInput) bool {
	if p.Filter != nil {
		if s := p.Filter.TagStatus; s == types.TagStatusTagged && len(f.Tags) == 0 || s == types.TagStatusUntagged && len(f.Tags) > 0 {
			return false
		}
	}
	return len(p.ImageIds) == 0 || slices.ContainsFunc(p.ImageIds, func(id types.ImageIdentifier) bool {
		return aws.ToString(id.ImageDigest) == f.Digest || id.ImageTag != nil && slices.Contains(f.Tags, *id.ImageTag)
	})
}

func (f foreseen) result() types.LifecyclePolicyPreviewResult {
	res := types.LifecyclePolicyPreviewResult{
		Action:              &types.LifecyclePolicyRuleAction{Type: types.ImageActionTypeExpire},
		AppliedRulePriority: aws.Int32(f.Priority), ImageDigest: aws.String(f.Digest),
		ImagePushedAt: aws.Time(f.Pushed), ImageTags: f.Tags, StorageClass: types.LifecyclePolicyStorageClassStandard,
	}
	if f.Archive {
		res.Action = &types.LifecyclePolicyRuleAction{
			Type: types.ImageActionTypeTransition, TargetStorageClass: types.LifecyclePolicyTargetStorageClassArchive,
		}
	}
	return res
}

func (p *preview) summary() *types.LifecyclePolicyPreviewSummary {
	var expiring, moving int32
	for _, f := range p.Results {
		if f.Archive {
			moving++
		} else {
			expiring++
		}
	}
	s := &types.LifecyclePolicyPreviewSummary{ExpiringImageTotalCount: aws.Int32(expiring)}
	if moving > 0 {
		s.TransitioningImageTotalCounts = []types.TransitioningImageTotalCount{{
			ImageTotalCount: aws.Int32(moving), TargetStorageClass: types.LifecyclePolicyTargetStorageClassArchive,
		}}
	}
	return s
}
