package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// ListEntitiesForPolicy tells who has a managed policy, as policy or as boundary. All
// come on one page.
func (s *Service) ListEntitiesForPolicy(_ context.Context, in *iam.ListEntitiesForPolicyInput, _ ...func(*iam.Options)) (*iam.ListEntitiesForPolicyOutput, error) {
	out := &iam.ListEntitiesForPolicyOutput{
		PolicyGroups: []types.PolicyGroup{}, PolicyRoles: []types.PolicyRole{}, PolicyUsers: []types.PolicyUser{},
	}
	has := func(kind types.EntityType, path *string, g grants, b *types.AttachedPermissionsBoundary) bool {
		if in.EntityFilter != "" && in.EntityFilter != kind || !strings.HasPrefix(*path, aws.ToString(in.PathPrefix)) {
			return false
		}
		if in.PolicyUsageFilter != types.PolicyUsageTypePermissionsBoundary && slices.Contains(g.Attached, *in.PolicyArn) {
			return true
		}
		return in.PolicyUsageFilter != types.PolicyUsageTypePermissionsPolicy && b != nil && *b.PermissionsBoundaryArn == *in.PolicyArn
	}
	var err error
	s.Store.View(func(tx *store.Tx) {
		if _, err = s.policyByARN(tx, in.PolicyArn); err != nil {
			return
		}
		for _, r := range s.tables.roles.All(tx, "") {
			if has(types.EntityTypeRole, r.Desc.Path, r.grants, r.Desc.PermissionsBoundary) {
				out.PolicyRoles = append(out.PolicyRoles, types.PolicyRole{RoleId: r.Desc.RoleId, RoleName: r.Desc.RoleName})
			}
		}
		for _, u := range s.tables.users.All(tx, "") {
			if has(types.EntityTypeUser, u.Desc.Path, u.grants, u.Desc.PermissionsBoundary) {
				out.PolicyUsers = append(out.PolicyUsers, types.PolicyUser{UserId: u.Desc.UserId, UserName: u.Desc.UserName})
			}
		}
		for _, g := range s.tables.groups.All(tx, "") {
			if has(types.EntityTypeGroup, g.Desc.Path, g.grants, nil) {
				out.PolicyGroups = append(out.PolicyGroups, types.PolicyGroup{GroupId: g.Desc.GroupId, GroupName: g.Desc.GroupName})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// PutRolePermissionsBoundary sets the policy that bounds a role.
func (s *Service) PutRolePermissionsBoundary(_ context.Context, in *iam.PutRolePermissionsBoundaryInput, _ ...func(*iam.Options)) (*iam.PutRolePermissionsBoundaryOutput, error) {
	_, err := s.changeRole(in.RoleName, func(tx *store.Tx, r *role) (err error) {
		r.Desc.PermissionsBoundary, err = s.boundary(tx, in.PermissionsBoundary)
		return err
	})
	return answer(&iam.PutRolePermissionsBoundaryOutput{}, err)
}

// DeleteRolePermissionsBoundary takes the bound off a role.
func (s *Service) DeleteRolePermissionsBoundary(_ context.Context, in *iam.DeleteRolePermissionsBoundaryInput, _ ...func(*iam.Options)) (*iam.DeleteRolePermissionsBoundaryOutput, error) {
	_, err := s.changeRole(in.RoleName, func(_ *store.Tx, r *role) error {
		if r.Desc.PermissionsBoundary == nil {
			return noSuch("Role %s does not have a permissions boundary.", *in.RoleName)
		}
		r.Desc.PermissionsBoundary = nil
		return nil
	})
	return answer(&iam.DeleteRolePermissionsBoundaryOutput{}, err)
}

// PutUserPermissionsBoundary sets the policy that bounds a user.
func (s *Service) PutUserPermissionsBoundary(_ context.Context, in *iam.PutUserPermissionsBoundaryInput, _ ...func(*iam.Options)) (*iam.PutUserPermissionsBoundaryOutput, error) {
	_, err := s.changeUser(in.UserName, func(tx *store.Tx, u *user) (err error) {
		u.Desc.PermissionsBoundary, err = s.boundary(tx, in.PermissionsBoundary)
		return err
	})
	return answer(&iam.PutUserPermissionsBoundaryOutput{}, err)
}

// DeleteUserPermissionsBoundary takes the bound off a user.
func (s *Service) DeleteUserPermissionsBoundary(_ context.Context, in *iam.DeleteUserPermissionsBoundaryInput, _ ...func(*iam.Options)) (*iam.DeleteUserPermissionsBoundaryOutput, error) {
	_, err := s.changeUser(in.UserName, func(_ *store.Tx, u *user) error {
		if u.Desc.PermissionsBoundary == nil {
			return noSuch("User %s does not have a permissions boundary.", *in.UserName)
		}
		u.Desc.PermissionsBoundary = nil
		return nil
	})
	return answer(&iam.DeleteUserPermissionsBoundaryOutput{}, err)
}
