package ecr

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// settings are the account settings: their values, the default first.
var settings = map[string][]string{
	"BASIC_SCAN_TYPE_VERSION": {"AWS_NATIVE"},
	"REGISTRY_POLICY_SCOPE":   {"V2", "V1"},
	blobMounting:              {"ENABLED", disabled},
}

// GetAccountSetting returns a setting of the registry.
func (s *Service) GetAccountSetting(_ context.Context, p *ecr.GetAccountSettingInput, _ ...func(*ecr.Options)) (*ecr.GetAccountSettingOutput, error) {
	values, ok := settings[aws.ToString(p.Name)]
	if !ok {
		return nil, validation("Account setting with name '%s' is not supported", aws.ToString(p.Name))
	}
	v, ok := s.registryRecord().Settings[*p.Name]
	if !ok {
		v = values[0]
	}
	return &ecr.GetAccountSettingOutput{Name: p.Name, Value: aws.String(v)}, nil
}

// PutAccountSetting changes a setting of the registry.
func (s *Service) PutAccountSetting(_ context.Context, p *ecr.PutAccountSettingInput, _ ...func(*ecr.Options)) (*ecr.PutAccountSettingOutput, error) {
	if !slices.Contains(settings[aws.ToString(p.Name)], aws.ToString(p.Value)) {
		return nil, validation("Account setting '%s' with value '%s' is not supported", aws.ToString(p.Name), aws.ToString(p.Value))
	}
	err := s.editRegistry(func(rec *registryRecord) error {
		rec.Settings[*p.Name] = *p.Value
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.PutAccountSettingOutput{Name: p.Name, Value: p.Value}, nil
}

const maxExclusions = 5

// RegisterPullTimeUpdateExclusion leaves a principal's pulls out of lastRecordedPullTime.
func (s *Service) RegisterPullTimeUpdateExclusion(_ context.Context, p *ecr.RegisterPullTimeUpdateExclusionInput, _ ...func(*ecr.Options)) (*ecr.RegisterPullTimeUpdateExclusionOutput, error) {
	now := s.now()
	err := s.editRegistry(func(rec *registryRecord) error {
		who := aws.ToString(p.PrincipalArn)
		if _, ok := rec.Exclusions[who]; ok {
			return &types.ExclusionAlreadyExistsException{Message: text("Pull time update exclusion for '%s' already exists", who)}
		}
		if len(rec.Exclusions) >= maxExclusions {
			return &types.LimitExceededException{Message: text("The registry has %d pull time update exclusions already", maxExclusions)}
		}
		rec.Exclusions[who] = now
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.RegisterPullTimeUpdateExclusionOutput{CreatedAt: aws.Time(now), PrincipalArn: p.PrincipalArn}, nil
}

// DeregisterPullTimeUpdateExclusion notes a principal's pulls again.
func (s *Service) DeregisterPullTimeUpdateExclusion(_ context.Context, p *ecr.DeregisterPullTimeUpdateExclusionInput, _ ...func(*ecr.Options)) (*ecr.DeregisterPullTimeUpdateExclusionOutput, error) {
	err := s.editRegistry(func(rec *registryRecord) error {
		who := aws.ToString(p.PrincipalArn)
		if _, ok := rec.Exclusions[who]; !ok {
			return &types.ExclusionNotFoundException{Message: text("Pull time update exclusion for '%s' does not exist", who)}
		}
		delete(rec.Exclusions, who)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecr.DeregisterPullTimeUpdateExclusionOutput{PrincipalArn: p.PrincipalArn}, nil
}

// ListPullTimeUpdateExclusions lists the principals whose pulls are not noted.
func (s *Service) ListPullTimeUpdateExclusions(_ context.Context, p *ecr.ListPullTimeUpdateExclusionsInput, _ ...func(*ecr.Options)) (*ecr.ListPullTimeUpdateExclusionsOutput, error) {
	all := slices.Sorted(maps.Keys(s.registryRecord().Exclusions))
	part, next, err := cut(all, func(a string) string { return a }, p.NextToken, p.MaxResults)
	if err != nil {
		return nil, err
	}
	return &ecr.ListPullTimeUpdateExclusionsOutput{NextToken: next, PullTimeUpdateExclusions: part}, nil
}
