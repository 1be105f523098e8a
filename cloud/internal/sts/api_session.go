package sts

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

const (
	defaultToken  = 12 * time.Hour
	maxToken      = 36 * time.Hour
	longestOfRoot = time.Hour
)

// GetSessionToken gives temporary keys to a user for itself. They do what the user may, but
// for IAM's API, unless a second factor was shown, and all of STS's but AssumeRole and
// GetCallerIdentity.
func (s *Service) GetSessionToken(ctx context.Context, in *sts.GetSessionTokenInput, _ ...func(*sts.Options)) (*sts.GetSessionTokenOutput, error) {
	c := identity.From(ctx)
	if c.Kind == identity.Role || c.Own {
		return nil, denied("Cannot call GetSessionToken with session credentials")
	}
	if c.ARN == "" {
		c = identity.Caller{Kind: identity.Root, ARN: s.Place.Global("iam", "root"), UserID: s.Place.Account}
	}
	var err error
	if c.MFA, err = s.secondFactor(ctx, c, in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	c.Own = true
	ttl := defaultToken
	if in.DurationSeconds != nil {
		ttl = time.Duration(*in.DurationSeconds) * time.Second
	}
	if ttl < minSession || ttl > maxToken {
		return nil, validation("1 validation error detected: Value '%d' at 'durationSeconds' failed to satisfy constraint: "+
			"Member must have value between %d and %d", *in.DurationSeconds, int(minSession.Seconds()), int(maxToken.Seconds()))
	}
	if c.Kind == identity.Root {
		ttl = min(ttl, longestOfRoot)
	}
	keys, err := s.Keys.Issue(ctx, c, ttl)
	if err != nil {
		return nil, err
	}
	return &sts.GetSessionTokenOutput{Credentials: keys}, nil
}
