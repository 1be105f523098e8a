package sts

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
)

// AssumeRoleWithWebIdentity gives keys of a role's session to the bearer of an identity
// provider's token. The call is not signed. What is wrong is told in AWS's order: the
// token's form, its issuer, audience, the provider's keys, signature, expiry; then the
// role's trust policy, which does not tell whether the role exists; then the duration.
func (s *Service) AssumeRoleWithWebIdentity(ctx context.Context, in *sts.AssumeRoleWithWebIdentityInput, _ ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	w := wish{
		roleARN: aws.ToString(in.RoleArn), session: aws.ToString(in.RoleSessionName),
		seconds: in.DurationSeconds, policy: in.Policy, policyARNs: in.PolicyArns,
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	t, provider, err := s.verify(ctx, aws.ToString(in.WebIdentityToken))
	if err != nil {
		return nil, err
	}
	r, err := s.role(ctx, w.roleARN)
	if err != nil {
		return nil, err
	}
	req := policy.Request{
		Action: "sts:AssumeRoleWithWebIdentity", Resource: w.roleARN, Federated: provider,
		Context: t.context(w.session, provider),
	}
	if r == nil || !s.trusts(r, identity.Caller{}, req) {
		return nil, denied("Not authorized to perform sts:AssumeRoleWithWebIdentity")
	}
	w.federated = provider
	out, err := s.grant(ctx, r, w)
	if err != nil {
		return nil, err
	}
	return &sts.AssumeRoleWithWebIdentityOutput{
		Credentials: out.keys, AssumedRoleUser: out.user, SessionTokenSize: out.size, SessionTokenUtilization: out.used,
		SubjectFromWebIdentityToken: aws.String(t.Subject), Provider: aws.String(provider), Audience: aws.String(t.audience()),
	}, nil
}

// verify returns the token's claims and the ARN of the provider that vouches for them.
func (s *Service) verify(ctx context.Context, raw string) (*token, string, error) {
	t, err := readToken(raw)
	if err != nil {
		return nil, "", badToken("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	}
	id := s.Place.Global("iam", "oidc-provider/"+t.host())
	p, err := s.Directory.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &id})
	var none *iamtypes.NoSuchEntityException
	if errors.As(err, &none) {
		return nil, "", badToken("No OpenIDConnect provider found in your account for %s", t.Issuer)
	}
	if err != nil {
		return nil, "", err
	}
	if !slices.ContainsFunc(t.Audience, func(a string) bool { return slices.Contains(p.ClientIDList, a) }) {
		return nil, "", badToken("Incorrect token audience")
	}
	keys, err := s.keys(ctx, t)
	if err != nil {
		s.Log.Warn("the keys of an identity provider cannot be had", "issuer", t.Issuer, "error", err)
		return nil, "", badToken("Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	}
	if !t.signedBy(keys) {
		return nil, "", badToken("Token signature invalid")
	}
	now := s.Clock.Now()
	if exp := t.Expiry.Time(); !now.Before(exp) {
		return nil, "", &types.ExpiredTokenException{Message: aws.String("Token expired: current date/time " +
			seconds(now) + " must be before the expiration date/time " + seconds(exp))}
	}
	if now.Add(tolerance).Before(t.NotBefore.Time()) {
		return nil, "", badToken("Token is not valid yet")
	}
	return t, id, nil
}

// tolerance is how far an issuer's clock may be ahead.
const tolerance = 5 * time.Minute

// context has the condition keys that trust policies ask for: the issuer's name without
// its scheme, a colon, and the claim.
func (t *token) context(session, provider string) map[string][]string {
	prefix := strings.ToLower(t.host()) + ":"
	c := map[string][]string{
		prefix + "aud":          {t.audience()},
		prefix + "sub":          {t.Subject},
		"sts:rolesessionname":   {session},
		"aws:federatedprovider": {provider},
	}
	if len(t.Methods) > 0 {
		c[prefix+"amr"] = t.Methods
	}
	return c
}
