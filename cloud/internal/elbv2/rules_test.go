package elbv2

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

func path(patterns ...string) []types.RuleCondition {
	return []types.RuleCondition{{Field: aws.String("path-pattern"), Values: patterns}}
}

func (s scene) rule(t *testing.T, priority int32, conditions []types.RuleCondition, group string) string {
	t.Helper()
	out, err := s.CreateRule(bg, &elb.CreateRuleInput{ListenerArn: &s.listener, Priority: &priority, Conditions: conditions, Actions: forward(group)})
	return *must(t, out, err).Rules[0].RuleArn
}

// priorities lists what DescribeRules says, in its order.
func (s scene) priorities(t *testing.T) string {
	t.Helper()
	out, err := s.DescribeRules(bg, &elb.DescribeRulesInput{ListenerArn: &s.listener})
	var all []string
	for _, r := range must(t, out, err).Rules {
		all = append(all, *r.Priority)
	}
	return strings.Join(all, " ")
}

// Rules are made, change places, change what they do, and go.
func TestRuleStory(t *testing.T) {
	s := newScene(t)
	b, a := s.rule(t, 20, path("/b*"), s.green), s.rule(t, 3, path("/a*"), s.green)
	if got := s.priorities(t); got != "3 20 default" {
		t.Errorf("rules stand as %s", got)
	}
	_, err := s.SetRulePriorities(bg, &elb.SetRulePrioritiesInput{RulePriorities: []types.RulePriorityPair{
		{RuleArn: &a, Priority: aws.Int32(20)}, {RuleArn: &b, Priority: aws.Int32(3)},
	}})
	must(t, 0, err)
	rules := s.b.listener(t, s.listener).Rules
	if len(rules) != 3 || rules[0].ID != b || rules[1].ID != a || len(rules[2].Conditions) != 0 {
		t.Errorf("the balancer has %+v", rules)
	}
	_, err = s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: &a, Actions: weighted(s.blue, 90, s.green, 10)})
	must(t, 0, err)
	if got := s.b.listener(t, s.listener).Rules[1].Action.Forward.Groups; len(got) != 2 {
		t.Errorf("the balancer forwards to %+v", got)
	}
	_, err = s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: &a, Conditions: path("/c")})
	must(t, 0, err)
	out, err := s.DescribeRules(bg, &elb.DescribeRulesInput{RuleArns: []string{a}})
	want := []types.RuleCondition{{
		Field: aws.String("path-pattern"), Values: []string{"/c"}, PathPatternConfig: &types.PathPatternConditionConfig{Values: []string{"/c"}},
	}}
	if d := cmp.Diff(want, must(t, out, err).Rules[0].Conditions, ignoreSerde); d != "" {
		t.Errorf("conditions (-want +got):\n%s", d)
	}
	_, err = s.DeleteRule(bg, &elb.DeleteRuleInput{RuleArn: &b})
	must(t, 0, err)
	if got := s.priorities(t); got != "20 default" {
		t.Errorf("rules stand as %s", got)
	}
	_, err = s.DeleteListener(bg, &elb.DeleteListenerInput{ListenerArn: &s.listener})
	must(t, 0, err)
	_, err = s.DescribeRules(bg, &elb.DescribeRulesInput{RuleArns: []string{a}})
	wantError(t, err, "RuleNotFound", "One or more rules not found")
	for _, g := range []string{s.blue, s.green} {
		_, err = s.DeleteTargetGroup(bg, &elb.DeleteTargetGroupInput{TargetGroupArn: &g})
		must(t, 0, err)
	}
}

