package awsclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// WebIdentity is the variable that holds an identity token itself, for CI systems that
// pass one in the environment (GitLab's id_tokens); AWS_WEB_IDENTITY_TOKEN_FILE names a
// file of one and is the SDK's own.
const WebIdentity = "TURNOUT_WEB_IDENTITY_TOKEN"

// Role is a role to act as.
type Role struct {
	ARN      string
	Session  string // name of the session, as CloudTrail shows it; "" for turnout
	Audience string // of the identity token; "" for sts.amazonaws.com
	// Mask is told of every secret before it is used; nil for nobody.
	Mask func(string)
}

// early is how long before their end credentials are replaced.
const early = 5 * time.Minute

// assume gives cfg the role's credentials: by an identity token where the job has one,
// else by the credentials that cfg has. Nothing is written to disk, and they are renewed,
// with a fresh token, for as long as the process runs.
func (r Role) assume(cfg *aws.Config) {
	if r.Session == "" {
		r.Session = "turnout"
	}
	if r.Audience == "" {
		r.Audience = "sts.amazonaws.com"
	}
	if r.Mask == nil {
		r.Mask = func(string) {}
	}
	client := sts.NewFromConfig(*cfg)
	var p aws.CredentialsProvider
	if os.Getenv(WebIdentity) != "" || os.Getenv(TokenBearer) != "" {
		p = stscreds.NewWebIdentityRoleProvider(client, r.ARN, tokens(r), func(o *stscreds.WebIdentityRoleOptions) { o.RoleSessionName = r.Session })
	} else {
		p = stscreds.NewAssumeRoleProvider(client, r.ARN, func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = r.Session })
	}
	cfg.Credentials = aws.NewCredentialsCache(r.masked(p), func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = early })
}

// masked tells Mask of credentials before anybody uses them.
func (r Role) masked(p aws.CredentialsProvider) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		c, err := p.Retrieve(ctx)
		if err != nil {
			return c, fmt.Errorf("assume %s: %w", r.ARN, err)
		}
		r.Mask(c.SecretAccessKey)
		r.Mask(c.SessionToken)
		return c, nil
	})
}

// tokens gets identity tokens for the SDK.
type tokens Role

// attempts to get a token, since a runner's endpoint fails now and then.
const attempts = 5

// GetIdentityToken is what the SDK calls for every session.
func (t tokens) GetIdentityToken() ([]byte, error) {
	if token := os.Getenv(WebIdentity); token != "" {
		t.Mask(token)
		return []byte(token), nil
	}
	for n := 1; ; n++ {
		token, err := GitHubToken(context.Background(), os.Getenv, t.Audience)
		switch {
		case err == nil:
			t.Mask(token)
			return []byte(token), nil
		case n == attempts, errors.Is(err, ErrNoIdentity):
			return nil, err
		}
		time.Sleep(time.Duration(n*n) * 100 * time.Millisecond)
	}
}
