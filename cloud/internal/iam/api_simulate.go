package iam

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/policy"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// simulation is what both simulations ask.
type simulation struct {
	policies  policy.Policies
	actions   []string
	resources []string
	context   map[string][]string
	caller    identity.Caller
}

// SimulateCustomPolicy tells what policies would allow, by the evaluator that decides in
// earnest.
func (s *Service) SimulateCustomPolicy(_ context.Context, in *iam.SimulateCustomPolicyInput, _ ...func(*iam.Options)) (*iam.SimulateCustomPolicyOutput, error) {
	sim := simulation{
		actions: in.ActionNames, resources: in.ResourceArns, context: contextOf(in.ContextEntries),
		caller: s.simulated(aws.ToString(in.CallerArn)),
	}
	var err error
	if sim.policies, err = simulatedPolicies(policy.Policies{}, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList, in.ResourcePolicy); err != nil {
		return nil, err
	}
	part, next, err := cut(s.simulate(sim), resultKey, in.Marker, in.MaxItems)
	return answer(&iam.SimulateCustomPolicyOutput{EvaluationResults: part, Marker: next, IsTruncated: next != nil}, err)
}

// SimulatePrincipalPolicy tells what a role, user or group may do, with more policies if
// given.
func (s *Service) SimulatePrincipalPolicy(_ context.Context, in *iam.SimulatePrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.SimulatePrincipalPolicyOutput, error) {
	id := aws.ToString(in.PolicySourceArn)
	sim := simulation{actions: in.ActionNames, resources: in.ResourceArns, context: contextOf(in.ContextEntries)}
	var err error
	s.Store.View(func(tx *store.Tx) { sim.policies, err = s.policiesOf(tx, id) })
	if err != nil {
		return nil, err
	}
	who := id
	if in.CallerArn != nil {
		who = *in.CallerArn
	}
	sim.caller = s.simulated(who)
	if sim.policies, err = simulatedPolicies(sim.policies, in.PolicyInputList, in.PermissionsBoundaryPolicyInputList, in.ResourcePolicy); err != nil {
		return nil, err
	}
	part, next, err := cut(s.simulate(sim), resultKey, in.Marker, in.MaxItems)
	return answer(&iam.SimulatePrincipalPolicyOutput{EvaluationResults: part, Marker: next, IsTruncated: next != nil}, err)
}

func resultKey(r types.EvaluationResult) string { return *r.EvalActionName + " " + *r.EvalResourceName }

func contextOf(entries []types.ContextEntry) map[string][]string {
	out := map[string][]string{}
	for _, e := range entries {
		out[strings.ToLower(aws.ToString(e.ContextKeyName))] = e.ContextKeyValues
	}
	return out
}

// simulated is the caller that an ARN stands for.
func (s *Service) simulated(id string) identity.Caller {
	a, ok := arn.Parse(id)
	switch {
	case ok && strings.HasPrefix(a.Resource, "user/"):
		return identity.Caller{Kind: identity.User, ARN: id}
	case ok && strings.HasPrefix(a.Resource, "role/"):
		return identity.Caller{Kind: identity.Role, ARN: id, RoleARN: id}
	case ok && strings.HasPrefix(a.Resource, "assumed-role/"):
		return identity.Caller{Kind: identity.Role, ARN: id}
	}
	return identity.Caller{}
}

// policiesOf are those of a role, user or group by its ARN.
func (s *Service) policiesOf(tx *store.Tx, id string) (p policy.Policies, err error) {
	a, ok := arn.Parse(id)
	if !ok {
		return p, invalidInput("ARN %s is not valid.", id)
	}
	name := aws.String(arn.Name(a.Resource))
	switch kind, _, _ := strings.Cut(a.Resource, "/"); kind {
	case "role":
		_, err = s.role(tx, name)
		s.own(tx, identity.Caller{Kind: identity.Role, RoleARN: id}, &p)
	case "user":
		_, err = s.user(tx, name)
		s.own(tx, identity.Caller{Kind: identity.User, ARN: id}, &p)
	case "group":
		var g group
		g, err = s.group(tx, name)
		p.Identity = s.sources(tx, "group", *name, g.grants)
	default:
		err = invalidInput("ARN %s is not valid.", id)
	}
	return p, err
}

func simulatedPolicies(p policy.Policies, more, boundary []string, resource *string) (policy.Policies, error) {
	read := func(kind policy.Kind, name, doc string) (policy.Source, error) {
		d, err := policy.Parse(kind, doc)
		if err != nil {
			return policy.Source{}, invalidInput("Invalid Input %s: %s", name, err.Error())
		}
		return policy.Source{ID: name, Type: string(types.PolicySourceTypeNone), Document: d}, nil
	}
	for i, doc := range more {
		src, err := read(policy.Identity, "PolicyInputList."+strconv.Itoa(i+1), doc)
		if err != nil {
			return p, err
		}
		p.Identity = append(p.Identity, src)
	}
	if len(boundary) > 0 {
		src, err := read(policy.Identity, "PermissionsBoundaryPolicyInputList.1", boundary[0])
		if err != nil {
			return p, err
		}
		p.Boundary = &src
	}
	if resource != nil {
		src, err := read(policy.Resource, "ResourcePolicy", *resource)
		if err != nil {
			return p, err
		}
		p.Resource = &src
	}
	return p, nil
}

