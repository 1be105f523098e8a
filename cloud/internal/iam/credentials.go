package iam

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

var _ wire.Credentials = (*Service)(nil)

// Lookup finds an access key, long-lived or temporary, and whose it is. Inactive keys are
// not found; expired ones are, so that the caller is told why.
func (s *Service) Lookup(ctx context.Context, id string) (c wire.Credential, ok bool) {
	temporary := false
	s.Store.View(func(tx *store.Tx) {
		var ses session
		if ses, temporary = s.tables.sessions.Get(tx, id); temporary {
			c, ok = wire.Credential{Secret: ses.Secret, SessionToken: ses.Token, Expires: ses.Expires, Caller: ses.Caller}, true
			return
		}
		k, found := s.tables.keys.Get(tx, id)
		if !found || k.Status != types.StatusTypeActive {
			return
		}
		c.Secret = k.Secret
		c.Caller, ok = s.owner(tx, k)
	})
	if ok && !temporary {
		service, _ := wire.Called(ctx)
		s.usedMu.Lock()
		s.used[id] = lastUse{s.Clock.Now(), service}
		s.usedMu.Unlock()
	}
	return c, ok
}

// owner is whom a long-lived key belongs to.
func (s *Service) owner(tx *store.Tx, k accessKey) (identity.Caller, bool) {
	if k.User == "" {
		return identity.Caller{Kind: identity.Root, ARN: s.Place.Global("iam", "root"), UserID: s.Place.Account}, true
	}
	u, ok := s.tables.users.Get(tx, k.User)
	if !ok {
		return identity.Caller{}, false
	}
	return identity.Caller{
		Kind: identity.User, ARN: *u.Desc.Arn, UserID: *u.Desc.UserId, Tags: tagMap(u.Desc.Tags),
	}, true
}

func tagMap(tags []types.Tag) map[string]string {
	out := make(map[string]string, len(tags))
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

const tokenBytes = 132 // as long as AWS's are, about

// Issue makes temporary keys by which a client is the caller for that long. They survive
// restarts. Keys that are over are forgotten a day later.
func (s *Service) Issue(_ context.Context, caller identity.Caller, ttl time.Duration) (*ststypes.Credentials, error) {
	now := s.Clock.Now()
	caller.Issued = now.Truncate(time.Second)
	row := session{
		Secret:  ids.Secret(40),
		Token:   base64.StdEncoding.EncodeToString([]byte(ids.Secret(tokenBytes))),
		Expires: now.Add(ttl).Truncate(time.Second),
		Caller:  caller,
	}
	id := "ASIA" + ids.Upper(16)
	err := s.Store.Update(func(tx *store.Tx) error {
		for old, r := range s.tables.sessions.All(tx, "") {
			if now.Sub(r.Expires) > 24*time.Hour {
				s.tables.sessions.Delete(tx, old)
			}
		}
		s.tables.sessions.Put(tx, id, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ststypes.Credentials{
		AccessKeyId: &id, SecretAccessKey: &row.Secret, SessionToken: &row.Token, Expiration: &row.Expires,
	}, nil
}
