package elbv2

import (
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const (
	maxRegex   = 128 // in conditions
	maxRewrite = 1024
)

// checkTransforms wants at most one rewrite of the host and one of the URL.
func checkTransforms(all []types.RuleTransform) error {
	seen := map[types.TransformTypeEnum]bool{}
	for _, t := range all {
		host, url := t.HostHeaderRewriteConfig, t.UrlRewriteConfig
		var rewrites []types.RewriteConfig
		switch t.Type {
		case types.TransformTypeEnumHostHeaderRewrite:
			if host == nil || url != nil {
				return validation("A 'HostHeaderRewriteConfig' must be specified with '%s'", t.Type)
			}
			rewrites = host.Rewrites
		case types.TransformTypeEnumUrlRewrite:
			if url == nil || host != nil {
				return validation("A 'UrlRewriteConfig' must be specified with '%s'", t.Type)
			}
			rewrites = url.Rewrites
		default:
			return validation("Transform type '%s' must be one of '[host-header-rewrite,url-rewrite]'", t.Type)
		}
		if seen[t.Type] {
			return validation("A rule can only have one '%s' transform", t.Type)
		}
		seen[t.Type] = true
		if len(rewrites) != 1 {
			return validation("A '%s' transform must have exactly one rewrite", t.Type)
		}
		if err := checkRewrite(rewrites[0]); err != nil {
			return err
		}
	}
	return nil
}

func checkRewrite(r types.RewriteConfig) error {
	regex, replace := aws.ToString(r.Regex), aws.ToString(r.Replace)
	if err := checkRegex(regex, maxRewrite); err != nil {
		return err
	}
	if len(replace) > maxRewrite {
		return validation("The replacement is too long; the limit is '%d'", maxRewrite)
	}
	for i := range len(replace) {
		if c := replace[i]; c <= ' ' || c >= 0x7f {
			return validation("The replacement '%s' can only contain visible ASCII characters", replace)
		}
	}
	return nil
}

// checkRegex refuses what load balancers' regular expressions do not know. Lookarounds,
// backreferences, atomic groups, possessive quantifiers and recursion are not in RE2's
// language either; Unicode classes are.
func checkRegex(s string, limit int) error {
	switch {
	case s == "":
		return validation("A regular expression must be specified")
	case len(s) > limit:
		return validation("The regular expression is too long; the limit is '%d'", limit)
	case strings.Contains(s, `\p`) || strings.Contains(s, `\P`):
		return validation("The regular expression '%s' is not valid: Unicode character classes are not supported", s)
	}
	if _, err := regexp.Compile(s); err != nil {
		return validation("The regular expression '%s' is not valid: %s", s, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return nil
}

// hasRegex reports whether a condition is one by regular expressions.
func hasRegex(c types.RuleCondition) bool { return len(regexValues(c)) > 0 }

// regexValues are a condition's, wherever they stand.
func regexValues(c types.RuleCondition) []string {
	switch {
	case c.HostHeaderConfig != nil && len(c.HostHeaderConfig.RegexValues) > 0:
		return c.HostHeaderConfig.RegexValues
	case c.PathPatternConfig != nil && len(c.PathPatternConfig.RegexValues) > 0:
		return c.PathPatternConfig.RegexValues
	case c.HttpHeaderConfig != nil && len(c.HttpHeaderConfig.RegexValues) > 0:
		return c.HttpHeaderConfig.RegexValues
	}
	return c.RegexValues
}

// echoRegex is echoCondition for regular expressions. Those of hosts and paths stand both
// in RegexValues and in their own config.
func echoRegex(field string, c types.RuleCondition) (types.RuleCondition, int, error) {
	out := types.RuleCondition{Field: aws.String(field)}
	regexes := regexValues(c)
	values := len(c.Values)
	switch {
	case field == "host-header":
		out.RegexValues, out.HostHeaderConfig = regexes, &types.HostHeaderConditionConfig{RegexValues: regexes}
		if c.HostHeaderConfig != nil {
			values += len(c.HostHeaderConfig.Values)
		}
	case field == "path-pattern":
		out.RegexValues, out.PathPatternConfig = regexes, &types.PathPatternConditionConfig{RegexValues: regexes}
		if c.PathPatternConfig != nil {
			values += len(c.PathPatternConfig.Values)
		}
	case field == "http-header" && c.HttpHeaderConfig != nil:
		out.HttpHeaderConfig = &types.HttpHeaderConditionConfig{HttpHeaderName: c.HttpHeaderConfig.HttpHeaderName, RegexValues: regexes}
		values += len(c.HttpHeaderConfig.Values)
	default:
		return c, 0, validation("The 'RegexValues' field is not compatible with '%s'", field)
	}
	if values > 0 {
		return c, 0, validation("A '%s' condition can have either 'Values' or 'RegexValues', not both", field)
	}
	for _, r := range regexes {
		if err := checkRegex(r, maxRegex); err != nil {
			return c, 0, err
		}
	}
	if field == "http-header" {
		return out, len(regexes), checkHeaderName(c.HttpHeaderConfig)
	}
	return out, len(regexes), nil
}
