package elbv2

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/regex"
)

const (
	maxConditionValues = 5 // over all conditions of a rule, regular expressions included
	maxWildcards       = 6
	maxPattern         = 128
	maxHeaderName      = 40
)

var conditionFields = []string{"path-pattern", "host-header", "http-header", "http-request-method", "query-string", "source-ip"}

// echoConditions is the form in which conditions are kept and returned: those of hosts and
// paths stand both in Values, as the API was born with, and in their own config.
func echoConditions(in []types.RuleCondition) ([]types.RuleCondition, error) {
	if len(in) == 0 {
		return nil, validation("A condition must be specified")
	}
	out := make([]types.RuleCondition, 0, len(in))
	seen := map[string]bool{}
	values := 0
	for _, c := range in {
		field := aws.ToString(c.Field)
		if !slices.Contains(conditionFields, field) {
			return nil, validation("Condition field '%s' must be one of '[%s]'", field, strings.Join(conditionFields, ","))
		}
		if seen[field] && field != "http-header" && field != "query-string" {
			return nil, validation("A rule can only have one '%s' condition", field)
		}
		seen[field] = true
		c, n, err := echoCondition(field, c)
		if err != nil {
			return nil, err
		}
		values += n
		out = append(out, c)
	}
	if values > maxConditionValues {
		return nil, validation("A rule can only have '%d' condition values", maxConditionValues)
	}
	return out, nil
}

func echoCondition(field string, c types.RuleCondition) (types.RuleCondition, int, error) {
	if hasRegex(c) {
		return echoRegex(field, c)
	}
	out := types.RuleCondition{Field: aws.String(field)}
	if len(c.Values) > 0 && field != "host-header" && field != "path-pattern" {
		return c, 0, validation("The 'Values' field is not compatible with '%s'", field)
	}
	var values []string
	switch {
	case field == "host-header":
		if values = c.Values; c.HostHeaderConfig != nil {
			values = together(values, c.HostHeaderConfig.Values)
		}
		out.Values, out.HostHeaderConfig = values, &types.HostHeaderConditionConfig{Values: values}
	case field == "path-pattern":
		if values = c.Values; c.PathPatternConfig != nil {
			values = together(values, c.PathPatternConfig.Values)
		}
		out.Values, out.PathPatternConfig = values, &types.PathPatternConditionConfig{Values: values}
	case field == "http-header" && c.HttpHeaderConfig != nil:
		values, out.HttpHeaderConfig = c.HttpHeaderConfig.Values, c.HttpHeaderConfig
	case field == "http-request-method" && c.HttpRequestMethodConfig != nil:
		values, out.HttpRequestMethodConfig = c.HttpRequestMethodConfig.Values, c.HttpRequestMethodConfig
	case field == "source-ip" && c.SourceIpConfig != nil:
		values, out.SourceIpConfig = c.SourceIpConfig.Values, c.SourceIpConfig
	case field == "query-string" && c.QueryStringConfig != nil:
		out.QueryStringConfig = c.QueryStringConfig
		for _, q := range c.QueryStringConfig.Values {
			if q.Value == nil {
				return c, 0, validation("A 'Value' must be specified in 'QueryStringKeyValuePair'")
			}
			values = append(values, aws.ToString(q.Key)+*q.Value)
		}
	default:
		return c, 0, validation("A '%s' must be specified with '%s'", configNames[field], field)
	}
	return out, len(values), checkCondition(field, out, values)
}

// together are the values of a condition's two places, each once: a condition as it is
// returned, and kept, has all of them in both, and comes back so when only the rule's
// actions change.
func together(values, config []string) []string {
	all := slices.Clone(values)
	for _, v := range config {
		if !slices.Contains(values, v) {
			all = append(all, v)
		}
	}
	return all
}

var configNames = map[string]string{
	"http-header": "HttpHeaderConfig", "http-request-method": "HttpRequestMethodConfig",
	"source-ip": "SourceIpConfig", "query-string": "QueryStringConfig",
}

var methodChars = regex.New(`^[A-Z_-]+$`)

func checkCondition(field string, c types.RuleCondition, values []string) error {
	if len(values) == 0 {
		return validation("A condition value must be specified")
	}
	if field == "http-header" {
		if err := checkHeaderName(c.HttpHeaderConfig); err != nil {
			return err
		}
	}
	for _, v := range values {
		if err := checkConditionValue(field, v); err != nil {
			return err
		}
	}
	return nil
}

func checkHeaderName(c *types.HttpHeaderConditionConfig) error {
	if n := len(aws.ToString(c.HttpHeaderName)); n == 0 || n > maxHeaderName {
		return validation("The 'HttpHeaderName' value must be between '1' and '%d' characters long", maxHeaderName)
	}
	return nil
}

func checkConditionValue(field, v string) error {
	limit := maxPattern
	if field == "http-request-method" {
		limit = maxHeaderName
	}
	if field == "query-string" {
		limit = 2 * maxPattern // a key and a value
	}
	if len(v) > limit {
		return validation("The '%s' value is too long; the limit is '%d'", field, limit)
	}
	switch field {
	case "http-request-method":
		if !methodChars.MatchString(v) {
			return validation("The 'http-request-method' value is invalid; the allowed characters are A-Z, hyphen and underscore")
		}
	case "source-ip":
		if _, err := netip.ParsePrefix(v); err != nil {
			return validation("The 'source-ip' value '%s' is not a valid CIDR block", v)
		}
	default:
		if strings.Count(v, "*")+strings.Count(v, "?") > maxWildcards {
			return validation("Rule condition value '%s' has too many wildcards; the limit is '%d'", v, maxWildcards)
		}
	}
	return nil
}
