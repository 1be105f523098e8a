package elbv2

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxRules    = 100
	maxPriority = 50000
)

// CreateRule adds a rule to an application load balancer's listener.
func (s *Service) CreateRule(_ context.Context, in *elb.CreateRuleInput, _ ...func(*elb.Options)) (*elb.CreateRuleOutput, error) {
	l := aws.ToString(in.ListenerArn)
	if err := checkARN(l, "listener"); err != nil {
		return nil, err
	}
	r := rule{Desc: types.Rule{
		RuleArn: aws.String(rulePrefix(l) + ids.Hex(16)), IsDefault: aws.Bool(false),
		Conditions: in.Conditions, Actions: in.Actions, Transforms: in.Transforms,
	}}
	var err error
	if r.Tags, err = mergeTags(nil, in.Tags); err != nil {
		return nil, err
	}
	if err := r.setPriority(aws.ToInt32(in.Priority)); err != nil {
		return nil, err
	}
	err = s.change(func(tx *store.Tx) error {
		n := 0
		for _, other := range s.tables.rules.All(tx, rulePrefix(l)) {
			n++
			if other.Priority == r.Priority {
				return priorityInUse(r.Priority)
			}
		}
		if n >= maxRules {
			return &types.TooManyRulesException{Message: text("The maximum number of rules per load balancer is '%d'", maxRules)}
		}
		return s.putRule(tx, &r)
	})
	if err != nil {
		return nil, err
	}
	return &elb.CreateRuleOutput{Rules: []types.Rule{r.Desc}}, nil
}

func priorityInUse(p int32) error {
	return &types.PriorityInUseException{Message: text("Priority '%d' is currently in use", p)}
}

func (r *rule) setPriority(p int32) error {
	if p < 1 || p > maxPriority {
		return validation("Priority '%d' must be between '1' and '%d' inclusive", p, maxPriority)
	}
	r.Priority, r.Desc.Priority = p, aws.String(strconv.Itoa(int(p)))
	return nil
}

// putRule checks a new or changed rule whole and stores it.
func (s *Service) putRule(tx *store.Tx, r *rule) error {
	id := *r.Desc.RuleArn
	l, ok := s.tables.listeners.Get(tx, ruleListener(id))
	if !ok {
		return noListener(ruleListener(id))
	}
	if isNetwork(id) {
		return validation("Rules are not supported for listeners with the protocol '%s'", l.Desc.Protocol)
	}
	var err error
	if r.Desc.Conditions, err = echoConditions(r.Desc.Conditions); err != nil {
		return err
	}
	if err := checkTransforms(r.Desc.Transforms); err != nil {
		return err
	}
	if r.Desc.Actions, err = echo(r.Desc.Actions, l.Desc.Protocol); err != nil {
		return err
	}
	if err := s.keepSecret(tx, id, r.Desc.Actions); err != nil {
		return err
	}
	if err := s.checkGroups(tx, *l.Desc.LoadBalancerArn, l.Desc.Protocol, r.Desc.Actions); err != nil {
		return err
	}
	s.tables.rules.Put(tx, id, *r)
	return nil
}

// rule returns one that may be changed.
func (s *Service) rule(tx *store.Tx, id, verb string) (rule, error) {
	r, ok := s.tables.rules.Get(tx, id)
	if ok {
		return r, nil
	}
	if l, ok := s.tables.listeners.Get(tx, ruleListener(id)); ok && l.DefaultRule == id {
		return r, notPermitted("Default rule '%s' cannot be %s", id, verb)
	}
	return r, noRule(id)
}

// ModifyRule replaces conditions, actions and transforms, each as a whole list.
func (s *Service) ModifyRule(_ context.Context, in *elb.ModifyRuleInput, _ ...func(*elb.Options)) (*elb.ModifyRuleOutput, error) {
	id := aws.ToString(in.RuleArn)
	if err := checkARN(id, "listener-rule"); err != nil {
		return nil, err
	}
	if len(in.Transforms) > 0 && aws.ToBool(in.ResetTransforms) {
		return nil, validation("You cannot specify both transforms and ResetTransforms")
	}
	if len(in.Conditions) == 0 && len(in.Actions) == 0 && len(in.Transforms) == 0 && !aws.ToBool(in.ResetTransforms) {
		return nil, validation("Either conditions or actions must be specified")
	}
	var r rule
	err := s.change(func(tx *store.Tx) (err error) {
		if r, err = s.rule(tx, id, "modified"); err != nil {
			return err
		}
		if len(in.Conditions) > 0 {
			r.Desc.Conditions = in.Conditions
		}
		if len(in.Actions) > 0 {
			r.Desc.Actions = in.Actions
		}
		if len(in.Transforms) > 0 || aws.ToBool(in.ResetTransforms) {
			r.Desc.Transforms = in.Transforms
		}
		return s.putRule(tx, &r)
	})
	if err != nil {
		return nil, err
	}
	return &elb.ModifyRuleOutput{Rules: []types.Rule{r.Desc}}, nil
}