func TestRulePriorities(t *testing.T) {
	s := newScene(t)
	a, b := s.rule(t, 10, path("/a"), s.green), s.rule(t, 20, path("/b"), s.green)
	_, err := s.CreateRule(bg, &elb.CreateRuleInput{ListenerArn: &s.listener, Priority: aws.Int32(10), Conditions: path("/"), Actions: forward(s.blue)})
	wantError(t, err, "PriorityInUse", "Priority '10' is currently in use")
	_, err = s.CreateRule(bg, &elb.CreateRuleInput{ListenerArn: &s.listener, Priority: aws.Int32(50001), Conditions: path("/"), Actions: forward(s.blue)})
	wantError(t, err, "ValidationError", "Priority '50001' must be between '1' and '50000' inclusive")
	set := func(pairs ...types.RulePriorityPair) error {
		_, err := s.SetRulePriorities(bg, &elb.SetRulePrioritiesInput{RulePriorities: pairs})
		return err
	}
	wantError(t, set(types.RulePriorityPair{RuleArn: &a, Priority: aws.Int32(20)}), "PriorityInUse", "Priority '20' is currently in use")
	wantError(t, set(types.RulePriorityPair{RuleArn: &a, Priority: aws.Int32(5)}, types.RulePriorityPair{RuleArn: &b, Priority: aws.Int32(5)}),
		"ValidationError", "Priority '5' was provided multiple times")
	out, err := s.DescribeRules(bg, &elb.DescribeRulesInput{ListenerArn: &s.listener})
	last := must(t, out, err).Rules[2]
	if !*last.IsDefault {
		t.Fatal("the last rule is not the default one")
	}
	_, err = s.DeleteRule(bg, &elb.DeleteRuleInput{RuleArn: last.RuleArn})
	wantError(t, err, "OperationNotPermitted", "Default rule '"+*last.RuleArn+"' cannot be deleted")
	_, err = s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: last.RuleArn, Actions: forward(s.green)})
	wantError(t, err, "OperationNotPermitted", "Default rule '"+*last.RuleArn+"' cannot be modified")
	wantError(t, set(types.RulePriorityPair{RuleArn: last.RuleArn, Priority: aws.Int32(5)}), "OperationNotPermitted", "Default rule '"+*last.RuleArn+"' cannot be modified")
	if got := s.priorities(t); got != "10 20 default" {
		t.Errorf("refusals left %s", got)
	}
	_, err = s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: &a})
	wantError(t, err, "ValidationError", "Either conditions or actions must be specified")
}

// Conditions reach the balancer in its words.
func TestConditionsReachTheBalancer(t *testing.T) {
	s := newScene(t)
	s.rule(t, 1, []types.RuleCondition{
		{Field: aws.String("host-header"), HostHeaderConfig: &types.HostHeaderConditionConfig{Values: []string{"*.example.com"}}},
		{Field: aws.String("http-header"), HttpHeaderConfig: &types.HttpHeaderConditionConfig{HttpHeaderName: aws.String("X-Test"), Values: []string{"1"}}},
		{Field: aws.String("http-request-method"), HttpRequestMethodConfig: &types.HttpRequestMethodConditionConfig{Values: []string{"GET"}}},
		{Field: aws.String("query-string"), QueryStringConfig: &types.QueryStringConditionConfig{Values: []types.QueryStringKeyValuePair{{Key: aws.String("v"), Value: aws.String("2")}}}},
		{Field: aws.String("source-ip"), SourceIpConfig: &types.SourceIpConditionConfig{Values: []string{"10.0.0.0/8"}}},
	}, s.green)
	want := []balancer.Condition{
		{Field: "host-header", Values: []string{"*.example.com"}},
		{Field: "http-header", Header: "X-Test", Values: []string{"1"}},
		{Field: "http-request-method", Values: []string{"GET"}},
		{Field: "query-string", Query: []balancer.KeyValue{{Key: "v", Value: "2"}}},
		{Field: "source-ip", Values: []string{"10.0.0.0/8"}},
	}
	if d := cmp.Diff(want, s.b.listener(t, s.listener).Rules[0].Conditions); d != "" {
		t.Errorf("conditions (-want +got):\n%s", d)
	}
}

// The other two routing actions, with ELB's defaults filled in.
func TestRedirectAndFixedResponse(t *testing.T) {
	s := newScene(t)
	out, err := s.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &s.listener, DefaultActions: []types.Action{{
		Type:           types.ActionTypeEnumRedirect,
		RedirectConfig: &types.RedirectActionConfig{StatusCode: types.RedirectActionStatusCodeEnumHttp301, Protocol: aws.String("HTTPS"), Port: aws.String("443")},
	}}})
	r := must(t, out, err).Listeners[0].DefaultActions[0].RedirectConfig
	if *r.Host != "#{host}" || *r.Path != "/#{path}" || *r.Query != "#{query}" {
		t.Errorf("echoed as %s %s %s", *r.Host, *r.Path, *r.Query)
	}
	want := balancer.Action{Redirect: &balancer.Redirect{Status: 301, Protocol: "HTTPS", Host: "#{host}", Port: "443", Path: "/#{path}", Query: "#{query}"}}
	if d := cmp.Diff(want, s.b.listener(t, s.listener).Rules[0].Action); d != "" {
		t.Errorf("redirect (-want +got):\n%s", d)
	}
	_, err = s.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &s.listener, DefaultActions: []types.Action{{
		Type:                types.ActionTypeEnumFixedResponse,
		FixedResponseConfig: &types.FixedResponseActionConfig{StatusCode: aws.String("503"), ContentType: aws.String("text/plain"), MessageBody: aws.String("soon")},
	}}})
	must(t, 0, err)
	want = balancer.Action{Fixed: &balancer.Fixed{Status: 503, ContentType: "text/plain", Body: "soon"}}
	if d := cmp.Diff(want, s.b.listener(t, s.listener).Rules[0].Action); d != "" {
		t.Errorf("fixed response (-want +got):\n%s", d)
	}
}

