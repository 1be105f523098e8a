package sts

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
)

// AssumeRole gives keys of a role's session to a caller whom the role's trust policy lets in.
func (s *Service) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput, _ ...func(*sts.Options)) (*sts.AssumeRoleOutput, error) {
	caller := identity.From(ctx)
	w := wish{
		roleARN: aws.ToString(in.RoleArn), session: aws.ToString(in.RoleSessionName),
		seconds: in.DurationSeconds, policy: in.Policy, policyARNs: in.PolicyArns, tags: in.Tags,
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	r, err := s.role(ctx, w.roleARN)
	if err != nil {
		return nil, err
	}
	req := policy.Request{Action: "sts:AssumeRole", Resource: w.roleARN, Context: assumeContext(in)}
	if r == nil || !s.trusts(r, caller, req) {
		return nil, denied("%s", policy.Decision{Layer: policy.LayerTrust}.Refusal(caller.ARN, &req))
	}
	for action, asked := range map[string]bool{"sts:TagSession": len(in.Tags) > 0, "sts:SetSourceIdentity": in.SourceIdentity != nil} {
		req.Action = action
		if asked && !s.trusts(r, caller, req) {
			return nil, denied("%s", policy.Decision{Layer: policy.LayerTrust}.Refusal(caller.ARN, &req))
		}
	}
	if caller.Kind == identity.Role && w.duration() > chained {
		return nil, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	out, err := s.grant(ctx, r, w)
	if err != nil {
		return nil, err
	}
	return &sts.AssumeRoleOutput{
		Credentials: out.keys, AssumedRoleUser: out.user, SessionTokenSize: out.size, SessionTokenUtilization: out.used, SourceIdentity: in.SourceIdentity,
	}, nil
}

// chained is the longest session of a role that was assumed by a role.
const chained = time.Hour

func assumeContext(in *sts.AssumeRoleInput) map[string][]string {
	c := map[string][]string{"sts:rolesessionname": {aws.ToString(in.RoleSessionName)}}
	if in.ExternalId != nil {
		c["sts:externalid"] = []string{*in.ExternalId}
	}
	if in.SourceIdentity != nil {
		c["sts:sourceidentity"] = []string{*in.SourceIdentity}
	}
	for _, t := range in.Tags {
		c["aws:requesttag/"+strings.ToLower(aws.ToString(t.Key))] = []string{aws.ToString(t.Value)}
		c["aws:tagkeys"] = append(c["aws:tagkeys"], aws.ToString(t.Key))
	}
	if len(in.TransitiveTagKeys) > 0 {
		c["sts:transitivetagkeys"] = in.TransitiveTagKeys
	}
	return c
}

// trusts asks a role's trust policy.
func (s *Service) trusts(r *role, caller identity.Caller, req policy.Request) bool {
	return s.Keys.Decide(caller, req, &policy.Source{ID: "trust policy", Document: r.trust}, true).Allowed()
}

// AssumeFor is how a service of the cloud takes on a role: service is its principal
// ("codedeploy.amazonaws.com"), session the session's name. The caller that it returns may
// do what the role may. The error is what the service's own API should tell of.
func (s *Service) AssumeFor(ctx context.Context, roleARN, service, session string) (identity.Caller, error) {
	who := identity.Caller{Kind: identity.Service, Service: service, ARN: service}
	req := policy.Request{Action: "sts:AssumeRole", Resource: roleARN}
	r, err := s.role(ctx, roleARN)
	if err != nil {
		return identity.Caller{}, err
	}
	if r == nil || !s.trusts(r, who, req) {
		return identity.Caller{}, denied("%s", policy.Decision{Layer: policy.LayerTrust}.Refusal(service, &req))
	}
	return s.caller(r, session), nil
}

// KeysFor is AssumeFor with keys that a task or function can sign with.
func (s *Service) KeysFor(ctx context.Context, roleARN, service, session string, ttl time.Duration) (*types.Credentials, error) {
	c, err := s.AssumeFor(ctx, roleARN, service, session)
	if err != nil {
		return nil, err
	}
	return s.Keys.Issue(ctx, c, ttl)
}
