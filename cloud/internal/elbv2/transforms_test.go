package elbv2

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

func regexCondition(field string, values ...string) []types.RuleCondition {
	return []types.RuleCondition{{Field: aws.String(field), RegexValues: values}}
}

func urlRewrite(regex, replace string) types.RuleTransform {
	return types.RuleTransform{Type: types.TransformTypeEnumUrlRewrite, UrlRewriteConfig: &types.UrlRewriteConfig{
		Rewrites: []types.RewriteConfig{{Regex: &regex, Replace: &replace}},
	}}
}

func hostRewrite(regex, replace string) types.RuleTransform {
	return types.RuleTransform{Type: types.TransformTypeEnumHostHeaderRewrite, HostHeaderRewriteConfig: &types.HostHeaderRewriteConfig{
		Rewrites: []types.RewriteConfig{{Regex: &regex, Replace: &replace}},
	}}
}

// Regular expressions are echoed where both forms of the API look for them, and reach the
// balancer.
func TestRegexValues(t *testing.T) {
	s := newScene(t)
	in := append(regexCondition("path-pattern", "^/a$"), types.RuleCondition{
		Field: aws.String("host-header"), HostHeaderConfig: &types.HostHeaderConditionConfig{RegexValues: []string{`\.com$`, `\.org$`}},
	}, types.RuleCondition{
		Field: aws.String("http-header"), HttpHeaderConfig: &types.HttpHeaderConditionConfig{HttpHeaderName: aws.String("X-A"), RegexValues: []string{"b+"}},
	})
	out, err := s.CreateRule(bg, &elb.CreateRuleInput{ListenerArn: &s.listener, Priority: aws.Int32(1), Conditions: in, Actions: forward(s.green)})
	got := must(t, out, err).Rules[0].Conditions
	want := []types.RuleCondition{
		{Field: aws.String("path-pattern"), RegexValues: []string{"^/a$"}, PathPatternConfig: &types.PathPatternConditionConfig{RegexValues: []string{"^/a$"}}},
		{Field: aws.String("host-header"), RegexValues: []string{`\.com$`, `\.org$`}, HostHeaderConfig: &types.HostHeaderConditionConfig{RegexValues: []string{`\.com$`, `\.org$`}}},
		in[2],
	}
	if d := cmp.Diff(want, got, ignoreSerde); d != "" {
		t.Errorf("conditions (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]balancer.Condition{
		{Field: "path-pattern", Regex: []string{"^/a$"}},
		{Field: "host-header", Regex: []string{`\.com$`, `\.org$`}},
		{Field: "http-header", Header: "X-A", Regex: []string{"b+"}},
	}, s.b.listener(t, s.listener).Rules[0].Conditions); d != "" {
		t.Errorf("the balancer's (-want +got):\n%s", d)
	}
}

func TestRegexValuesRefused(t *testing.T) {
	s := newScene(t)
	both := regexCondition("path-pattern", "^/")
	both[0].Values = []string{"/a"}
	for _, tc := range []struct {
		name, message string
		c             []types.RuleCondition
	}{
		{"methods", "The 'RegexValues' field is not compatible with 'http-request-method'", regexCondition("http-request-method", "GET")},
		{"both", "A 'path-pattern' condition can have either 'Values' or 'RegexValues', not both", both},
		{"too long", "The regular expression is too long; the limit is '128'", regexCondition("path-pattern", strings.Repeat("a", 129))},
		{"broken", "The regular expression '(' is not valid: missing closing ): `(`", regexCondition("path-pattern", "(")},
		{"lookahead", "The regular expression '(?=a)' is not valid: invalid or unsupported Perl syntax: `(?=`", regexCondition("path-pattern", "(?=a)")},
		{"backreference", "The regular expression '(a)\\1' is not valid: invalid escape sequence: `\\1`", regexCondition("path-pattern", `(a)\1`)},
		{"Unicode", "The regular expression '\\p{L}' is not valid: Unicode character classes are not supported", regexCondition("path-pattern", `\p{L}`)},
		{"six", "A rule can only have '5' condition values", regexCondition("path-pattern", "1", "2", "3", "4", "5", "6")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := s.CreateRule(bg, &elb.CreateRuleInput{ListenerArn: &s.listener, Priority: aws.Int32(1), Conditions: tc.c, Actions: forward(s.blue)})
			wantError(t, err, "ValidationError", tc.message)
		})
	}
}

// Transforms are kept until they are replaced or reset.
func TestTransforms(t *testing.T) {
	s := newScene(t)
	out, err := s.CreateRule(bg, &elb.CreateRuleInput{
		ListenerArn: &s.listener, Priority: aws.Int32(1), Conditions: path("/a/*"), Actions: forward(s.green),
		Transforms: []types.RuleTransform{urlRewrite("^/a/(.*)", "/$1"), hostRewrite("^a", "b")},
	})
	rule := must(t, out, err).Rules[0]
	if len(rule.Transforms) != 2 {
		t.Fatalf("echoed as %+v", rule.Transforms)
	}
	told := func() balancer.Rule { return s.b.listener(t, s.listener).Rules[0] }
	if r := told(); *r.RewriteURL != (balancer.Rewrite{Regex: "^/a/(.*)", Replace: "/$1"}) || *r.RewriteHost != (balancer.Rewrite{Regex: "^a", Replace: "b"}) {
		t.Errorf("the balancer was told %+v", r)
	}
	_, err = s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: rule.RuleArn, Conditions: path("/b")})
	if must(t, 0, err); told().RewriteURL == nil {
		t.Error("other conditions take the transforms away")
	}
	_, err = s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: rule.RuleArn, Transforms: []types.RuleTransform{hostRewrite("^c", "d")}})
	if must(t, 0, err); told().RewriteURL != nil || told().RewriteHost.Regex != "^c" {
		t.Errorf("replaced, they are %+v", told())
	}
	_, err = s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: rule.RuleArn, ResetTransforms: aws.Bool(true), Transforms: []types.RuleTransform{hostRewrite("^c", "d")}})
	wantError(t, err, "ValidationError", "You cannot specify both transforms and ResetTransforms")
	reset, err := s.ModifyRule(bg, &elb.ModifyRuleInput{RuleArn: rule.RuleArn, ResetTransforms: aws.Bool(true)})
	if r := must(t, reset, err).Rules[0]; len(r.Transforms) > 0 || told().RewriteHost != nil {
		t.Errorf("reset, they are %+v", r.Transforms)
	}
}

