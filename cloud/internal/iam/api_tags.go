package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// pageOfTags returns one page of the tags that read finds.
func (s *Service) pageOfTags(read func(*store.Tx) ([]types.Tag, error), marker *string, size *int32) (tags []types.Tag, next *string, err error) {
	s.Store.View(func(tx *store.Tx) { tags, err = read(tx) })
	if err != nil {
		return nil, nil, err
	}
	return cut(tags, func(t types.Tag) string { return aws.ToString(t.Key) }, marker, size)
}

// TagRole sets tags on a role.
func (s *Service) TagRole(_ context.Context, in *iam.TagRoleInput, _ ...func(*iam.Options)) (*iam.TagRoleOutput, error) {
	_, err := s.changeRole(in.RoleName, func(_ *store.Tx, r *role) (err error) {
		r.Desc.Tags, err = mergeTags(r.Desc.Tags, in.Tags)
		return err
	})
	return answer(&iam.TagRoleOutput{}, err)
}

// UntagRole takes tags off a role.
func (s *Service) UntagRole(_ context.Context, in *iam.UntagRoleInput, _ ...func(*iam.Options)) (*iam.UntagRoleOutput, error) {
	_, err := s.changeRole(in.RoleName, func(_ *store.Tx, r *role) error {
		r.Desc.Tags = withoutTags(r.Desc.Tags, in.TagKeys)
		return nil
	})
	return answer(&iam.UntagRoleOutput{}, err)
}

// ListRoleTags returns a role's tags.
func (s *Service) ListRoleTags(_ context.Context, in *iam.ListRoleTagsInput, _ ...func(*iam.Options)) (*iam.ListRoleTagsOutput, error) {
	tags, next, err := s.pageOfTags(func(tx *store.Tx) ([]types.Tag, error) {
		r, err := s.role(tx, in.RoleName)
		return r.Desc.Tags, err
	}, in.Marker, in.MaxItems)
	return answer(&iam.ListRoleTagsOutput{Tags: tags, Marker: next, IsTruncated: next != nil}, err)
}

// TagUser sets tags on a user.
func (s *Service) TagUser(_ context.Context, in *iam.TagUserInput, _ ...func(*iam.Options)) (*iam.TagUserOutput, error) {
	_, err := s.changeUser(in.UserName, func(_ *store.Tx, u *user) (err error) {
		u.Desc.Tags, err = mergeTags(u.Desc.Tags, in.Tags)
		return err
	})
	return answer(&iam.TagUserOutput{}, err)
}

// UntagUser takes tags off a user.
func (s *Service) UntagUser(_ context.Context, in *iam.UntagUserInput, _ ...func(*iam.Options)) (*iam.UntagUserOutput, error) {
	_, err := s.changeUser(in.UserName, func(_ *store.Tx, u *user) error {
		u.Desc.Tags = withoutTags(u.Desc.Tags, in.TagKeys)
		return nil
	})
	return answer(&iam.UntagUserOutput{}, err)
}

// ListUserTags returns a user's tags.
func (s *Service) ListUserTags(_ context.Context, in *iam.ListUserTagsInput, _ ...func(*iam.Options)) (*iam.ListUserTagsOutput, error) {
	tags, next, err := s.pageOfTags(func(tx *store.Tx) ([]types.Tag, error) {
		u, err := s.user(tx, in.UserName)
		return u.Desc.Tags, err
	}, in.Marker, in.MaxItems)
	return answer(&iam.ListUserTagsOutput{Tags: tags, Marker: next, IsTruncated: next != nil}, err)
}

// TagPolicy sets tags on a managed policy.
func (s *Service) TagPolicy(_ context.Context, in *iam.TagPolicyInput, _ ...func(*iam.Options)) (*iam.TagPolicyOutput, error) {
	_, err := s.changePolicy(in.PolicyArn, func(_ *store.Tx, m *managed) (err error) {
		m.Desc.Tags, err = mergeTags(m.Desc.Tags, in.Tags)
		return err
	})
	return answer(&iam.TagPolicyOutput{}, err)
}

