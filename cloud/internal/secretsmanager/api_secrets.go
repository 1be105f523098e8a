package secretsmanager

import (
	"context"
	"crypto/rand"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// CreateSecret makes a secret, with its first version if a value is given.
func (s *Service) CreateSecret(_ context.Context, in *sm.CreateSecretInput, _ ...func(*sm.Options)) (*sm.CreateSecretOutput, error) {
	v := value{in.SecretString, in.SecretBinary, in.ClientRequestToken}
	name := aws.ToString(in.Name)
	switch {
	case !secretName.MatchString(name) || len(name) > 512:
		return nil, malformed("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
	case len(in.AddReplicaRegions) > 0:
		return nil, invalid("There is no other region to replicate to.")
	}
	if err := v.check(false); err != nil {
		return nil, err
	}
	var x secret
	var id string
	err := s.Store.Update(func(tx *store.Tx) error {
		old, err := s.find(tx, name)
		switch {
		case err == nil && old.Deleted != nil:
			return &types.InvalidRequestException{Message: aws.String("You can't create this secret because a secret with this name is already scheduled for deletion.")}
		case err == nil:
			return s.createdBefore(&old, v, &x, &id)
		}
		x = secret{
			Name: name, ARN: s.Place.Of("secretsmanager", "secret:"+name+"-"+ids.Upper(6)),
			Description: in.Description, KeyID: in.KmsKeyId, Tags: in.Tags, Created: s.now(), Changed: s.now(),
		}
		if v.text != nil || v.binary != nil {
			if id, err = s.push(&x, v); err != nil {
				return err
			}
		}
		s.secrets.Put(tx, name, x)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := &sm.CreateSecretOutput{ARN: &x.ARN, Name: &x.Name}
	if id != "" {
		out.VersionId = &id
	}
	return out, nil
}

// createdBefore answers a call that has made its secret already, and refuses another one.
func (s *Service) createdBefore(old *secret, v value, x *secret, id *string) error {
	if v.token != nil && old.index(*v.token, "") >= 0 {
		if _, err := s.push(old, v); err == nil {
			*x, *id = *old, *v.token
			return nil
		}
	}
	return &types.ResourceExistsException{Message: aws.String("The operation failed because the secret " + old.Name + " already exists.")}
}

// UpdateSecret changes a secret's description and key, and adds a version if a value is given.
func (s *Service) UpdateSecret(_ context.Context, in *sm.UpdateSecretInput, _ ...func(*sm.Options)) (*sm.UpdateSecretOutput, error) {
	v := value{in.SecretString, in.SecretBinary, in.ClientRequestToken}
	if err := v.check(false); err != nil {
		return nil, err
	}
	var id string
	x, err := s.edit(in.SecretId, func(x *secret) (err error) {
		if in.Description != nil {
			x.Description = in.Description
		}
		if in.KmsKeyId != nil {
			x.KeyID = in.KmsKeyId
		}
		if v.text != nil || v.binary != nil {
			id, err = s.push(x, v)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &sm.UpdateSecretOutput{ARN: &x.ARN, Name: &x.Name}
	if id != "" {
		out.VersionId = &id
	}
	return out, nil
}

// DescribeSecret tells of a secret, without its value.
func (s *Service) DescribeSecret(_ context.Context, in *sm.DescribeSecretInput, _ ...func(*sm.Options)) (*sm.DescribeSecretOutput, error) {
	var x secret
	var err error
	s.Store.View(func(tx *store.Tx) { x, err = s.find(tx, aws.ToString(in.SecretId)) })
	if err != nil {
		return nil, err
	}
	return &sm.DescribeSecretOutput{
		ARN: &x.ARN, Name: &x.Name, Description: x.Description, KmsKeyId: x.KeyID, Tags: x.Tags, VersionIdsToStages: x.stages(),
		CreatedDate: &x.Created, LastChangedDate: &x.Changed, DeletedDate: x.Deleted,
	}, nil
}

const usual = 100

// ListSecrets lists secrets by name; those marked for deletion only when asked for.
func (s *Service) ListSecrets(_ context.Context, in *sm.ListSecretsInput, _ ...func(*sm.Options)) (*sm.ListSecretsOutput, error) {
	var all []secret
	s.Store.View(func(tx *store.Tx) {
		for name := range s.secrets.All(tx, "") {
			x, err := s.find(tx, name)
			if err == nil && (x.Deleted == nil || aws.ToBool(in.IncludePlannedDeletion)) && matches(&x, in.Filters) {
				all = append(all, x)
			}
		}
	})
	limit := usual
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	part, next, err := page.Cut(all, func(x secret) string { return x.Name }, aws.ToString(in.NextToken), limit)
	if err != nil {
		return nil, &types.InvalidNextTokenException{Message: aws.String("The NextToken is invalid.")}
	}
	out := &sm.ListSecretsOutput{SecretList: []types.SecretListEntry{}}
	if next != "" {
		out.NextToken = &next
	}
	for _, x := range part {
		out.SecretList = append(out.SecretList, types.SecretListEntry{
			ARN: &x.ARN, Name: &x.Name, Description: x.Description, KmsKeyId: x.KeyID, Tags: x.Tags, SecretVersionsToStages: x.stages(),
			CreatedDate: &x.Created, LastChangedDate: &x.Changed, DeletedDate: x.Deleted,
		})
	}
	return out, nil
}

// matches tells whether a secret passes all filters: prefixes of what their key names.
func matches(x *secret, filters []types.Filter) bool {
	for _, f := range filters {
		var have []string
		switch f.Key {
		case types.FilterNameStringTypeName:
			have = []string{x.Name}
		case types.FilterNameStringTypeDescription:
			have = []string{aws.ToString(x.Description)}
		case types.FilterNameStringTypeTagKey, types.FilterNameStringTypeTagValue:
			for _, t := range x.Tags {
				if f.Key == types.FilterNameStringTypeTagKey {
					have = append(have, aws.ToString(t.Key))
				} else {
					have = append(have, aws.ToString(t.Value))
				}
			}
		default:
			have = []string{x.Name, aws.ToString(x.Description)}
		}
		if !slices.ContainsFunc(f.Values, func(want string) bool {
			return slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(strings.ToLower(h), strings.ToLower(want)) })
		}) {
			return false
		}
	}
	return true
}

// The recovery window, in days.
const (
	leastWindow = 7
	usualWindow = 30
)

// DeleteSecret marks a secret for deletion, or deletes it at once.
func (s *Service) DeleteSecret(_ context.Context, in *sm.DeleteSecretInput, _ ...func(*sm.Options)) (*sm.DeleteSecretOutput, error) {
	force, days := aws.ToBool(in.ForceDeleteWithoutRecovery), int64(usualWindow)
	switch w := in.RecoveryWindowInDays; {
	case w != nil && force:
		return nil, invalid("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case w != nil && (*w < leastWindow || *w > usualWindow):
		return nil, invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	case w != nil:
		days = *w
	}
	now := s.now()
	out := &sm.DeleteSecretOutput{DeletionDate: &now}
	err := s.Store.Update(func(tx *store.Tx) error {
		x, err := s.find(tx, aws.ToString(in.SecretId))
		if err != nil {
			return err
		}
		out.ARN, out.Name = &x.ARN, &x.Name
		if force {
			s.secrets.Delete(tx, x.Name)
			return nil
		}
		if x.Deleted != nil {
			return marked()
		}
		gone := now.Add(time.Duration(days) * 24 * time.Hour)
		x.Deleted, x.Gone, out.DeletionDate = &now, &gone, &gone
		s.secrets.Put(tx, x.Name, x)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RestoreSecret takes the mark for deletion away.
func (s *Service) RestoreSecret(_ context.Context, in *sm.RestoreSecretInput, _ ...func(*sm.Options)) (*sm.RestoreSecretOutput, error) {
	out := &sm.RestoreSecretOutput{}
	return out, s.Store.Update(func(tx *store.Tx) error {
		x, err := s.find(tx, aws.ToString(in.SecretId))
		if err != nil {
			return err
		}
		x.Deleted, x.Gone = nil, nil
		s.secrets.Put(tx, x.Name, x)
		out.ARN, out.Name = &x.ARN, &x.Name
		return nil
	})
}

// TagResource sets tags.
func (s *Service) TagResource(_ context.Context, in *sm.TagResourceInput, _ ...func(*sm.Options)) (*sm.TagResourceOutput, error) {
	_, err := s.edit(in.SecretId, func(x *secret) error {
		for _, t := range in.Tags {
			x.Tags = append(slices.DeleteFunc(x.Tags, func(o types.Tag) bool { return aws.ToString(o.Key) == aws.ToString(t.Key) }), t)
		}
		if len(x.Tags) > 50 {
			return invalid("A secret has at most 50 tags.")
		}
		return nil
	})
	return &sm.TagResourceOutput{}, err
}

// UntagResource takes tags away.
func (s *Service) UntagResource(_ context.Context, in *sm.UntagResourceInput, _ ...func(*sm.Options)) (*sm.UntagResourceOutput, error) {
	_, err := s.edit(in.SecretId, func(x *secret) error {
		x.Tags = slices.DeleteFunc(x.Tags, func(o types.Tag) bool { return slices.Contains(in.TagKeys, aws.ToString(o.Key)) })
		return nil
	})
	return &sm.UntagResourceOutput{}, err
}

// PutResourcePolicy keeps a policy.
func (s *Service) PutResourcePolicy(_ context.Context, in *sm.PutResourcePolicyInput, _ ...func(*sm.Options)) (*sm.PutResourcePolicyOutput, error) {
	x, err := s.edit(in.SecretId, func(x *secret) error { x.Policy = in.ResourcePolicy; return nil })
	return &sm.PutResourcePolicyOutput{ARN: &x.ARN, Name: &x.Name}, err
}

// GetResourcePolicy gives the policy back.
func (s *Service) GetResourcePolicy(_ context.Context, in *sm.GetResourcePolicyInput, _ ...func(*sm.Options)) (*sm.GetResourcePolicyOutput, error) {
	var x secret
	var err error
	s.Store.View(func(tx *store.Tx) { x, err = s.live(tx, in.SecretId) })
	return &sm.GetResourcePolicyOutput{ARN: &x.ARN, Name: &x.Name, ResourcePolicy: x.Policy}, err
}

// DeleteResourcePolicy forgets the policy.
func (s *Service) DeleteResourcePolicy(_ context.Context, in *sm.DeleteResourcePolicyInput, _ ...func(*sm.Options)) (*sm.DeleteResourcePolicyOutput, error) {
	x, err := s.edit(in.SecretId, func(x *secret) error { x.Policy = nil; return nil })
	return &sm.DeleteResourcePolicyOutput{ARN: &x.ARN, Name: &x.Name}, err
}

// alphabets are what random passwords are made of.
var alphabets = map[string]string{
	"lower": "abcdefghijklmnopqrstuvwxyz", "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "digit": "0123456789",
	"punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "space": " ",
}

// GetRandomPassword makes a password; each kind of character occurs unless told otherwise.
func (s *Service) GetRandomPassword(_ context.Context, in *sm.GetRandomPasswordInput, _ ...func(*sm.Options)) (*sm.GetRandomPasswordOutput, error) {
	length := int64(32)
	if in.PasswordLength != nil {
		length = *in.PasswordLength
	}
	off := map[string]*bool{"lower": in.ExcludeLowercase, "upper": in.ExcludeUppercase, "digit": in.ExcludeNumbers, "punctuation": in.ExcludePunctuation}
	var kinds []string
	for _, name := range slices.Sorted(maps.Keys(alphabets)) {
		wanted := !aws.ToBool(off[name])
		if name == "space" {
			wanted = aws.ToBool(in.IncludeSpace)
		}
		kind := strings.Map(func(r rune) rune {
			if strings.ContainsRune(aws.ToString(in.ExcludeCharacters), r) {
				return -1
			}
			return r
		}, alphabets[name])
		if wanted && kind != "" {
			kinds = append(kinds, kind)
		}
	}
	if len(kinds) == 0 || length < int64(len(kinds)) || length > 4096 {
		return nil, invalid("The password length %d does not allow one character of each of %d kinds.", length, len(kinds))
	}
	all := strings.Join(kinds, "")
	b := make([]byte, length)
	for i := range b {
		from := all
		if i < len(kinds) && (in.RequireEachIncludedType == nil || *in.RequireEachIncludedType) {
			from = kinds[i]
		}
		b[i] = from[number(len(from))]
	}
	for i := range b { // the required ones do not stand in front
		j := number(len(b))
		b[i], b[j] = b[j], b[i]
	}
	return &sm.GetRandomPasswordOutput{RandomPassword: aws.String(string(b))}, nil
}

// number is a random number below n.
func number(n int) int {
	x, _ := rand.Int(rand.Reader, big.NewInt(int64(n))) // never fails
	return int(x.Int64())
}
