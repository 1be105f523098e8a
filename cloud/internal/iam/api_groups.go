package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxGroupName = 128

func (s *Service) group(tx *store.Tx, name *string) (group, error) {
	g, ok := s.tables.groups.Get(tx, aws.ToString(name))
	if !ok {
		return g, noSuch("The group with name %s cannot be found.", aws.ToString(name))
	}
	return g, nil
}

// CreateGroup makes a group with nobody in it.
func (s *Service) CreateGroup(_ context.Context, in *iam.CreateGroupInput, _ ...func(*iam.Options)) (*iam.CreateGroupOutput, error) {
	name := aws.ToString(in.GroupName)
	if err := checkName("groupName", name, maxGroupName); err != nil {
		return nil, err
	}
	path, err := pathOf(in.Path)
	if err != nil {
		return nil, err
	}
	g := group{Desc: types.Group{
		Arn: s.arn("group", path, name), GroupName: &name, Path: &path,
		GroupId: aws.String("AGPA" + ids.Upper(17)), CreateDate: s.now(),
	}}
	err = s.Store.Update(func(tx *store.Tx) error {
		for other := range s.tables.groups.All(tx, "") {
			if strings.EqualFold(other, name) {
				return exists("Group with name %s already exists.", name)
			}
		}
		s.tables.groups.Put(tx, name, g)
		return nil
	})
	return answer(&iam.CreateGroupOutput{Group: &g.Desc}, err)
}

// GetGroup returns a group and who is in it.
func (s *Service) GetGroup(_ context.Context, in *iam.GetGroupInput, _ ...func(*iam.Options)) (*iam.GetGroupOutput, error) {
	var g group
	var users []types.User
	var err error
	s.Store.View(func(tx *store.Tx) {
		if g, err = s.group(tx, in.GroupName); err != nil {
			return
		}
		for _, name := range g.Members {
			if u, ok := s.tables.users.Get(tx, name); ok {
				users = append(users, u.Desc)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := cut(users, func(u types.User) string { return *u.UserName }, in.Marker, in.MaxItems)
	return answer(&iam.GetGroupOutput{Group: &g.Desc, Users: part, Marker: next, IsTruncated: next != nil}, err)
}

// ListGroups returns groups by name.
func (s *Service) ListGroups(_ context.Context, in *iam.ListGroupsInput, _ ...func(*iam.Options)) (*iam.ListGroupsOutput, error) {
	all := s.groupsWhere(func(g group) bool { return strings.HasPrefix(*g.Desc.Path, aws.ToString(in.PathPrefix)) })
	part, next, err := cut(all, func(g types.Group) string { return *g.GroupName }, in.Marker, in.MaxItems)
	return answer(&iam.ListGroupsOutput{Groups: part, Marker: next, IsTruncated: next != nil}, err)
}

func (s *Service) groupsWhere(want func(group) bool) (out []types.Group) {
	s.Store.View(func(tx *store.Tx) {
		for _, g := range s.tables.groups.All(tx, "") {
			if want(g) {
				out = append(out, g.Desc)
			}
		}
	})
	return out
}

// ListGroupsForUser returns the groups that a user is in.
func (s *Service) ListGroupsForUser(_ context.Context, in *iam.ListGroupsForUserInput, _ ...func(*iam.Options)) (*iam.ListGroupsForUserOutput, error) {
	var err error
	s.Store.View(func(tx *store.Tx) { _, err = s.user(tx, in.UserName) })
	if err != nil {
		return nil, err
	}
	all := s.groupsWhere(func(g group) bool { return slices.Contains(g.Members, *in.UserName) })
	part, next, err := cut(all, func(g types.Group) string { return *g.GroupName }, in.Marker, in.MaxItems)
	return answer(&iam.ListGroupsForUserOutput{Groups: part, Marker: next, IsTruncated: next != nil}, err)
}

// UpdateGroup renames or moves a group.
func (s *Service) UpdateGroup(_ context.Context, in *iam.UpdateGroupInput, _ ...func(*iam.Options)) (*iam.UpdateGroupOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		g, err := s.group(tx, in.GroupName)
		if err != nil {
			return err
		}
		name := *in.GroupName
		if in.NewPath != nil {
			if g.Desc.Path, err = ptr(pathOf(in.NewPath)); err != nil {
				return err
			}
		}
		if in.NewGroupName != nil {
			name = *in.NewGroupName
			if err := checkName("newGroupName", name, maxGroupName); err != nil {
				return err
			}
			if _, taken := s.tables.groups.Get(tx, name); taken && name != *in.GroupName {
				return exists("Group with name %s already exists.", name)
			}
		}
		g.Desc.GroupName, g.Desc.Arn = &name, s.arn("group", *g.Desc.Path, name)
		s.tables.groups.Delete(tx, *in.GroupName)
		s.tables.groups.Put(tx, name, g)
		return nil
	})
	return answer(&iam.UpdateGroupOutput{}, err)
}

// DeleteGroup removes a group with nobody in it and no policies.
func (s *Service) DeleteGroup(_ context.Context, in *iam.DeleteGroupInput, _ ...func(*iam.Options)) (*iam.DeleteGroupOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		g, err := s.group(tx, in.GroupName)
		if err != nil {
			return err
		}
		if len(g.Members) > 0 {
			return conflict("Cannot delete entity, must remove users from group first.")
		}
		if err := g.grants.empty(); err != nil {
			return err
		}
		s.tables.groups.Delete(tx, *in.GroupName)
		return nil
	})
	return answer(&iam.DeleteGroupOutput{}, err)
}

// members stores what f makes of a group's members, for a user that exists.
func (s *Service) members(groupName, userName *string, f func([]string) []string) error {
	return s.Store.Update(func(tx *store.Tx) error {
		g, err := s.group(tx, groupName)
		if err != nil {
			return err
		}
		if _, err := s.user(tx, userName); err != nil {
			return err
		}
		g.Members = f(slices.Clone(g.Members))
		s.tables.groups.Put(tx, *groupName, g)
		return nil
	})
}

// AddUserToGroup puts a user into a group; one who is in it is no error.
func (s *Service) AddUserToGroup(_ context.Context, in *iam.AddUserToGroupInput, _ ...func(*iam.Options)) (*iam.AddUserToGroupOutput, error) {
	err := s.members(in.GroupName, in.UserName, func(m []string) []string {
		if slices.Contains(m, *in.UserName) {
			return m
		}
		return append(m, *in.UserName)
	})
	return answer(&iam.AddUserToGroupOutput{}, err)
}

// RemoveUserFromGroup takes a user out of a group.
func (s *Service) RemoveUserFromGroup(_ context.Context, in *iam.RemoveUserFromGroupInput, _ ...func(*iam.Options)) (*iam.RemoveUserFromGroupOutput, error) {
	err := s.members(in.GroupName, in.UserName, func(m []string) []string {
		return slices.DeleteFunc(m, func(n string) bool { return n == *in.UserName })
	})
	return answer(&iam.RemoveUserFromGroupOutput{}, err)
}
