package sts

import (
	"context"
	"slices"
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
		seconds: in.DurationSeconds, policy: in.Policy, policyARNs: in.PolicyArns, tags: in.Tags, transitive: in.TransitiveTagKeys,
		source: aws.ToString(in.SourceIdentity),
	}
	if err := w.check(); err != nil {
		return nil, err
	}
	if err := w.inherit(caller); err != nil {
		return nil, err
	}
	seen, err := s.secondFactor(ctx, caller, in.SerialNumber, in.TokenCode)
	if err != nil {
		return nil, err
	}
	r, err := s.role(ctx, w.roleARN)
	if err != nil {
		return nil, err
	}
	who := caller
	if !seen.IsZero() {
		who.MFA = seen // for the trust policy; the session does not know of it
	}
	if err := s.mayAssume(who, r, w, in); err != nil {
		return nil, err
	}
	if caller.Kind == identity.Role && w.duration() > chained {
		return nil, validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	out, err := s.grant(ctx, r, w)
	if err != nil {
		return nil, err
	}
	o := &sts.AssumeRoleOutput{Credentials: out.keys, AssumedRoleUser: out.user, SessionTokenSize: out.size, SessionTokenUtilization: out.used}
	if w.source != "" {
		o.SourceIdentity = &w.source
	}
	return o, nil
}

// chained is the longest session of a role that was assumed by a role.
const chained = time.Hour

// mayAssume asks the role's trust policy for everything that the request does.
func (s *Service) mayAssume(caller identity.Caller, r *role, w wish, in *sts.AssumeRoleInput) error {
	req := policy.Request{Resource: w.roleARN, Context: assumeContext(in, w)}
	actions := []string{"sts:AssumeRole"}
	if len(in.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if w.source != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, action := range actions {
		req.Action = action
		if r == nil || !s.trusts(r, caller, req) {
			return denied("%s", policy.Decision{Layer: policy.LayerTrust}.Refusal(caller.ARN, &req))
		}
	}
	return nil
}

func assumeContext(in *sts.AssumeRoleInput, w wish) map[string][]string {
	c := map[string][]string{"sts:rolesessionname": {w.session}}
	if in.ExternalId != nil {
		c["sts:externalid"] = []string{*in.ExternalId}
	}
	if w.source != "" {
		c["sts:sourceidentity"] = []string{w.source}
	}
	for _, t := range w.tags {
		c["aws:requesttag/"+strings.ToLower(aws.ToString(t.Key))] = []string{aws.ToString(t.Value)}
		c["aws:tagkeys"] = append(c["aws:tagkeys"], aws.ToString(t.Key))
	}
	if len(w.transitive) > 0 {
		c["sts:transitivetagkeys"] = w.transitive
	}
	return c
}

// inherit takes over what the caller's session hands on: its transitive tags, which a
// request may not set anew, and its source identity, which nobody can change.
func (w *wish) inherit(caller identity.Caller) error {
	for _, key := range caller.Transitive {
		if slices.ContainsFunc(w.tags, func(t types.Tag) bool { return strings.EqualFold(aws.ToString(t.Key), key) }) {
			return validation("The session tag key %s is inherited from a transitive session tag and cannot be passed.", key)
		}
		w.tags = append(w.tags[:len(w.tags):len(w.tags)], types.Tag{Key: aws.String(key), Value: aws.String(caller.Tags[key])})
		w.transitive = append(w.transitive[:len(w.transitive):len(w.transitive)], key)
	}
	if caller.Source == "" || w.source == caller.Source {
		return nil
	}
	if w.source != "" {
		return denied("Source identity cannot be changed once it is set: it is %s", caller.Source)
	}
	w.source = caller.Source
	return nil
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
	req := policy.Request{Action: "sts:AssumeRole", Resource: roleARN, Context: s.behalf(service)}
	r, err := s.role(ctx, roleARN)
	if err != nil {
		return identity.Caller{}, err
	}
	if r == nil || !s.trusts(r, who, req) {
		return identity.Caller{}, denied("%s", policy.Decision{Layer: policy.LayerTrust}.Refusal(service, &req))
	}
	return s.caller(r, session), nil
}

// behalf is what a trust policy reads of a service's call, so that it lets the service in
// for its own account alone. As what it acts for, ECS names nothing narrower on AWS either.
func (s *Service) behalf(service string) map[string][]string {
	name, _, _ := strings.Cut(service, ".")
	if name == "ecs-tasks" {
		name = "ecs"
	}
	return map[string][]string{"aws:sourceaccount": {s.Place.Account}, "aws:sourcearn": {s.Place.Of(name, "*")}}
}

// KeysFor is AssumeFor with keys that a task or function can sign with.
func (s *Service) KeysFor(ctx context.Context, roleARN, service, session string, ttl time.Duration) (*types.Credentials, error) {
	c, err := s.AssumeFor(ctx, roleARN, service, session)
	if err != nil {
		return nil, err
	}
	return s.Keys.Issue(ctx, c, ttl)
}