// CodeDeploy changes the actions of a rule with every shift, and scripts send back what
// they were told: neither adds to the conditions.
func TestConditionsStayAsTheyAre(t *testing.T) {
	s := newScene(t)
	host := []types.RuleCondition{{Field: aws.String("host-header"), HostHeaderConfig: &types.HostHeaderConditionConfig{Values: []string{"a.example"}}}}
	a := s.rule(t, 1, append(path("/a", "/b"), host...), s.blue)
	var rule types.Rule
	for range 3 {
		out, err := s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: &a, Actions: weighted(s.blue, 90, s.green, 10)})
		must(t, 0, err)
		out, err = s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: &a, Conditions: out.Rules[0].Conditions})
		must(t, 0, err)
		rule = out.Rules[0]
	}
	for i, want := range [][]string{{"/a", "/b"}, {"a.example"}} {
		if got := rule.Conditions[i].Values; !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", *rule.Conditions[i].Field, got, want)
		}
	}
}

func TestConditionsRefused(t *testing.T) {
	s := newScene(t)
	for _, tc := range []struct {
		name, message string
		c             []types.RuleCondition
	}{
		{"none", "A condition must be specified", nil},
		{"an unknown field", "Condition field 'cookie' must be one of '[path-pattern,host-header,http-header,http-request-method,query-string,source-ip]'", []types.RuleCondition{{Field: aws.String("cookie")}}},
		{"two paths", "A rule can only have one 'path-pattern' condition", append(path("/a"), path("/b")...)},
		{"no value", "A condition value must be specified", path()},
		{"six values", "A rule can only have '5' condition values", path("/1", "/2", "/3", "/4", "/5", "/6")},
		{"a long path", "The 'path-pattern' value is too long; the limit is '128'", path("/" + strings.Repeat("a", 128))},
		{"seven stars", "Rule condition value '/*******' has too many wildcards; the limit is '6'", path("/*******")},
		{"values of a header", "The 'Values' field is not compatible with 'http-header'", []types.RuleCondition{{Field: aws.String("http-header"), Values: []string{"a"}}}},
		{"no config", "A 'SourceIpConfig' must be specified with 'source-ip'", []types.RuleCondition{{Field: aws.String("source-ip")}}},
		{"no CIDR block", "The 'source-ip' value '10.0.0.1' is not a valid CIDR block", []types.RuleCondition{{Field: aws.String("source-ip"), SourceIpConfig: &types.SourceIpConditionConfig{Values: []string{"10.0.0.1"}}}}},
		{"a small method", "The 'http-request-method' value is invalid; the allowed characters are A-Z, hyphen and underscore", []types.RuleCondition{{Field: aws.String("http-request-method"), HttpRequestMethodConfig: &types.HttpRequestMethodConditionConfig{Values: []string{"get"}}}}},
		{"no header's name", "The 'HttpHeaderName' value must be between '1' and '40' characters long", []types.RuleCondition{{Field: aws.String("http-header"), HttpHeaderConfig: &types.HttpHeaderConditionConfig{Values: []string{"a"}}}}},
		{"a query without a value", "A 'Value' must be specified in 'QueryStringKeyValuePair'", []types.RuleCondition{{Field: aws.String("query-string"), QueryStringConfig: &types.QueryStringConditionConfig{Values: []types.QueryStringKeyValuePair{{Key: aws.String("a")}}}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := s.CreateRule(bg, &elb.CreateRuleInput{ListenerArn: &s.listener, Priority: aws.Int32(1), Conditions: tc.c, Actions: forward(s.blue)})
			wantError(t, err, "ValidationError", tc.message)
		})
	}
}
