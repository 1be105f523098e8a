package iam

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// CreatePolicy makes a managed policy with its first version.
func (s *Service) CreatePolicy(_ context.Context, in *iam.CreatePolicyInput, _ ...func(*iam.Options)) (*iam.CreatePolicyOutput, error) {
	name := aws.ToString(in.PolicyName)
	if err := checkName("policyName", name, maxPolicyName); err != nil {
		return nil, err
	}
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	if err := checkManaged(aws.ToString(in.PolicyDocument)); err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	now := s.now()
	m := managed{
		Desc: types.Policy{
			Arn: s.arn("policy", path, name), PolicyName: &name, Path: &path,
			PolicyId: aws.String("ANPA" + ids.Upper(17)), DefaultVersionId: aws.String("v1"), IsAttachable: true,
			CreateDate: now, UpdateDate: now, Description: in.Description, Tags: tags,
		},
		Versions: []types.PolicyVersion{{
			VersionId: aws.String("v1"), IsDefaultVersion: true, CreateDate: now, Document: in.PolicyDocument,
		}},
		Last: 1,
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		for _, other := range s.tables.policies.All(tx, "") {
			if strings.EqualFold(*other.Desc.PolicyName, name) {
				return exists("A policy called %s already exists. Duplicate names are not allowed.", name)
			}
		}
		s.tables.policies.Put(tx, *m.Desc.Arn, m)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.CreatePolicyOutput{Policy: describePolicy(m, usage{})}, nil
}

func checkManaged(doc string) error {
	if _, err := policy.Parse(policy.Identity, doc); err != nil {
		return badDocument(err)
	}
	if size(doc) > maxManagedSize {
		return quota("PolicySize", maxManagedSize)
	}
	return nil
}

// usage counts the holders of a policy.
type usage struct{ attached, boundary int32 }

func describePolicy(m managed, u usage) *types.Policy {
	d := m.Desc
	d.AttachmentCount, d.PermissionsBoundaryUsageCount = &u.attached, &u.boundary
	return &d
}

// usages counts for all policies at once.
func (s *Service) usages(tx *store.Tx) map[string]usage {
	out := map[string]usage{}
	add := func(g grants, b *types.AttachedPermissionsBoundary) {
		for _, id := range g.Attached {
			u := out[id]
			u.attached++
			out[id] = u
		}
		if b != nil {
			u := out[*b.PermissionsBoundaryArn]
			u.boundary++
			out[*b.PermissionsBoundaryArn] = u
		}
	}
	for _, r := range s.tables.roles.All(tx, "") {
		add(r.grants, r.Desc.PermissionsBoundary)
	}
	for _, u := range s.tables.users.All(tx, "") {
		add(u.grants, u.Desc.PermissionsBoundary)
	}
	for _, g := range s.tables.groups.All(tx, "") {
		add(g.grants, nil)
	}
	return out
}

func noPolicy(id string) error { return noSuch("Policy %s was not found.", id) }

// policyByARN finds a policy, AWS's or the account's.
func (s *Service) policyByARN(tx *store.Tx, arn *string) (managed, error) {
	id := aws.ToString(arn)
	if err := checkPolicyARN(id); err != nil {
		return managed{}, err
	}
	m, ok := s.managed(tx, id)
	if !ok {
		return m, noPolicy(id)
	}
	return m, nil
}

// changePolicy stores what f makes of a policy of the account's own.
func (s *Service) changePolicy(arn *string, f func(*store.Tx, *managed) error) (m managed, err error) {
	if isAWS(aws.ToString(arn)) {
		return m, &types.UnmodifiableEntityException{Message: text("Policy is managed by AWS and cannot be modified: %s", *arn)}
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		if m, err = s.policyByARN(tx, arn); err != nil {
			return err
		}
		m.Versions = slices.Clone(m.Versions)
		if err := f(tx, &m); err != nil {
			return err
		}
		s.tables.policies.Put(tx, *arn, m)
		return nil
	})
	return m, err
}

// GetPolicy returns a managed policy, without its document.
func (s *Service) GetPolicy(_ context.Context, in *iam.GetPolicyInput, _ ...func(*iam.Options)) (*iam.GetPolicyOutput, error) {
	var m managed
	var u usage
	var err error
	s.Store.View(func(tx *store.Tx) {
		m, err = s.policyByARN(tx, in.PolicyArn)
		u = s.usages(tx)[aws.ToString(in.PolicyArn)]
	})
	return answer(&iam.GetPolicyOutput{Policy: describePolicy(m, u)}, err)
}

// ListPolicies returns managed policies by ARN: the account's, AWS's, or both.
func (s *Service) ListPolicies(_ context.Context, in *iam.ListPoliciesInput, _ ...func(*iam.Options)) (*iam.ListPoliciesOutput, error) {
	var all []types.Policy
	s.Store.View(func(tx *store.Tx) {
		used := s.usages(tx)
		add := func(m managed) {
			u := used[*m.Desc.Arn]
			counts := u.attached + u.boundary
			switch in.PolicyUsageFilter {
			case types.PolicyUsageTypePermissionsPolicy:
				counts = u.attached
			case types.PolicyUsageTypePermissionsBoundary:
				counts = u.boundary
			}
			if in.OnlyAttached && counts == 0 || !strings.HasPrefix(*m.Desc.Path, cmp.Or(aws.ToString(in.PathPrefix), "/")) {
				return
			}
			d := describePolicy(m, u)
			d.Tags, d.Description = nil, nil // only GetPolicy tells them
			all = append(all, *d)
		}
		if in.Scope != types.PolicyScopeTypeAws {
			for _, m := range s.tables.policies.All(tx, "") {
				add(m)
			}
		}
		if in.Scope != types.PolicyScopeTypeLocal {
			for _, m := range s.aws {
				add(m)
			}
		}
	})
	slices.SortFunc(all, func(a, b types.Policy) int { return cmp.Compare(*a.Arn, *b.Arn) })
	part, next, err := cut(all, func(p types.Policy) string { return *p.Arn }, in.Marker, in.MaxItems)
	return answer(&iam.ListPoliciesOutput{Policies: part, Marker: next, IsTruncated: next != nil}, err)
}

// DeletePolicy removes a policy that nobody has, down to its last version.
func (s *Service) DeletePolicy(_ context.Context, in *iam.DeletePolicyInput, _ ...func(*iam.Options)) (*iam.DeletePolicyOutput, error) {
	id := aws.ToString(in.PolicyArn)
	err := s.Store.Update(func(tx *store.Tx) error {
		m, err := s.policyByARN(tx, in.PolicyArn)
		if err != nil {
			return err
		}
		if isAWS(id) {
			return &types.UnmodifiableEntityException{Message: text("Policy is managed by AWS and cannot be modified: %s", id)}
		}
		if u := s.usages(tx)[id]; u.attached+u.boundary > 0 {
			return conflict("Cannot delete a policy attached to entities.")
		}
		if len(m.Versions) > 1 {
			return conflict("This policy has more than one version. Before you delete a policy, you must delete the policy's versions. " +
				"The default version is deleted with the policy.")
		}
		s.tables.policies.Delete(tx, id)
		return nil
	})
	return answer(&iam.DeletePolicyOutput{}, err)
}