func TestTransformsRefused(t *testing.T) {
	s := newScene(t)
	twice := urlRewrite("a", "b")
	twice.UrlRewriteConfig.Rewrites = append(twice.UrlRewriteConfig.Rewrites, twice.UrlRewriteConfig.Rewrites[0])
	for _, tc := range []struct {
		name, message string
		t             []types.RuleTransform
	}{
		{"two of a kind", "A rule can only have one 'url-rewrite' transform", []types.RuleTransform{urlRewrite("a", "b"), urlRewrite("c", "d")}},
		{"two rewrites", "A 'url-rewrite' transform must have exactly one rewrite", []types.RuleTransform{twice}},
		{"another's config", "A 'HostHeaderRewriteConfig' must be specified with 'host-header-rewrite'", []types.RuleTransform{{Type: "host-header-rewrite", UrlRewriteConfig: &types.UrlRewriteConfig{}}}},
		{"an unknown kind", "Transform type 'body' must be one of '[host-header-rewrite,url-rewrite]'", []types.RuleTransform{{Type: "body"}}},
		{"a long regex", "The regular expression is too long; the limit is '1024'", []types.RuleTransform{urlRewrite(strings.Repeat("a", 1025), "b")}},
		{"a long replacement", "The replacement is too long; the limit is '1024'", []types.RuleTransform{urlRewrite("a", strings.Repeat("a", 1025))}},
		{"a line end", "The replacement 'a\r\nX: y' can only contain visible ASCII characters", []types.RuleTransform{urlRewrite("a", "a\r\nX: y")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := s.CreateRule(bg, &elb.CreateRuleInput{ListenerArn: &s.listener, Priority: aws.Int32(1), Conditions: path("/"), Actions: forward(s.blue), Transforms: tc.t})
			wantError(t, err, "ValidationError", tc.message)
		})
	}
}

// Attributes reach the balancer in its words.
func TestAttributesReachTheBalancer(t *testing.T) {
	s := newScene(t)
	if h := s.b.listener(t, s.listener).HTTP; h.PreserveHost || h.DropInvalidFields || h.ForwardedFor != "" || h.NoHTTP2 || h.HideServer || len(h.Response) > 0 || h.Desync != "defensive" {
		t.Errorf("by default: %+v", h)
	}
	_, err := s.ModifyLoadBalancerAttributes(bg, &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &s.lb, Attributes: []types.LoadBalancerAttribute{
		{Key: aws.String("routing.http.preserve_host_header.enabled"), Value: aws.String("true")},
		{Key: aws.String("routing.http.drop_invalid_header_fields.enabled"), Value: aws.String("true")},
		{Key: aws.String("routing.http.x_amzn_tls_version_and_cipher_suite.enabled"), Value: aws.String("true")},
		{Key: aws.String("routing.http.xff_client_port.enabled"), Value: aws.String("true")},
		{Key: aws.String("routing.http.xff_header_processing.mode"), Value: aws.String("remove")},
		{Key: aws.String("routing.http.desync_mitigation_mode"), Value: aws.String("strictest")},
		{Key: aws.String("routing.http2.enabled"), Value: aws.String("false")},
		{Key: aws.String("client_keep_alive.seconds"), Value: aws.String("60")},
	}})
	must(t, 0, err)
	set := func(key, value string) error { return s.setListener(s.listener, key, value) }
	must(t, 0, set("routing.http.response.server.enabled", "false"))
	must(t, 0, set("routing.http.response.content_security_policy.header_value", "default-src 'self'"))
	must(t, 0, set("routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", "X-Leaf"))
	want := &balancer.HTTP{
		PreserveHost: true, DropInvalidFields: true, TellTLS: true, ClientPort: true, ForwardedFor: "remove", Desync: "strictest",
		NoHTTP2: true, KeepAlive: 60e9, HideServer: true, Names: map[string]string{"X-Amzn-Mtls-Clientcert-Leaf": "X-Leaf"},
		Response: []balancer.Header{{Name: "Content-Security-Policy", Value: "default-src 'self'"}},
	}
	if d := cmp.Diff(want, s.b.listener(t, s.listener).HTTP); d != "" {
		t.Errorf("settings (-want +got):\n%s", d)
	}
	must(t, 0, set("routing.http.response.content_security_policy.header_value", ""))
	if h := s.b.listener(t, s.listener).HTTP; h.Response != nil {
		t.Errorf("unset, there are %v", h.Response)
	}
	wantError(t, set("routing.http.response.x_frame_options.header_value", "a\r\nb"), "ValidationError",
		"'routing.http.response.x_frame_options.header_value' value 'a\r\nb' contains characters that are not valid")
	wantError(t, set("routing.http.request.x_amzn_tls_version.header_name", "X Y"), "ValidationError",
		"'routing.http.request.x_amzn_tls_version.header_name' value 'X Y' must be at most '40' letters, digits, hyphens and underscores")
}
