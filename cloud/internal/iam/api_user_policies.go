package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// PutUserPolicy sets an inline policy.
func (s *Service) PutUserPolicy(_ context.Context, in *iam.PutUserPolicyInput, _ ...func(*iam.Options)) (*iam.PutUserPolicyOutput, error) {
	if err := s.putInline(s.userHolder(), in.UserName, in.PolicyName, in.PolicyDocument); err != nil {
		return nil, err
	}
	return &iam.PutUserPolicyOutput{}, nil
}

// GetUserPolicy returns an inline policy.
func (s *Service) GetUserPolicy(_ context.Context, in *iam.GetUserPolicyInput, _ ...func(*iam.Options)) (*iam.GetUserPolicyOutput, error) {
	doc, err := s.inline(s.userHolder(), in.UserName, in.PolicyName)
	return answer(&iam.GetUserPolicyOutput{UserName: in.UserName, PolicyName: in.PolicyName, PolicyDocument: encoded(doc)}, err)
}

// DeleteUserPolicy removes an inline policy.
func (s *Service) DeleteUserPolicy(_ context.Context, in *iam.DeleteUserPolicyInput, _ ...func(*iam.Options)) (*iam.DeleteUserPolicyOutput, error) {
	if err := s.deleteInline(s.userHolder(), in.UserName, in.PolicyName); err != nil {
		return nil, err
	}
	return &iam.DeleteUserPolicyOutput{}, nil
}

// ListUserPolicies returns the names of the inline policies.
func (s *Service) ListUserPolicies(_ context.Context, in *iam.ListUserPoliciesInput, _ ...func(*iam.Options)) (*iam.ListUserPoliciesOutput, error) {
	names, next, err := s.listInline(s.userHolder(), in.UserName, in.Marker, in.MaxItems)
	return answer(&iam.ListUserPoliciesOutput{PolicyNames: names, Marker: next, IsTruncated: next != nil}, err)
}

// AttachUserPolicy gives a managed policy to a user.
func (s *Service) AttachUserPolicy(_ context.Context, in *iam.AttachUserPolicyInput, _ ...func(*iam.Options)) (*iam.AttachUserPolicyOutput, error) {
	if err := s.attach(s.userHolder(), in.UserName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iam.AttachUserPolicyOutput{}, nil
}

// DetachUserPolicy takes a managed policy from a user.
func (s *Service) DetachUserPolicy(_ context.Context, in *iam.DetachUserPolicyInput, _ ...func(*iam.Options)) (*iam.DetachUserPolicyOutput, error) {
	if err := s.detach(s.userHolder(), in.UserName, in.PolicyArn); err != nil {
		return nil, err
	}
	return &iam.DetachUserPolicyOutput{}, nil
}

// ListAttachedUserPolicies returns a user's managed policies.
func (s *Service) ListAttachedUserPolicies(_ context.Context, in *iam.ListAttachedUserPoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedUserPoliciesOutput, error) {
	out, next, err := s.listAttached(s.userHolder(), in.UserName, in.PathPrefix, in.Marker, in.MaxItems)
	return answer(&iam.ListAttachedUserPoliciesOutput{AttachedPolicies: out, Marker: next, IsTruncated: next != nil}, err)
}