// UntagPolicy takes tags off a managed policy.
func (s *Service) UntagPolicy(_ context.Context, in *iam.UntagPolicyInput, _ ...func(*iam.Options)) (*iam.UntagPolicyOutput, error) {
	_, err := s.changePolicy(in.PolicyArn, func(_ *store.Tx, m *managed) error {
		m.Desc.Tags = withoutTags(m.Desc.Tags, in.TagKeys)
		return nil
	})
	return answer(&iam.UntagPolicyOutput{}, err)
}

// ListPolicyTags returns a managed policy's tags.
func (s *Service) ListPolicyTags(_ context.Context, in *iam.ListPolicyTagsInput, _ ...func(*iam.Options)) (*iam.ListPolicyTagsOutput, error) {
	tags, next, err := s.pageOfTags(func(tx *store.Tx) ([]types.Tag, error) {
		m, err := s.policyByARN(tx, in.PolicyArn)
		return m.Desc.Tags, err
	}, in.Marker, in.MaxItems)
	return answer(&iam.ListPolicyTagsOutput{Tags: tags, Marker: next, IsTruncated: next != nil}, err)
}

// TagInstanceProfile sets tags on an instance profile.
func (s *Service) TagInstanceProfile(_ context.Context, in *iam.TagInstanceProfileInput, _ ...func(*iam.Options)) (*iam.TagInstanceProfileOutput, error) {
	err := s.changeProfile(in.InstanceProfileName, func(_ *store.Tx, p *profile) (err error) {
		p.Desc.Tags, err = mergeTags(p.Desc.Tags, in.Tags)
		return err
	})
	return answer(&iam.TagInstanceProfileOutput{}, err)
}

// UntagInstanceProfile takes tags off an instance profile.
func (s *Service) UntagInstanceProfile(_ context.Context, in *iam.UntagInstanceProfileInput, _ ...func(*iam.Options)) (*iam.UntagInstanceProfileOutput, error) {
	err := s.changeProfile(in.InstanceProfileName, func(_ *store.Tx, p *profile) error {
		p.Desc.Tags = withoutTags(p.Desc.Tags, in.TagKeys)
		return nil
	})
	return answer(&iam.UntagInstanceProfileOutput{}, err)
}

// ListInstanceProfileTags returns an instance profile's tags.
func (s *Service) ListInstanceProfileTags(_ context.Context, in *iam.ListInstanceProfileTagsInput, _ ...func(*iam.Options)) (*iam.ListInstanceProfileTagsOutput, error) {
	tags, next, err := s.pageOfTags(func(tx *store.Tx) ([]types.Tag, error) {
		p, err := s.profile(tx, in.InstanceProfileName)
		return p.Desc.Tags, err
	}, in.Marker, in.MaxItems)
	return answer(&iam.ListInstanceProfileTagsOutput{Tags: tags, Marker: next, IsTruncated: next != nil}, err)
}

// TagOpenIDConnectProvider sets tags on a provider.
func (s *Service) TagOpenIDConnectProvider(_ context.Context, in *iam.TagOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.TagOpenIDConnectProviderOutput, error) {
	err := s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) (err error) {
		p.Tags, err = mergeTags(p.Tags, in.Tags)
		return err
	})
	return answer(&iam.TagOpenIDConnectProviderOutput{}, err)
}

// UntagOpenIDConnectProvider takes tags off a provider.
func (s *Service) UntagOpenIDConnectProvider(_ context.Context, in *iam.UntagOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.UntagOpenIDConnectProviderOutput, error) {
	err := s.changeProvider(in.OpenIDConnectProviderArn, func(p *provider) error {
		p.Tags = withoutTags(p.Tags, in.TagKeys)
		return nil
	})
	return answer(&iam.UntagOpenIDConnectProviderOutput{}, err)
}

// ListOpenIDConnectProviderTags returns a provider's tags.
func (s *Service) ListOpenIDConnectProviderTags(_ context.Context, in *iam.ListOpenIDConnectProviderTagsInput, _ ...func(*iam.Options)) (*iam.ListOpenIDConnectProviderTagsOutput, error) {
	tags, next, err := s.pageOfTags(func(tx *store.Tx) ([]types.Tag, error) {
		p, err := s.provider(tx, in.OpenIDConnectProviderArn)
		return p.Tags, err
	}, in.Marker, in.MaxItems)
	return answer(&iam.ListOpenIDConnectProviderTagsOutput{Tags: tags, Marker: next, IsTruncated: next != nil}, err)
}
