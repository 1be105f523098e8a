package iam

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxProfileName = 128

func (s *Service) profile(tx *store.Tx, name *string) (profile, error) {
	p, ok := s.tables.profiles.Get(tx, aws.ToString(name))
	if !ok {
		return p, noSuch("Instance Profile %s cannot be found.", aws.ToString(name))
	}
	return p, nil
}

// changeProfile stores what f makes of an instance profile.
func (s *Service) changeProfile(name *string, f func(*store.Tx, *profile) error) error {
	return s.Store.Update(func(tx *store.Tx) error {
		p, err := s.profile(tx, name)
		if err != nil {
			return err
		}
		if err := f(tx, &p); err != nil {
			return err
		}
		s.tables.profiles.Put(tx, *name, p)
		return nil
	})
}

func (s *Service) describeProfile(tx *store.Tx, p profile) types.InstanceProfile {
	d := p.Desc
	d.Roles = []types.Role{}
	if r, ok := s.tables.roles.Get(tx, p.Role); ok {
		d.Roles = append(d.Roles, listedRole(r))
	}
	return d
}

// CreateInstanceProfile makes a profile without a role.
func (s *Service) CreateInstanceProfile(_ context.Context, in *iam.CreateInstanceProfileInput, _ ...func(*iam.Options)) (*iam.CreateInstanceProfileOutput, error) {
	name := aws.ToString(in.InstanceProfileName)
	if err := checkName("instanceProfileName", name, maxProfileName); err != nil {
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
	p := profile{Desc: types.InstanceProfile{
		Arn: s.arn("instance-profile", path, name), InstanceProfileName: &name, Path: &path,
		InstanceProfileId: aws.String("AIPA" + ids.Upper(17)), CreateDate: s.now(), Tags: tags, Roles: []types.Role{},
	}}
	err = s.Store.Update(func(tx *store.Tx) error {
		for other := range s.tables.profiles.All(tx, "") {
			if strings.EqualFold(other, name) {
				return exists("Instance Profile %s already exists.", name)
			}
		}
		s.tables.profiles.Put(tx, name, p)
		return nil
	})
	return answer(&iam.CreateInstanceProfileOutput{InstanceProfile: &p.Desc}, err)
}

// GetInstanceProfile returns a profile with its role.
func (s *Service) GetInstanceProfile(_ context.Context, in *iam.GetInstanceProfileInput, _ ...func(*iam.Options)) (*iam.GetInstanceProfileOutput, error) {
	var d types.InstanceProfile
	var err error
	s.Store.View(func(tx *store.Tx) {
		var p profile
		if p, err = s.profile(tx, in.InstanceProfileName); err == nil {
			d = s.describeProfile(tx, p)
		}
	})
	return answer(&iam.GetInstanceProfileOutput{InstanceProfile: &d}, err)
}

func (s *Service) profilesWhere(tx *store.Tx, want func(profile) bool) (out []types.InstanceProfile) {
	for _, p := range s.tables.profiles.All(tx, "") {
		if want(p) {
			out = append(out, s.describeProfile(tx, p))
		}
	}
	return out
}

// ListInstanceProfiles returns profiles by name.
func (s *Service) ListInstanceProfiles(_ context.Context, in *iam.ListInstanceProfilesInput, _ ...func(*iam.Options)) (*iam.ListInstanceProfilesOutput, error) {
	var all []types.InstanceProfile
	s.Store.View(func(tx *store.Tx) {
		all = s.profilesWhere(tx, func(p profile) bool { return strings.HasPrefix(*p.Desc.Path, aws.ToString(in.PathPrefix)) })
	})
	part, next, err := cut(all, func(p types.InstanceProfile) string { return *p.InstanceProfileName }, in.Marker, in.MaxItems)
	return answer(&iam.ListInstanceProfilesOutput{InstanceProfiles: part, Marker: next, IsTruncated: next != nil}, err)
}

// ListInstanceProfilesForRole returns the profiles that have a role.
func (s *Service) ListInstanceProfilesForRole(_ context.Context, in *iam.ListInstanceProfilesForRoleInput, _ ...func(*iam.Options)) (*iam.ListInstanceProfilesForRoleOutput, error) {
	var all []types.InstanceProfile
	var err error
	s.Store.View(func(tx *store.Tx) {
		if _, err = s.role(tx, in.RoleName); err == nil {
			all = s.profilesWhere(tx, func(p profile) bool { return p.Role == *in.RoleName })
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := cut(all, func(p types.InstanceProfile) string { return *p.InstanceProfileName }, in.Marker, in.MaxItems)
	return answer(&iam.ListInstanceProfilesForRoleOutput{InstanceProfiles: part, Marker: next, IsTruncated: next != nil}, err)
}

// AddRoleToInstanceProfile gives a profile its one role.
func (s *Service) AddRoleToInstanceProfile(_ context.Context, in *iam.AddRoleToInstanceProfileInput, _ ...func(*iam.Options)) (*iam.AddRoleToInstanceProfileOutput, error) {
	err := s.changeProfile(in.InstanceProfileName, func(tx *store.Tx, p *profile) error {
		if _, err := s.role(tx, in.RoleName); err != nil {
			return err
		}
		if p.Role != "" {
			return quota("InstanceSessionsPerInstanceProfile", 1)
		}
		p.Role = *in.RoleName
		return nil
	})
	return answer(&iam.AddRoleToInstanceProfileOutput{}, err)
}

// RemoveRoleFromInstanceProfile takes the role off a profile.
func (s *Service) RemoveRoleFromInstanceProfile(_ context.Context, in *iam.RemoveRoleFromInstanceProfileInput, _ ...func(*iam.Options)) (*iam.RemoveRoleFromInstanceProfileOutput, error) {
	err := s.changeProfile(in.InstanceProfileName, func(_ *store.Tx, p *profile) error {
		if p.Role != aws.ToString(in.RoleName) || p.Role == "" {
			return noSuch("The role with name %s cannot be found.", aws.ToString(in.RoleName))
		}
		p.Role = ""
		return nil
	})
	return answer(&iam.RemoveRoleFromInstanceProfileOutput{}, err)
}

// DeleteInstanceProfile removes a profile that has no role.
func (s *Service) DeleteInstanceProfile(_ context.Context, in *iam.DeleteInstanceProfileInput, _ ...func(*iam.Options)) (*iam.DeleteInstanceProfileOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		p, err := s.profile(tx, in.InstanceProfileName)
		if err != nil {
			return err
		}
		if p.Role != "" {
			return conflict("Cannot delete entity, must remove roles from instance profile first.")
		}
		s.tables.profiles.Delete(tx, *in.InstanceProfileName)
		return nil
	})
	return answer(&iam.DeleteInstanceProfileOutput{}, err)
}
