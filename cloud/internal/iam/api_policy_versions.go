package iam

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxVersions = 5

// CreatePolicyVersion adds a version and may make it the default one.
func (s *Service) CreatePolicyVersion(_ context.Context, in *iam.CreatePolicyVersionInput, _ ...func(*iam.Options)) (*iam.CreatePolicyVersionOutput, error) {
	if err := checkManaged(aws.ToString(in.PolicyDocument)); err != nil {
		return nil, err
	}
	v := types.PolicyVersion{CreateDate: s.now(), Document: in.PolicyDocument}
	_, err := s.changePolicy(in.PolicyArn, func(_ *store.Tx, m *managed) error {
		if len(m.Versions) >= maxVersions {
			return limit("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", maxVersions)
		}
		m.Last++
		v.VersionId = aws.String("v" + strconv.Itoa(m.Last))
		m.Versions = append(m.Versions, v)
		m.Desc.UpdateDate = v.CreateDate
		if in.SetAsDefault {
			v.IsDefaultVersion = true
			return m.setDefault(*v.VersionId)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.Document = nil // the answer leaves it out
	return &iam.CreatePolicyVersionOutput{PolicyVersion: &v}, nil
}

func (m *managed) version(id string) int {
	return slices.IndexFunc(m.Versions, func(v types.PolicyVersion) bool { return *v.VersionId == id })
}

func noVersion(m *managed, id string) error {
	return noSuch("Policy %s version %s does not exist or is not attachable.", *m.Desc.Arn, id)
}

func (m *managed) setDefault(id string) error {
	if m.version(id) < 0 {
		return noVersion(m, id)
	}
	for i := range m.Versions {
		m.Versions[i].IsDefaultVersion = *m.Versions[i].VersionId == id
	}
	m.Desc.DefaultVersionId = &id
	return nil
}

// SetDefaultPolicyVersion makes another version the one that holds.
func (s *Service) SetDefaultPolicyVersion(_ context.Context, in *iam.SetDefaultPolicyVersionInput, _ ...func(*iam.Options)) (*iam.SetDefaultPolicyVersionOutput, error) {
	_, err := s.changePolicy(in.PolicyArn, func(_ *store.Tx, m *managed) error {
		m.Desc.UpdateDate = s.now()
		return m.setDefault(aws.ToString(in.VersionId))
	})
	return answer(&iam.SetDefaultPolicyVersionOutput{}, err)
}

// GetPolicyVersion returns a version with its document.
func (s *Service) GetPolicyVersion(_ context.Context, in *iam.GetPolicyVersionInput, _ ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error) {
	var m managed
	var err error
	s.Store.View(func(tx *store.Tx) { m, err = s.policyByARN(tx, in.PolicyArn) })
	if err != nil {
		return nil, err
	}
	i := m.version(aws.ToString(in.VersionId))
	if i < 0 {
		return nil, noVersion(&m, aws.ToString(in.VersionId))
	}
	v := m.Versions[i]
	v.Document = encoded(aws.ToString(v.Document))
	return &iam.GetPolicyVersionOutput{PolicyVersion: &v}, nil
}

// ListPolicyVersions returns the versions, newest first, without their documents.
func (s *Service) ListPolicyVersions(_ context.Context, in *iam.ListPolicyVersionsInput, _ ...func(*iam.Options)) (*iam.ListPolicyVersionsOutput, error) {
	var m managed
	var err error
	s.Store.View(func(tx *store.Tx) { m, err = s.policyByARN(tx, in.PolicyArn) })
	if err != nil {
		return nil, err
	}
	all := slices.Clone(m.Versions)
	slices.Reverse(all)
	for i := range all {
		all[i].Document = nil
	}
	part, next, err := cut(all, func(v types.PolicyVersion) string { return *v.VersionId }, in.Marker, in.MaxItems)
	return answer(&iam.ListPolicyVersionsOutput{Versions: part, Marker: next, IsTruncated: next != nil}, err)
}

// DeletePolicyVersion removes a version that is not the default one.
func (s *Service) DeletePolicyVersion(_ context.Context, in *iam.DeletePolicyVersionInput, _ ...func(*iam.Options)) (*iam.DeletePolicyVersionOutput, error) {
	_, err := s.changePolicy(in.PolicyArn, func(_ *store.Tx, m *managed) error {
		i := m.version(aws.ToString(in.VersionId))
		if i < 0 {
			return noVersion(m, aws.ToString(in.VersionId))
		}
		if m.Versions[i].IsDefaultVersion {
			return conflict("Cannot delete the default version of a policy.")
		}
		m.Versions = slices.Delete(m.Versions, i, i+1)
		return nil
	})
	return answer(&iam.DeletePolicyVersionOutput{}, err)
}
