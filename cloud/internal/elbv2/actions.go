package elbv2

import (
	"cmp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxForwardGroups  = 5
	maxBalancerGroups = 100
	maxWeight         = 999
)

// forwardGroups lists the ARNs of the target groups that actions name.
func forwardGroups(actions []types.Action) []string {
	var out []string
	for _, a := range actions {
		if a.ForwardConfig == nil {
			continue
		}
		for _, g := range a.ForwardConfig.TargetGroups {
			out = append(out, aws.ToString(g.TargetGroupArn))
		}
	}
	return out
}

// echo is the form in which actions are kept and returned, in their order: a single target
// group stands both in TargetGroupArn and in ForwardConfig, with the weight 1 unless another
// was given; several stand in ForwardConfig only. Before the routing action one may stand
// that authenticates.
func echo(actions []types.Action, protocol types.ProtocolEnum) ([]types.Action, error) {
	if len(actions) == 0 {
		return nil, validation("You must specify at least one action")
	}
	out := slices.Clone(actions)
	slices.SortStableFunc(out, func(a, b types.Action) int { return cmp.Compare(aws.ToInt32(a.Order), aws.ToInt32(b.Order)) })
	gates := 0
	for i := range out {
		var err error
		if out[i], err = echoOne(out[i], protocol); err != nil {
			return nil, err
		}
		if isGate(out[i]) {
			gates++
		}
	}
	switch last := out[len(out)-1]; {
	case isGate(last):
		return nil, badAction("The last action must be one of 'forward', 'redirect' or 'fixed-response'")
	case len(out)-gates > 1:
		return nil, &types.TooManyActionsException{Message: aws.String("You can specify only one routing action: forward, redirect or fixed-response")}
	case gates > 1:
		return nil, &types.TooManyActionsException{Message: aws.String("You can specify only one action that authenticates")}
	}
	return out, nil
}

// isGate knows the actions that may stand before the routing action.
func isGate(a types.Action) bool {
	return a.Type == types.ActionTypeEnumAuthenticateOidc || a.Type == types.ActionTypeEnumJwtValidation
}

func echoOne(a types.Action, protocol types.ProtocolEnum) (types.Action, error) {
	if !isHTTP(protocol) && a.Type != types.ActionTypeEnumForward {
		return a, badAction("The action type '%s' is not valid with network load balancer", a.Type)
	}
	switch a.Type {
	case types.ActionTypeEnumForward:
		return echoForward(a)
	case types.ActionTypeEnumRedirect:
		return echoRedirect(a, protocol)
	case types.ActionTypeEnumFixedResponse:
		return echoFixed(a)
	case types.ActionTypeEnumAuthenticateOidc, types.ActionTypeEnumAuthenticateCognito, types.ActionTypeEnumJwtValidation:
		if protocol != types.ProtocolEnumHttps {
			return a, badAction("Actions of type '%s' are supported only on HTTPS listeners", a.Type)
		}
		return echoGate(a)
	}
	return a, validation("Action type '%s' must be one of 'redirect,authenticate-cognito,authenticate-oidc,fixed-response,forward'", a.Type)
}

func echoGate(a types.Action) (types.Action, error) {
	switch a.Type {
	case types.ActionTypeEnumJwtValidation:
		return types.Action{Type: a.Type, Order: a.Order, JwtValidationConfig: a.JwtValidationConfig}, checkJWT(a.JwtValidationConfig)
	case types.ActionTypeEnumAuthenticateOidc:
		var c *types.AuthenticateOidcActionConfig
		if a.AuthenticateOidcConfig != nil {
			own := *a.AuthenticateOidcConfig
			c = &own
		}
		err := checkOIDC(c)
		return types.Action{Type: a.Type, Order: a.Order, AuthenticateOidcConfig: c}, err
	}
	return a, badAction("Actions of type '%s' are not offered by the local cloud, which has no Amazon Cognito: use 'authenticate-oidc' with the user pool's endpoints", a.Type)
}

func echoForward(a types.Action) (types.Action, error) {
	arn := aws.ToString(a.TargetGroupArn)
	var groups []types.TargetGroupTuple
	sticky := &types.TargetGroupStickinessConfig{Enabled: aws.Bool(false)}
	if c := a.ForwardConfig; c != nil {
		groups = c.TargetGroups
		if c.TargetGroupStickinessConfig != nil {
			sticky = c.TargetGroupStickinessConfig
		}
	}
	if len(groups) == 0 && arn != "" {
		groups = []types.TargetGroupTuple{{TargetGroupArn: a.TargetGroupArn}}
	}
	if len(groups) == 0 {
		return a, badAction("A target group ARN must be specified")
	}
	if arn != "" && (len(groups) > 1 || aws.ToString(groups[0].TargetGroupArn) != arn) {
		return a, badAction("You can specify both a target group list and a top-level target group ARN only if the ARNs match")
	}
	groups, err := echoGroups(groups)
	if err != nil {
		return a, err
	}
	if err := checkSticky(sticky); err != nil {
		return a, err
	}
	out := types.Action{
		Type: a.Type, Order: a.Order,
		ForwardConfig: &types.ForwardActionConfig{TargetGroups: groups, TargetGroupStickinessConfig: sticky},
	}
	if len(groups) == 1 {
		out.TargetGroupArn = groups[0].TargetGroupArn
	}
	return out, nil
}

