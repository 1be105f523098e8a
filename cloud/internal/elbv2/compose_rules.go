package elbv2

import (
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) composeRules(tx *store.Tx, lb string, rules []types.Rule) []balancer.Rule {
	out := make([]balancer.Rule, 0, len(rules))
	for _, r := range rules {
		b := balancer.Rule{ID: *r.RuleArn, Gate: s.gateOf(tx, lb, r)}
		for _, t := range r.Transforms {
			switch {
			case t.HostHeaderRewriteConfig != nil:
				b.RewriteHost = composeRewrite(t.HostHeaderRewriteConfig.Rewrites)
			case t.UrlRewriteConfig != nil:
				b.RewriteURL = composeRewrite(t.UrlRewriteConfig.Rewrites)
			}
		}
		for _, c := range r.Conditions {
			b.Conditions = append(b.Conditions, composeCondition(c))
		}
		if len(r.Actions) > 0 { // routing actions stand alone or last
			b.Action = composeAction(r.Actions[len(r.Actions)-1])
		}
		out = append(out, b)
	}
	return out
}

func composeRewrite(all []types.RewriteConfig) *balancer.Rewrite {
	if len(all) == 0 {
		return nil
	}
	return &balancer.Rewrite{Regex: aws.ToString(all[0].Regex), Replace: aws.ToString(all[0].Replace)}
}

func composeCondition(c types.RuleCondition) balancer.Condition {
	out := balancer.Condition{Field: aws.ToString(c.Field), Values: c.Values, Regex: regexValues(c)}
	switch {
	case c.HostHeaderConfig != nil:
		out.Values = c.HostHeaderConfig.Values
	case c.PathPatternConfig != nil:
		out.Values = c.PathPatternConfig.Values
	case c.HttpHeaderConfig != nil:
		out.Header, out.Values = aws.ToString(c.HttpHeaderConfig.HttpHeaderName), c.HttpHeaderConfig.Values
	case c.HttpRequestMethodConfig != nil:
		out.Values = c.HttpRequestMethodConfig.Values
	case c.SourceIpConfig != nil:
		out.Values = c.SourceIpConfig.Values
	case c.QueryStringConfig != nil:
		for _, q := range c.QueryStringConfig.Values {
			out.Query = append(out.Query, balancer.KeyValue{Key: aws.ToString(q.Key), Value: aws.ToString(q.Value)})
		}
	}
	return out
}

func composeAction(a types.Action) balancer.Action {
	switch {
	case a.RedirectConfig != nil:
		r := a.RedirectConfig
		return balancer.Action{Redirect: &balancer.Redirect{
			Status:   number(strings.TrimPrefix(string(r.StatusCode), "HTTP_")),
			Protocol: aws.ToString(r.Protocol), Host: aws.ToString(r.Host), Port: aws.ToString(r.Port),
			Path: aws.ToString(r.Path), Query: aws.ToString(r.Query),
		}}
	case a.FixedResponseConfig != nil:
		f := a.FixedResponseConfig
		return balancer.Action{Fixed: &balancer.Fixed{
			Status: number(aws.ToString(f.StatusCode)), ContentType: aws.ToString(f.ContentType), Body: aws.ToString(f.MessageBody),
		}}
	}
	return balancer.Action{Forward: composeForward(a.ForwardConfig)}
}

func composeForward(c *types.ForwardActionConfig) *balancer.Forward {
	f := &balancer.Forward{}
	if c == nil {
		return f
	}
	for _, g := range c.TargetGroups {
		f.Groups = append(f.Groups, balancer.Weighted{Group: *g.TargetGroupArn, Weight: int(aws.ToInt32(g.Weight))})
	}
	if s := c.TargetGroupStickinessConfig; s != nil && aws.ToBool(s.Enabled) {
		f.Stickiness = time.Duration(aws.ToInt32(s.DurationSeconds)) * time.Second
	}
	return f
}
