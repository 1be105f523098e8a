package iam

import (
	"cmp"
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxRoleName = 64
	minSession  = 3600
	maxSession  = 43200
)

// CreateRole makes a role with its trust policy.
func (s *Service) CreateRole(_ context.Context, in *iam.CreateRoleInput, _ ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	name := aws.ToString(in.RoleName)
	if err := checkName("roleName", name, maxRoleName); err != nil {
		return nil, err
	}
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	r := role{Desc: types.Role{
		Arn: s.arn("role", path, name), RoleName: &name, Path: &path,
		RoleId:                   aws.String("AROA" + ids.Upper(17)),
		CreateDate:               s.now(),
		AssumeRolePolicyDocument: in.AssumeRolePolicyDocument,
		Description:              in.Description,
		MaxSessionDuration:       cmp.Or(in.MaxSessionDuration, aws.Int32(minSession)),
		Tags:                     tags,
	}}
	err = s.Store.Update(func(tx *store.Tx) error {
		for other := range s.tables.roles.All(tx, "") {
			if strings.EqualFold(other, name) {
				return exists("Role with name %s already exists.", name)
			}
		}
		if err := checkSessionDuration(r.Desc.MaxSessionDuration); err != nil {
			return err
		}
		if err := s.checkTrust(tx, aws.ToString(in.AssumeRolePolicyDocument)); err != nil {
			return err
		}
		if r.Desc.PermissionsBoundary, err = s.boundary(tx, in.PermissionsBoundary); err != nil {
			return err
		}
		s.tables.roles.Put(tx, name, r)
		return nil
	})
	return answer(&iam.CreateRoleOutput{Role: describeRole(r)}, err)
}

func checkSessionDuration(d *int32) error {
	if n := aws.ToInt32(d); n < minSession || n > maxSession {
		return validation("1 validation error detected: Value '%d' at 'maxSessionDuration' failed to satisfy constraint: "+
			"Member must have value between %d and %d", n, minSession, maxSession)
	}
	return nil
}

// describeRole is a role as the API returns it whole.
func describeRole(r role) *types.Role {
	d := r.Desc
	d.AssumeRolePolicyDocument = encoded(aws.ToString(d.AssumeRolePolicyDocument))
	d.RoleLastUsed = &types.RoleLastUsed{}
	return &d
}

// listedRole is a role in lists, which leave tags, boundary and last use out.
func listedRole(r role) types.Role {
	d := *describeRole(r)
	d.Tags, d.PermissionsBoundary, d.RoleLastUsed = nil, nil, nil
	return d
}

// GetRole returns a role.
func (s *Service) GetRole(_ context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	var r role
	var err error
	s.Store.View(func(tx *store.Tx) { r, err = s.role(tx, in.RoleName) })
	return answer(&iam.GetRoleOutput{Role: describeRole(r)}, err)
}

func (s *Service) role(tx *store.Tx, name *string) (role, error) {
	r, ok := s.tables.roles.Get(tx, aws.ToString(name))
	if !ok {
		return r, noSuch("The role with name %s cannot be found.", aws.ToString(name))
	}
	return r, nil
}

// changeRole stores what f makes of a role that is not a service's own.
func (s *Service) changeRole(name *string, f func(*store.Tx, *role) error) (r role, err error) {
	err = s.Store.Update(func(tx *store.Tx) error {
		if r, err = s.role(tx, name); err != nil {
			return err
		}
		if r.Service != "" {
			return &types.UnmodifiableEntityException{Message: text(
				"Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", *name)}
		}
		if err := f(tx, &r); err != nil {
			return err
		}
		s.tables.roles.Put(tx, *name, r)
		return nil
	})
	return r, err
}

// ListRoles returns roles by name.
func (s *Service) ListRoles(_ context.Context, in *iam.ListRolesInput, _ ...func(*iam.Options)) (*iam.ListRolesOutput, error) {
	var all []types.Role
	s.Store.View(func(tx *store.Tx) {
		for _, r := range s.tables.roles.All(tx, "") {
			if strings.HasPrefix(*r.Desc.Path, aws.ToString(in.PathPrefix)) {
				all = append(all, listedRole(r))
			}
		}
	})
	part, next, err := cut(all, func(r types.Role) string { return *r.RoleName }, in.Marker, in.MaxItems)
	return answer(&iam.ListRolesOutput{Roles: part, Marker: next, IsTruncated: next != nil}, err)
}

// UpdateRole changes the description and the longest session.
func (s *Service) UpdateRole(_ context.Context, in *iam.UpdateRoleInput, _ ...func(*iam.Options)) (*iam.UpdateRoleOutput, error) {
	_, err := s.changeRole(in.RoleName, func(_ *store.Tx, r *role) error {
		r.Desc.Description = cmp.Or(in.Description, r.Desc.Description)
		r.Desc.MaxSessionDuration = cmp.Or(in.MaxSessionDuration, r.Desc.MaxSessionDuration)
		return checkSessionDuration(r.Desc.MaxSessionDuration)
	})
	return answer(&iam.UpdateRoleOutput{}, err)
}

// UpdateRoleDescription is what there was before UpdateRole.
func (s *Service) UpdateRoleDescription(_ context.Context, in *iam.UpdateRoleDescriptionInput, _ ...func(*iam.Options)) (*iam.UpdateRoleDescriptionOutput, error) {
	r, err := s.changeRole(in.RoleName, func(_ *store.Tx, r *role) error {
		r.Desc.Description = in.Description
		return nil
	})
	return answer(&iam.UpdateRoleDescriptionOutput{Role: describeRole(r)}, err)
}

// UpdateAssumeRolePolicy replaces a role's trust policy.
func (s *Service) UpdateAssumeRolePolicy(_ context.Context, in *iam.UpdateAssumeRolePolicyInput, _ ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error) {
	_, err := s.changeRole(in.RoleName, func(tx *store.Tx, r *role) error {
		r.Desc.AssumeRolePolicyDocument = in.PolicyDocument
		return s.checkTrust(tx, aws.ToString(in.PolicyDocument))
	})
	return answer(&iam.UpdateAssumeRolePolicyOutput{}, err)
}

// DeleteRole removes a role that has no policies and is in no instance profile.
func (s *Service) DeleteRole(_ context.Context, in *iam.DeleteRoleInput, _ ...func(*iam.Options)) (*iam.DeleteRoleOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		r, err := s.role(tx, in.RoleName)
		if err != nil {
			return err
		}
		if r.Service != "" {
			return &types.UnmodifiableEntityException{Message: text(
				"Cannot perform the operation on the protected role '%s' - this role is only modifiable by AWS", *in.RoleName)}
		}
		for _, p := range s.tables.profiles.All(tx, "") {
			if p.Role == *in.RoleName {
				return conflict("Cannot delete entity, must remove roles from instance profile first.")
			}
		}
		if err := r.grants.empty(); err != nil {
			return err
		}
		s.tables.roles.Delete(tx, *in.RoleName)
		return nil
	})
	return answer(&iam.DeleteRoleOutput{}, err)
}