// DescribeRules returns a listener's rules, by priority and the default one last, or
// those that are named.
func (s *Service) DescribeRules(_ context.Context, in *elb.DescribeRulesInput, _ ...func(*elb.Options)) (*elb.DescribeRulesOutput, error) {
	l := aws.ToString(in.ListenerArn)
	switch {
	case l == "" && len(in.RuleArns) == 0:
		return nil, validation("You must specify either listener rule ARNs or a listener ARN")
	case l != "" && len(in.RuleArns) > 0:
		return nil, validation("Listener rule ARNs and a listener ARN cannot be specified at the same time")
	}
	var all []types.Rule
	var err error
	s.Store.View(func(tx *store.Tx) {
		if l == "" {
			all, err = s.rulesNamed(tx, in.RuleArns)
		} else if row, ok := s.tables.listeners.Get(tx, l); ok {
			all = s.ordered(tx, l, row)
		} else {
			err = errListeners
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := cut(all, func(r types.Rule) string { return *r.RuleArn }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeRulesOutput{Rules: part, NextMarker: next}, nil
}

func (s *Service) rulesNamed(tx *store.Tx, arns []string) ([]types.Rule, error) {
	out := []types.Rule{}
	for _, id := range arns {
		if err := checkARN(id, "listener-rule"); err != nil {
			return nil, err
		}
		if r, ok := s.tables.rules.Get(tx, id); ok {
			out = append(out, r.Desc)
		} else if l, ok := s.tables.listeners.Get(tx, ruleListener(id)); ok && l.DefaultRule == id {
			out = append(out, defaultRule(l))
		} else {
			return nil, errRules
		}
	}
	return out, nil
}

// DeleteRule removes a rule; the default one cannot be.
func (s *Service) DeleteRule(_ context.Context, in *elb.DeleteRuleInput, _ ...func(*elb.Options)) (*elb.DeleteRuleOutput, error) {
	id := aws.ToString(in.RuleArn)
	if err := checkARN(id, "listener-rule"); err != nil {
		return nil, err
	}
	err := s.change(func(tx *store.Tx) error {
		if _, err := s.rule(tx, id, "deleted"); err != nil {
			return err
		}
		s.tables.rules.Delete(tx, id)
		s.tables.secrets.Delete(tx, id)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.DeleteRuleOutput{}, nil
}

// SetRulePriorities moves rules, all or none. Two rules may change places.
func (s *Service) SetRulePriorities(_ context.Context, in *elb.SetRulePrioritiesInput, _ ...func(*elb.Options)) (*elb.SetRulePrioritiesOutput, error) {
	out := &elb.SetRulePrioritiesOutput{Rules: []types.Rule{}}
	err := s.change(func(tx *store.Tx) error {
		moved := map[string]bool{}
		for _, p := range in.RulePriorities {
			id := aws.ToString(p.RuleArn)
			if err := checkARN(id, "listener-rule"); err != nil {
				return err
			}
			r, err := s.rule(tx, id, "modified")
			if err != nil {
				return err
			}
			if moved[id] {
				return validation("Rule '%s' was provided multiple times", id)
			}
			if err := r.setPriority(aws.ToInt32(p.Priority)); err != nil {
				return err
			}
			moved[id] = true
			s.tables.rules.Put(tx, id, r)
			out.Rules = append(out.Rules, r.Desc)
		}
		return s.checkPriorities(tx, moved)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// checkPriorities finds two rules of one listener at one priority.
func (s *Service) checkPriorities(tx *store.Tx, moved map[string]bool) error {
	type place struct {
		listener string
		priority int32
	}
	taken := map[place]string{}
	for id, r := range s.tables.rules.All(tx, "") {
		p := place{ruleListener(id), r.Priority}
		other, dup := taken[p]
		switch {
		case dup && moved[id] && moved[other]:
			return validation("Priority '%d' was provided multiple times", r.Priority)
		case dup:
			return priorityInUse(r.Priority)
		}
		taken[p] = id
	}
	return nil
}
