package ecr

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/cloud/internal/policy"
)

// ResourcePolicy returns the policy of a repository by its ARN, "" for none: who
// evaluates permissions needs it.
func (s *Service) ResourcePolicy(repositoryARN string) string {
	name, err := s.resource(&repositoryARN)
	if err != nil {
		return ""
	}
	r, err := s.exists(nil, name)
	if err != nil {
		return ""
	}
	return r.Policy
}

// SetRepositoryPolicy sets a repository's policy.
func (s *Service) SetRepositoryPolicy(_ context.Context, p *ecr.SetRepositoryPolicyInput, _ ...func(*ecr.Options)) (*ecr.SetRepositoryPolicyOutput, error) {
	if _, err := s.exists(p.RegistryId, p.RepositoryName); err != nil {
		return nil, err
	}
	if err := checkPolicy(aws.ToString(p.PolicyText)); err != nil {
		return nil, err
	}
	r, err := s.edit(p.RegistryId, p.RepositoryName, func(r *repository) error {
		r.Policy = aws.ToString(p.PolicyText)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.SetRepositoryPolicyOutput{
		PolicyText: aws.String(r.Policy), RegistryId: aws.String(s.Place.Account), RepositoryName: aws.String(r.Name),
	}, nil
}

func checkPolicy(text string) error {
	if _, err := policy.Parse(policy.Resource, text); err != nil {
		return refused("Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'")
	}
	return nil
}

// GetRepositoryPolicy returns a repository's policy.
func (s *Service) GetRepositoryPolicy(_ context.Context, p *ecr.GetRepositoryPolicyInput, _ ...func(*ecr.Options)) (*ecr.GetRepositoryPolicyOutput, error) {
	r, err := s.exists(p.RegistryId, p.RepositoryName)
	if err != nil {
		return nil, err
	}
	if r.Policy == "" {
		return nil, s.noPolicy(r.Name)
	}
	return &ecr.GetRepositoryPolicyOutput{
		PolicyText: aws.String(r.Policy), RegistryId: aws.String(s.Place.Account), RepositoryName: aws.String(r.Name),
	}, nil
}

// DeleteRepositoryPolicy removes a repository's policy and returns it.
func (s *Service) DeleteRepositoryPolicy(_ context.Context, p *ecr.DeleteRepositoryPolicyInput, _ ...func(*ecr.Options)) (*ecr.DeleteRepositoryPolicyOutput, error) {
	was := ""
	r, err := s.edit(p.RegistryId, p.RepositoryName, func(r *repository) error {
		if r.Policy == "" {
			return s.noPolicy(r.Name)
		}
		was, r.Policy = r.Policy, ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.DeleteRepositoryPolicyOutput{
		PolicyText: aws.String(was), RegistryId: aws.String(s.Place.Account), RepositoryName: aws.String(r.Name),
	}, nil
}

// PutRegistryPolicy sets the policy of the registry as a whole.
func (s *Service) PutRegistryPolicy(_ context.Context, p *ecr.PutRegistryPolicyInput, _ ...func(*ecr.Options)) (*ecr.PutRegistryPolicyOutput, error) {
	if _, err := policy.Parse(policy.Resource, aws.ToString(p.PolicyText)); err != nil {
		return nil, refused("Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'")
	}
	err := s.editRegistry(func(rec *registryRecord) error {
		rec.Policy = aws.ToString(p.PolicyText)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.PutRegistryPolicyOutput{PolicyText: p.PolicyText, RegistryId: aws.String(s.Place.Account)}, nil
}

func (s *Service) noRegistryPolicy() error {
	return &types.RegistryPolicyNotFoundException{Message: text("Registry policy does not exist in the registry with id '%s'", s.Place.Account)}
}

// GetRegistryPolicy returns the policy of the registry.
func (s *Service) GetRegistryPolicy(_ context.Context, _ *ecr.GetRegistryPolicyInput, _ ...func(*ecr.Options)) (*ecr.GetRegistryPolicyOutput, error) {
	rec := s.registryRecord()
	if rec.Policy == "" {
		return nil, s.noRegistryPolicy()
	}
	return &ecr.GetRegistryPolicyOutput{PolicyText: aws.String(rec.Policy), RegistryId: aws.String(s.Place.Account)}, nil
}

// DeleteRegistryPolicy removes the policy of the registry and returns it.
func (s *Service) DeleteRegistryPolicy(_ context.Context, _ *ecr.DeleteRegistryPolicyInput, _ ...func(*ecr.Options)) (*ecr.DeleteRegistryPolicyOutput, error) {
	was := ""
	err := s.editRegistry(func(rec *registryRecord) error {
		if rec.Policy == "" {
			return s.noRegistryPolicy()
		}
		was, rec.Policy = rec.Policy, ""
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.DeleteRegistryPolicyOutput{PolicyText: aws.String(was), RegistryId: aws.String(s.Place.Account)}, nil
}

// DescribeRegistry describes the registry, which is not replicated.
func (s *Service) DescribeRegistry(_ context.Context, _ *ecr.DescribeRegistryInput, _ ...func(*ecr.Options)) (*ecr.DescribeRegistryOutput, error) {
	return &ecr.DescribeRegistryOutput{
		RegistryId:               aws.String(s.Place.Account),
		ReplicationConfiguration: &types.ReplicationConfiguration{Rules: []types.ReplicationRule{}},
	}, nil
}
