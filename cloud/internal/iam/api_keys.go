package iam

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxKeys = 2

// keyOwner is the user that a call about keys is for; "" for the root user.
func (s *Service) keyOwner(ctx context.Context, tx *store.Tx, given *string) (string, error) {
	name, err := s.userName(ctx, given)
	if err != nil || *name == "" {
		return "", err
	}
	_, err = s.user(tx, name)
	return *name, err
}

// CreateAccessKey makes a key for a user, or for the caller. Only this answer has the secret.
func (s *Service) CreateAccessKey(ctx context.Context, in *iam.CreateAccessKeyInput, _ ...func(*iam.Options)) (*iam.CreateAccessKeyOutput, error) {
	id := "AKIA" + ids.Upper(16)
	k := accessKey{Secret: ids.Secret(40), Status: types.StatusTypeActive, Created: *s.now()}
	err := s.Store.Update(func(tx *store.Tx) (err error) {
		if k.User, err = s.keyOwner(ctx, tx, in.UserName); err != nil {
			return err
		}
		n := 0
		for _, other := range s.tables.keys.All(tx, "") {
			if other.User == k.User {
				n++
			}
		}
		if n >= maxKeys {
			return quota("AccessKeysPerUser", maxKeys)
		}
		s.tables.keys.Put(tx, id, k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &iam.CreateAccessKeyOutput{AccessKey: &types.AccessKey{
		AccessKeyId: &id, SecretAccessKey: &k.Secret, Status: k.Status, UserName: &k.User, CreateDate: &k.Created,
	}}, nil
}

// ListAccessKeys returns a user's keys, or the caller's, without their secrets.
func (s *Service) ListAccessKeys(ctx context.Context, in *iam.ListAccessKeysInput, _ ...func(*iam.Options)) (*iam.ListAccessKeysOutput, error) {
	var all []types.AccessKeyMetadata
	var err error
	s.Store.View(func(tx *store.Tx) {
		var owner string
		if owner, err = s.keyOwner(ctx, tx, in.UserName); err != nil {
			return
		}
		for id, k := range s.tables.keys.All(tx, "") {
			if k.User == owner {
				all = append(all, types.AccessKeyMetadata{
					AccessKeyId: aws.String(id), Status: k.Status, UserName: aws.String(k.User), CreateDate: aws.Time(k.Created),
				})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := cut(all, func(k types.AccessKeyMetadata) string { return *k.AccessKeyId }, in.Marker, in.MaxItems)
	return answer(&iam.ListAccessKeysOutput{AccessKeyMetadata: part, Marker: next, IsTruncated: next != nil}, err)
}

// key finds a user's key.
func (s *Service) key(ctx context.Context, tx *store.Tx, userName, id *string) (accessKey, error) {
	owner, err := s.keyOwner(ctx, tx, userName)
	if err != nil {
		return accessKey{}, err
	}
	k, ok := s.tables.keys.Get(tx, aws.ToString(id))
	if !ok || k.User != owner {
		return k, noSuch("The Access Key with id %s cannot be found.", aws.ToString(id))
	}
	return k, nil
}

// UpdateAccessKey makes a key active or inactive.
func (s *Service) UpdateAccessKey(ctx context.Context, in *iam.UpdateAccessKeyInput, _ ...func(*iam.Options)) (*iam.UpdateAccessKeyOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		k, err := s.key(ctx, tx, in.UserName, in.AccessKeyId)
		if err != nil {
			return err
		}
		k.Status = in.Status
		s.tables.keys.Put(tx, *in.AccessKeyId, k)
		return nil
	})
	return answer(&iam.UpdateAccessKeyOutput{}, err)
}

// DeleteAccessKey removes a key; whoever signs with it is refused from now on.
func (s *Service) DeleteAccessKey(ctx context.Context, in *iam.DeleteAccessKeyInput, _ ...func(*iam.Options)) (*iam.DeleteAccessKeyOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		if _, err := s.key(ctx, tx, in.UserName, in.AccessKeyId); err != nil {
			return err
		}
		s.tables.keys.Delete(tx, *in.AccessKeyId)
		return nil
	})
	return answer(&iam.DeleteAccessKeyOutput{}, err)
}

// GetAccessKeyLastUsed tells when, where and for what a key signed last.
func (s *Service) GetAccessKeyLastUsed(_ context.Context, in *iam.GetAccessKeyLastUsedInput, _ ...func(*iam.Options)) (*iam.GetAccessKeyLastUsedOutput, error) {
	id := aws.ToString(in.AccessKeyId)
	var k accessKey
	var ok bool
	s.Store.View(func(tx *store.Tx) { k, ok = s.tables.keys.Get(tx, id) })
	if !ok {
		return nil, noSuch("The Access Key with id %s cannot be found.", id)
	}
	last := &types.AccessKeyLastUsed{Region: aws.String("N/A"), ServiceName: aws.String("N/A")}
	s.usedMu.Lock()
	defer s.usedMu.Unlock()
	if u, used := s.used[id]; used {
		last = &types.AccessKeyLastUsed{
			Region: aws.String(s.Place.Region), ServiceName: aws.String(u.service), LastUsedDate: aws.Time(u.at.UTC().Truncate(0)),
		}
	}
	return &iam.GetAccessKeyLastUsedOutput{UserName: &k.User, AccessKeyLastUsed: last}, nil
}
