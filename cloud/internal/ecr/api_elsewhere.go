package ecr

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// This file is about other registries, of which a local cloud knows none: clients that
// look see that there is nothing, those that set it up are refused.

// PutReplicationConfiguration takes a configuration without rules.
func (s *Service) PutReplicationConfiguration(_ context.Context, p *ecr.PutReplicationConfigurationInput, _ ...func(*ecr.Options)) (*ecr.PutReplicationConfigurationOutput, error) {
	for _, r := range p.ReplicationConfiguration.Rules {
		if len(r.Destinations) > 0 {
			d := r.Destinations[0]
			return nil, validation("Invalid replication destination: region '%s' of registry '%s' is not available", aws.ToString(d.Region), aws.ToString(d.RegistryId))
		}
	}
	return &ecr.PutReplicationConfigurationOutput{ReplicationConfiguration: p.ReplicationConfiguration}, nil
}

// DescribeImageReplicationStatus tells that an image is nowhere else.
func (s *Service) DescribeImageReplicationStatus(_ context.Context, p *ecr.DescribeImageReplicationStatusInput, _ ...func(*ecr.Options)) (*ecr.DescribeImageReplicationStatusOutput, error) {
	id, err := s.named(p.RegistryId, p.RepositoryName, p.ImageId)
	if err != nil {
		return nil, err
	}
	return &ecr.DescribeImageReplicationStatusOutput{
		ImageId: id, RepositoryName: p.RepositoryName, ReplicationStatuses: []types.ImageReplicationStatus{},
	}, nil
}

// named returns the whole id of an image that is there.
func (s *Service) named(registryID, name *string, id *types.ImageIdentifier) (*types.ImageIdentifier, error) {
	var out *types.ImageIdentifier
	var err error
	s.Store.View(func(tx *store.Tx) {
		var r repository
		if r, err = s.repository(tx, registryID, name); err != nil {
			return
		}
		i, fail := s.identify(tx, r.Name, *id)
		if fail != nil {
			err = s.failed(r.Name, *id, fail)
			return
		}
		out = &types.ImageIdentifier{ImageDigest: aws.String(i.Digest), ImageTag: id.ImageTag}
	})
	return out, err
}

// CreatePullThroughCacheRule refuses: no other registry is reached.
func (s *Service) CreatePullThroughCacheRule(_ context.Context, p *ecr.CreatePullThroughCacheRuleInput, _ ...func(*ecr.Options)) (*ecr.CreatePullThroughCacheRuleOutput, error) {
	return nil, &types.UnsupportedUpstreamRegistryException{Message: text("The upstream registry '%s' is not supported", aws.ToString(p.UpstreamRegistryUrl))}
}

func (s *Service) noCacheRule(prefix *string) error {
	return &types.PullThroughCacheRuleNotFoundException{Message: text("Pull through cache rule with prefix '%s' does not exist in the registry with id '%s'", aws.ToString(prefix), s.Place.Account)}
}

// DescribePullThroughCacheRules lists none.
func (s *Service) DescribePullThroughCacheRules(_ context.Context, p *ecr.DescribePullThroughCacheRulesInput, _ ...func(*ecr.Options)) (*ecr.DescribePullThroughCacheRulesOutput, error) {
	if len(p.EcrRepositoryPrefixes) > 0 {
		return nil, s.noCacheRule(&p.EcrRepositoryPrefixes[0])
	}
	return &ecr.DescribePullThroughCacheRulesOutput{PullThroughCacheRules: []types.PullThroughCacheRule{}}, nil
}

// UpdatePullThroughCacheRule finds none.
func (s *Service) UpdatePullThroughCacheRule(_ context.Context, p *ecr.UpdatePullThroughCacheRuleInput, _ ...func(*ecr.Options)) (*ecr.UpdatePullThroughCacheRuleOutput, error) {
	return nil, s.noCacheRule(p.EcrRepositoryPrefix)
}

// ValidatePullThroughCacheRule finds none.
func (s *Service) ValidatePullThroughCacheRule(_ context.Context, p *ecr.ValidatePullThroughCacheRuleInput, _ ...func(*ecr.Options)) (*ecr.ValidatePullThroughCacheRuleOutput, error) {
	return nil, s.noCacheRule(p.EcrRepositoryPrefix)
}

// DeletePullThroughCacheRule finds none.
func (s *Service) DeletePullThroughCacheRule(_ context.Context, p *ecr.DeletePullThroughCacheRuleInput, _ ...func(*ecr.Options)) (*ecr.DeletePullThroughCacheRuleOutput, error) {
	return nil, s.noCacheRule(p.EcrRepositoryPrefix)
}

func (s *Service) noSigning() error {
	return &types.SigningConfigurationNotFoundException{Message: text("Signing configuration does not exist in the registry with id '%s'", s.Place.Account)}
}

// PutSigningConfiguration refuses profiles: there is no Signer.
func (s *Service) PutSigningConfiguration(_ context.Context, p *ecr.PutSigningConfigurationInput, _ ...func(*ecr.Options)) (*ecr.PutSigningConfigurationOutput, error) {
	if rules := p.SigningConfiguration.Rules; len(rules) > 0 {
		return nil, validation("Signing profile '%s' does not exist", aws.ToString(rules[0].SigningProfileArn))
	}
	return &ecr.PutSigningConfigurationOutput{SigningConfiguration: p.SigningConfiguration}, nil
}

// GetSigningConfiguration finds none.
func (s *Service) GetSigningConfiguration(_ context.Context, _ *ecr.GetSigningConfigurationInput, _ ...func(*ecr.Options)) (*ecr.GetSigningConfigurationOutput, error) {
	return nil, s.noSigning()
}

// DeleteSigningConfiguration finds none.
func (s *Service) DeleteSigningConfiguration(_ context.Context, _ *ecr.DeleteSigningConfigurationInput, _ ...func(*ecr.Options)) (*ecr.DeleteSigningConfigurationOutput, error) {
	return nil, s.noSigning()
}

// DescribeImageSigningStatus tells that an image is not signed.
func (s *Service) DescribeImageSigningStatus(_ context.Context, p *ecr.DescribeImageSigningStatusInput, _ ...func(*ecr.Options)) (*ecr.DescribeImageSigningStatusOutput, error) {
	id, err := s.named(p.RegistryId, p.RepositoryName, p.ImageId)
	if err != nil {
		return nil, err
	}
	return &ecr.DescribeImageSigningStatusOutput{
		ImageId: id, RegistryId: aws.String(s.Place.Account), RepositoryName: p.RepositoryName,
		SigningStatuses: []types.ImageSigningStatus{},
	}, nil
}
