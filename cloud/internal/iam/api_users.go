package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxUserName = 64

func (s *Service) user(tx *store.Tx, name *string) (user, error) {
	u, ok := s.tables.users.Get(tx, aws.ToString(name))
	if !ok {
		return u, noSuch("The user with name %s cannot be found.", aws.ToString(name))
	}
	return u, nil
}

// changeUser stores what f makes of a user.
func (s *Service) changeUser(name *string, f func(*store.Tx, *user) error) (u user, err error) {
	err = s.Store.Update(func(tx *store.Tx) error {
		if u, err = s.user(tx, name); err != nil {
			return err
		}
		if err := f(tx, &u); err != nil {
			return err
		}
		s.tables.users.Put(tx, *name, u)
		return nil
	})
	return u, err
}

// CreateUser makes a user, with no keys.
func (s *Service) CreateUser(_ context.Context, in *iam.CreateUserInput, _ ...func(*iam.Options)) (*iam.CreateUserOutput, error) {
	name := aws.ToString(in.UserName)
	if err := checkName("userName", name, maxUserName); err != nil {
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
	u := user{Desc: types.User{
		Arn: s.arn("user", path, name), UserName: &name, Path: &path,
		UserId: aws.String("AIDA" + ids.Upper(17)), CreateDate: s.now(), Tags: tags,
	}}
	err = s.Store.Update(func(tx *store.Tx) error {
		for other := range s.tables.users.All(tx, "") {
			if strings.EqualFold(other, name) {
				return exists("User with name %s already exists.", name)
			}
		}
		if u.Desc.PermissionsBoundary, err = s.boundary(tx, in.PermissionsBoundary); err != nil {
			return err
		}
		s.tables.users.Put(tx, name, u)
		return nil
	})
	return answer(&iam.CreateUserOutput{User: &u.Desc}, err)
}

// GetUser returns a user; without a name, the one who calls.
func (s *Service) GetUser(ctx context.Context, in *iam.GetUserInput, _ ...func(*iam.Options)) (*iam.GetUserOutput, error) {
	name, err := s.userName(ctx, in.UserName)
	if err != nil {
		return nil, err
	}
	if *name == "" {
		return &iam.GetUserOutput{User: &types.User{
			Arn: aws.String(s.Place.Global("iam", "root")), UserId: aws.String(s.Place.Account), CreateDate: s.born(),
		}}, nil
	}
	var u user
	s.Store.View(func(tx *store.Tx) { u, err = s.user(tx, name) })
	return answer(&iam.GetUserOutput{User: &u.Desc}, err)
}

// userName is the name that is given, or the caller's; "" for the root user.
func (s *Service) userName(ctx context.Context, given *string) (*string, error) {
	if given != nil {
		return given, nil
	}
	switch c := identity.From(ctx); c.Kind {
	case identity.User:
		return aws.String(arn.Name(c.ARN)), nil
	case identity.Role:
		return nil, validation("Must specify userName when calling with non-User credentials")
	}
	return aws.String(""), nil
}

// ListUsers returns users by name.
func (s *Service) ListUsers(_ context.Context, in *iam.ListUsersInput, _ ...func(*iam.Options)) (*iam.ListUsersOutput, error) {
	var all []types.User
	s.Store.View(func(tx *store.Tx) {
		for _, u := range s.tables.users.All(tx, "") {
			if strings.HasPrefix(*u.Desc.Path, aws.ToString(in.PathPrefix)) {
				u.Desc.Tags, u.Desc.PermissionsBoundary = nil, nil
				all = append(all, u.Desc)
			}
		}
	})
	part, next, err := cut(all, func(u types.User) string { return *u.UserName }, in.Marker, in.MaxItems)
	return answer(&iam.ListUsersOutput{Users: part, Marker: next, IsTruncated: next != nil}, err)
}

// UpdateUser renames or moves a user. Its keys, groups and policies come along.
func (s *Service) UpdateUser(_ context.Context, in *iam.UpdateUserInput, _ ...func(*iam.Options)) (*iam.UpdateUserOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		u, err := s.user(tx, in.UserName)
		if err != nil {
			return err
		}
		old, name := *in.UserName, *in.UserName
		if in.NewPath != nil {
			if u.Desc.Path, err = ptr(pathOf(in.NewPath)); err != nil {
				return err
			}
		}
		if in.NewUserName != nil {
			name = *in.NewUserName
			if err := checkName("newUserName", name, maxUserName); err != nil {
				return err
			}
			if _, taken := s.tables.users.Get(tx, name); taken && name != old {
				return exists("User with name %s already exists.", name)
			}
		}
		u.Desc.UserName, u.Desc.Arn = &name, s.arn("user", *u.Desc.Path, name)
		s.tables.users.Delete(tx, old)
		s.tables.users.Put(tx, name, u)
		s.renameUser(tx, old, name)
		return nil
	})
	return answer(&iam.UpdateUserOutput{}, err)
}

func ptr[T any](v T, err error) (*T, error) { return &v, err }

func (s *Service) renameUser(tx *store.Tx, old, name string) {
	for id, k := range s.tables.keys.All(tx, "") {
		if k.User == old {
			k.User = name
			s.tables.keys.Put(tx, id, k)
		}
	}
	for serial, d := range s.tables.devices.All(tx, "") {
		if d.Owner == old && !d.Enabled.IsZero() {
			d.Owner = name
			s.tables.devices.Put(tx, serial, d)
		}
	}
	for id, g := range s.tables.groups.All(tx, "") {
		if i := slices.Index(g.Members, old); i >= 0 {
			g.Members = slices.Clone(g.Members)
			g.Members[i] = name
			s.tables.groups.Put(tx, id, g)
		}
	}
}

// DeleteUser removes a user that has nothing left.
func (s *Service) DeleteUser(_ context.Context, in *iam.DeleteUserInput, _ ...func(*iam.Options)) (*iam.DeleteUserOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		u, err := s.user(tx, in.UserName)
		if err != nil {
			return err
		}
		name := *in.UserName
		for _, k := range s.tables.keys.All(tx, "") {
			if k.User == name {
				return conflict("Cannot delete entity, must delete access keys first.")
			}
		}
		for _, d := range s.tables.devices.All(tx, "") {
			if d.Owner == name {
				return conflict("Cannot delete entity, must deactivate MFA device first.")
			}
		}
		for _, g := range s.tables.groups.All(tx, "") {
			if slices.Contains(g.Members, name) {
				return conflict("Cannot delete entity, must remove users from group first.")
			}
		}
		if err := u.grants.empty(); err != nil {
			return err
		}
		s.tables.users.Delete(tx, name)
		return nil
	})
	return answer(&iam.DeleteUserOutput{}, err)
}
