package iam

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// detail is one of the four kinds of what GetAccountAuthorizationDetails returns.
type detail struct {
	key    string
	role   *types.RoleDetail
	user   *types.UserDetail
	group  *types.GroupDetail
	policy *types.ManagedPolicyDetail
}

// GetAccountAuthorizationDetails returns everybody with all their policies.
func (s *Service) GetAccountAuthorizationDetails(_ context.Context, in *iam.GetAccountAuthorizationDetailsInput, _ ...func(*iam.Options)) (*iam.GetAccountAuthorizationDetailsOutput, error) {
	want := func(t types.EntityType) bool { return len(in.Filter) == 0 || slices.Contains(in.Filter, t) }
	var all []detail
	s.Store.View(func(tx *store.Tx) {
		if want(types.EntityTypeUser) {
			all = append(all, s.userDetails(tx)...)
		}
		if want(types.EntityTypeGroup) {
			all = append(all, s.groupDetails(tx)...)
		}
		if want(types.EntityTypeRole) {
			all = append(all, s.roleDetails(tx)...)
		}
		all = append(all, s.policyDetails(tx, want)...)
	})
	part, next, err := cut(all, func(d detail) string { return d.key }, in.Marker, in.MaxItems)
	if err != nil {
		return nil, err
	}
	out := &iam.GetAccountAuthorizationDetailsOutput{
		Marker: next, IsTruncated: next != nil, UserDetailList: []types.UserDetail{}, GroupDetailList: []types.GroupDetail{},
		RoleDetailList: []types.RoleDetail{}, Policies: []types.ManagedPolicyDetail{},
	}
	for _, d := range part {
		switch {
		case d.role != nil:
			out.RoleDetailList = append(out.RoleDetailList, *d.role)
		case d.user != nil:
			out.UserDetailList = append(out.UserDetailList, *d.user)
		case d.group != nil:
			out.GroupDetailList = append(out.GroupDetailList, *d.group)
		default:
			out.Policies = append(out.Policies, *d.policy)
		}
	}
	return out, nil
}

func inlineDetails(g grants) []types.PolicyDetail {
	out := []types.PolicyDetail{}
	for _, name := range slices.Sorted(maps.Keys(g.Inline)) {
		out = append(out, types.PolicyDetail{PolicyName: aws.String(name), PolicyDocument: encoded(g.Inline[name])})
	}
	return out
}

func (s *Service) userDetails(tx *store.Tx) (out []detail) {
	for name, u := range s.tables.users.All(tx, "") {
		d := &types.UserDetail{
			Arn: u.Desc.Arn, CreateDate: u.Desc.CreateDate, Path: u.Desc.Path, UserId: u.Desc.UserId, UserName: u.Desc.UserName,
			PermissionsBoundary: u.Desc.PermissionsBoundary, Tags: u.Desc.Tags, GroupList: []string{},
			AttachedManagedPolicies: s.attached(tx, u.grants, ""), UserPolicyList: inlineDetails(u.grants),
		}
		for g, row := range s.tables.groups.All(tx, "") {
			if slices.Contains(row.Members, name) {
				d.GroupList = append(d.GroupList, g)
			}
		}
		out = append(out, detail{key: *u.Desc.Arn, user: d})
	}
	return out
}

func (s *Service) groupDetails(tx *store.Tx) (out []detail) {
	for _, g := range s.tables.groups.All(tx, "") {
		out = append(out, detail{key: *g.Desc.Arn, group: &types.GroupDetail{
			Arn: g.Desc.Arn, CreateDate: g.Desc.CreateDate, Path: g.Desc.Path, GroupId: g.Desc.GroupId, GroupName: g.Desc.GroupName,
			AttachedManagedPolicies: s.attached(tx, g.grants, ""), GroupPolicyList: inlineDetails(g.grants),
		}})
	}
	return out
}

func (s *Service) roleDetails(tx *store.Tx) (out []detail) {
	for name, r := range s.tables.roles.All(tx, "") {
		out = append(out, detail{key: *r.Desc.Arn, role: &types.RoleDetail{
			Arn: r.Desc.Arn, CreateDate: r.Desc.CreateDate, Path: r.Desc.Path, RoleId: r.Desc.RoleId, RoleName: r.Desc.RoleName,
			AssumeRolePolicyDocument: encoded(aws.ToString(r.Desc.AssumeRolePolicyDocument)),
			PermissionsBoundary:      r.Desc.PermissionsBoundary, Tags: r.Desc.Tags, RoleLastUsed: &types.RoleLastUsed{},
			AttachedManagedPolicies: s.attached(tx, r.grants, ""), RolePolicyList: inlineDetails(r.grants),
			InstanceProfileList: append([]types.InstanceProfile{},
				s.profilesWhere(tx, func(p profile) bool { return p.Role == name })...),
		}})
	}
	return out
}

// policyDetails are the account's own policies and those of AWS's that somebody has.
func (s *Service) policyDetails(tx *store.Tx, want func(types.EntityType) bool) (out []detail) {
	used := s.usages(tx)
	add := func(m managed) {
		u := used[*m.Desc.Arn]
		d := &types.ManagedPolicyDetail{
			Arn: m.Desc.Arn, PolicyName: m.Desc.PolicyName, PolicyId: m.Desc.PolicyId, Path: m.Desc.Path,
			DefaultVersionId: m.Desc.DefaultVersionId, Description: m.Desc.Description, IsAttachable: true,
			CreateDate: m.Desc.CreateDate, UpdateDate: m.Desc.UpdateDate,
			AttachmentCount: &u.attached, PermissionsBoundaryUsageCount: &u.boundary,
		}
		for _, v := range slices.Backward(m.Versions) {
			v.Document = encoded(aws.ToString(v.Document))
			d.PolicyVersionList = append(d.PolicyVersionList, v)
		}
		out = append(out, detail{key: *m.Desc.Arn, policy: d})
	}
	if want(types.EntityTypeLocalManagedPolicy) {
		for _, m := range s.tables.policies.All(tx, "") {
			add(m)
		}
	}
	if want(types.EntityTypeAWSManagedPolicy) {
		for _, id := range slices.Sorted(maps.Keys(s.aws)) {
			if used[id] != (usage{}) {
				add(s.aws[id])
			}
		}
	}
	return out
}
