package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// PutGroupPolicy sets an inline policy.
func (s *Service) PutGroupPolicy(_ context.Context, in *iam.PutGroupPolicyInput, _ ...func(*iam.Options)) (*iam.PutGroupPolicyOutput, error) {
	if err := s.putInline(s.groupHolder(), in.GroupName, in.PolicyName, in.PolicyDocument); err != nil {
		return nil, err
	}
	return &iam.PutGroupPolicyOutput{}, nil
}

// GetGroupPolicy returns an inline policy.
func (s *Service) GetGroupPolicy(_ context.Context, in *iam.GetGroupPolicyInput, _ ...func(*iam.Options)) (*iam.GetGroupPolicyOutput, error) {
	doc, err := s.inline(s.groupHolder(), in.GroupName, in.PolicyName)
	return answer(&iam.GetGroupPolicyOutput{GroupName: in.GroupName, PolicyName: in.PolicyName, PolicyDocument: encoded(doc)}, err)
}

// DeleteGroupPolicy removes an inline policy.
func (s *Service) DeleteGroupPolicy(_ context.Context, in *iam.DeleteGroupPolicyInput, _ ...func(*iam.Options)) (*iam.DeleteGroupPolicyOutput, error) {
	if err := s.deleteInline(s.groupHolder(), in.GroupName, in.PolicyName); err != nil {
		return nil, err
	}
	return &iam.DeleteGroupPolicyOutput{}, nil
}

// ListGroupPolicies returns the names of the inline policies.
func (s *Service) ListGroupPolicies(_ context.Context, in *iam.ListGroupPoliciesInput, _ ...func(*iam.Options)) (*iam.ListGroupPoliciesOutput, error) {
	names, next, err := s.listInline(s.groupHolder(), in.GroupName, in.Marker, in.MaxItems)
	return answer(&iam.ListGroupPoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: next != nil}, err)
}

// AttachGroupPolicy gives a managed policy to a group.
func (s *Service) AttachGroupPolicy(_ context.Context, in *iam.AttachGroupPolicyInput, _ ...func(*iam.Options)) (*iam.AttachGroupPolicyOutput, error) {
	if err := s.attach(s.groupHolder(), in.GroupName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iam.AttachGroupPolicyOutput{}, nil
}

// DetachGroupPolicy takes a managed policy from a group.
func (s *Service) DetachGroupPolicy(_ context.Context, in *iam.DetachGroupPolicyInput, _ ...func(*iam.Options)) (*iam.DetachGroupPolicyOutput, error) {
	if err := s.detach(s.groupHolder(), in.GroupName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iam.DetachGroupPolicyOutput{}, nil
}

// ListAttachedGroupPolicies returns a group's managed policies.
func (s *Service) ListAttachedGroupPolicies(_ context.Context, in *iam.ListAttachedGroupPoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedGroupPoliciesOutput, error) {
	out, next, err := s.listAttached(s.groupHolder(), in.GroupName, in.PathPrefix, in.Marker, in.MaxItems)
	return answer(&iam.ListAttachedGroupPoliciesOutput{AttachedPolicies: out, Marker: next, IsTruncated: next != nil}, err)
}