func echoGroups(groups []types.TargetGroupTuple) ([]types.TargetGroupTuple, error) {
	if len(groups) > maxForwardGroups {
		return nil, badAction("You can specify at most '%d' target groups in a forward action", maxForwardGroups)
	}
	seen := map[string]bool{}
	groups = slices.Clone(groups)
	for i := range groups {
		g := &groups[i]
		arn := aws.ToString(g.TargetGroupArn)
		if err := checkARN(arn, "targetgroup"); err != nil {
			return nil, err
		}
		if seen[arn] {
			return nil, badAction("Target group '%s' is specified more than once", arn)
		}
		seen[arn] = true
		fill(&g.Weight, 1)
		if *g.Weight < 0 || *g.Weight > maxWeight {
			return nil, badAction("Target group weight '%d' must be between '0' and '%d' inclusive", *g.Weight, maxWeight)
		}
	}
	return groups, nil
}

func checkSticky(s *types.TargetGroupStickinessConfig) error {
	if !aws.ToBool(s.Enabled) {
		return nil
	}
	if d := aws.ToInt32(s.DurationSeconds); d < 1 || d > week {
		return badAction("Target group stickiness duration must be between '1' and '%d' seconds", week)
	}
	return nil
}

func echoRedirect(a types.Action, protocol types.ProtocolEnum) (types.Action, error) {
	if a.RedirectConfig == nil {
		return a, badAction("A redirect configuration must be specified")
	}
	r := *a.RedirectConfig
	fill(&r.Protocol, "#{protocol}")
	fill(&r.Host, "#{host}")
	fill(&r.Port, "#{port}")
	fill(&r.Path, "/#{path}")
	fill(&r.Query, "#{query}")
	if *r.Protocol == "#{protocol}" && *r.Host == "#{host}" && *r.Port == "#{port}" && *r.Path == "/#{path}" {
		return a, badAction("The redirect configuration is not valid because it creates a loop.")
	}
	if protocol == types.ProtocolEnumHttps && *r.Protocol == "HTTP" {
		return a, badAction("You cannot redirect HTTPS to HTTP")
	}
	if !strings.HasPrefix(*r.Path, "/") {
		return a, badAction("The Path parameter must be a valid path, should start with a '/', " +
			"and may contain up to one of each of these placeholders: '#{path}', '#{host}', '#{port}'.")
	}
	if r.StatusCode != types.RedirectActionStatusCodeEnumHttp301 && r.StatusCode != types.RedirectActionStatusCodeEnumHttp302 {
		return a, badAction("The redirect status code '%s' must be one of 'HTTP_301, HTTP_302'", r.StatusCode)
	}
	return types.Action{Type: a.Type, Order: a.Order, RedirectConfig: &r}, nil
}

var contentTypes = []string{"", "text/html", "application/json", "application/javascript", "text/css", "text/plain"}

func echoFixed(a types.Action) (types.Action, error) {
	f := a.FixedResponseConfig
	if f == nil {
		return a, badAction("A fixed response configuration must be specified")
	}
	code := number(aws.ToString(f.StatusCode))
	if class := code / 100; class != 2 && class != 4 && class != 5 {
		return a, badAction("The fixed response status code '%s' must be 2XX, 4XX or 5XX", aws.ToString(f.StatusCode))
	}
	if !slices.Contains(contentTypes, aws.ToString(f.ContentType)) {
		return a, badAction("The ContentType must be one of:'text/html', 'application/json', 'application/javascript', 'text/css', 'text/plain'")
	}
	return types.Action{Type: a.Type, Order: a.Order, FixedResponseConfig: f}, nil
}

// checkGroups wants the target groups of actions to be there, to speak what the listener
// speaks, and to belong to no other load balancer. A group that belongs to none is this
// one's from now on.
func (s *Service) checkGroups(tx *store.Tx, lb string, protocol types.ProtocolEnum, actions []types.Action) error {
	used := s.associations(tx)
	mine := 0
	for _, lbs := range used {
		if slices.Contains(lbs, lb) {
			mine++
		}
	}
	named := forwardGroups(actions)
	for _, id := range named {
		g, ok := s.tables.groups.Get(tx, id)
		if !ok {
			return noTargetGroup(id)
		}
		if err := checkProtocols(protocol, g); err != nil {
			return err
		}
		if a := attributesOf(g); len(named) > 1 && a.get("stickiness.enabled") == "true" && a.get("stickiness.type") == "app_cookie" {
			return badAction("When configuring a rule with multiple target groups, none of them can have stickiness of type 'app_cookie' enabled")
		}
		others := used[id]
		if len(others) == 0 {
			mine++
		}
		if len(others) > 0 && isHTTP(protocol) && !slices.Contains(others, lb) {
			return &types.TargetGroupAssociationLimitException{Message: text(
				"The following target groups cannot be associated with more than one load balancer: %s", id)}
		}
	}
	if mine > maxBalancerGroups {
		return &types.TooManyUniqueTargetGroupsPerLoadBalancerException{Message: text(
			"The maximum number of unique target groups per load balancer is '%d'", maxBalancerGroups)}
	}
	return nil
}

// checkProtocols knows that HTTP/2 to targets needs HTTPS to the load balancer.
func checkProtocols(p types.ProtocolEnum, g targetGroup) error {
	version := aws.ToString(g.Desc.ProtocolVersion)
	switch {
	case isFunction(g.Desc) && isHTTP(p):
		return nil
	case isHTTP(p) != isHTTP(g.Desc.Protocol):
		return &types.IncompatibleProtocolsException{Message: text(
			"The listener and the following target groups have incompatible protocols: %s", *g.Desc.TargetGroupArn)}
	case p == types.ProtocolEnumHttp && version != "HTTP1":
		return badAction("Listener protocol 'HTTP' is not supported with a target group with the protocol-version '%s'", version)
	}
	return nil
}

// defaultPolicy is what the API gives HTTPS listeners that name no policy.
const defaultPolicy = "ELBSecurityPolicy-2016-08"

func policyOr(p *string) string { return cmp.Or(aws.ToString(p), defaultPolicy) }