// simulate decides every action for every resource.
func (s *Service) simulate(sim simulation) []types.EvaluationResult {
	resources := sim.resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var out []types.EvaluationResult
	for _, action := range sim.actions {
		for _, resource := range resources {
			r := policy.Request{Action: action, Resource: resource, Context: sim.context}
			s.describe(sim.caller, &r)
			out = append(out, result(r, sim.policies))
		}
	}
	return out
}

var decisions = map[policy.Effect]types.PolicyEvaluationDecisionType{
	policy.Allowed:      types.PolicyEvaluationDecisionTypeAllowed,
	policy.ExplicitDeny: types.PolicyEvaluationDecisionTypeExplicitDeny,
	policy.ImplicitDeny: types.PolicyEvaluationDecisionTypeImplicitDeny,
}

func result(r policy.Request, p policy.Policies) types.EvaluationResult {
	d := policy.Evaluate(&r, p)
	out := types.EvaluationResult{
		EvalActionName: aws.String(r.Action), EvalResourceName: aws.String(r.Resource), EvalDecision: decisions[d.Effect],
		MatchedStatements: []types.Statement{}, MissingContextValues: missing(r, p),
	}
	for _, m := range d.By {
		out.MatchedStatements = append(out.MatchedStatements, statement(m))
	}
	if p.Boundary != nil {
		only := policy.Evaluate(&r, policy.Policies{Identity: []policy.Source{*p.Boundary}})
		out.PermissionsBoundaryDecisionDetail = &types.PermissionsBoundaryDecisionDetail{AllowedByPermissionsBoundary: only.Allowed()}
	}
	return out
}

func statement(m policy.Match) types.Statement {
	st := m.Source.Document.Statements[m.Statement]
	at := func(offset int) *types.Position {
		line, column := m.Source.Document.Line(offset)
		return &types.Position{Line: int32(line), Column: int32(column)}
	}
	return types.Statement{
		SourcePolicyId: aws.String(m.Source.ID), SourcePolicyType: types.PolicySourceType(m.Source.Type),
		StartPosition: at(st.Start), EndPosition: at(st.End),
	}
}

// missing lists the condition keys that the policies ask for and the request has not.
func missing(r policy.Request, p policy.Policies) []string {
	out := []string{}
	for _, key := range keys(p) {
		if _, ok := r.Context[strings.ToLower(key)]; !ok && !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	return out
}

// keys lists the condition keys of policies.
func keys(p policy.Policies) []string {
	all := p.Identity
	for _, s := range []*policy.Source{p.Boundary, p.Resource} {
		if s != nil {
			all = append(all[:len(all):len(all)], *s)
		}
	}
	var out []string
	for _, s := range all {
		if s.Document == nil {
			continue
		}
		for _, st := range s.Document.Statements {
			for _, c := range st.Conditions {
				if !slices.Contains(out, c.Key) {
					out = append(out, c.Key)
				}
			}
		}
	}
	return out
}

// GetContextKeysForCustomPolicy lists the condition keys that policies ask for.
func (s *Service) GetContextKeysForCustomPolicy(_ context.Context, in *iam.GetContextKeysForCustomPolicyInput, _ ...func(*iam.Options)) (*iam.GetContextKeysForCustomPolicyOutput, error) {
	p, err := simulatedPolicies(policy.Policies{}, in.PolicyInputList, nil, nil)
	return answer(&iam.GetContextKeysForCustomPolicyOutput{ContextKeyNames: append([]string{}, keys(p)...)}, err)
}

// GetContextKeysForPrincipalPolicy lists the condition keys that the policies of a role,
// user or group ask for.
func (s *Service) GetContextKeysForPrincipalPolicy(_ context.Context, in *iam.GetContextKeysForPrincipalPolicyInput, _ ...func(*iam.Options)) (*iam.GetContextKeysForPrincipalPolicyOutput, error) {
	var p policy.Policies
	var err error
	s.Store.View(func(tx *store.Tx) { p, err = s.policiesOf(tx, aws.ToString(in.PolicySourceArn)) })
	if err != nil {
		return nil, err
	}
	p, err = simulatedPolicies(p, in.PolicyInputList, nil, nil)
	return answer(&iam.GetContextKeysForPrincipalPolicyOutput{ContextKeyNames: append([]string{}, keys(p)...)}, err)
}
