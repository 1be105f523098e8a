package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// ruleOf finds one rule of a group.
func (s *Service) ruleOf(tx *store.Tx, group, id string) (model.SecurityGroupRule, error) {
	r, ok := s.t.rules.Get(tx, id)
	if !ok || *r.GroupId != group {
		return r, ruleKind.none(id)
	}
	return r, nil
}

// requested is what a rule says after a change; whose it is stays.
func (s *Service) requested(r model.SecurityGroupRule, to *model.SecurityGroupRuleRequest) (model.SecurityGroupRule, error) {
	if to == nil || to.IpProtocol == nil {
		return r, missing("ipProtocol")
	}
	p := model.IpPermission{IpProtocol: to.IpProtocol, FromPort: to.FromPort, ToPort: to.ToPort}
	switch {
	case to.CidrIpv4 != nil:
		p.IpRanges = []model.IpRange{{CidrIp: to.CidrIpv4, Description: to.Description}}
	case to.CidrIpv6 != nil:
		p.Ipv6Ranges = []model.Ipv6Range{{CidrIpv6: to.CidrIpv6, Description: to.Description}}
	case to.PrefixListId != nil:
		p.PrefixListIds = []model.PrefixListId{{PrefixListId: to.PrefixListId, Description: to.Description}}
	case to.ReferencedGroupId != nil:
		p.UserIdGroupPairs = []model.UserIdGroupPair{{GroupId: to.ReferencedGroupId, Description: to.Description}}
	default:
		return r, missing("cidrIpv4")
	}
	next := s.apart([]model.IpPermission{p})[0]
	next.SecurityGroupRuleId, next.SecurityGroupRuleArn, next.GroupId, next.GroupOwnerId, next.IsEgress = r.SecurityGroupRuleId, r.SecurityGroupRuleArn, r.GroupId, r.GroupOwnerId, r.IsEgress
	return next, nil
}

// ModifySecurityGroupRules gives rules other protocols, ports, sources and descriptions.
func (s *Service) ModifySecurityGroupRules(_ context.Context, in *model.ModifySecurityGroupRulesInput, _ ...func(*model.Options)) (*model.ModifySecurityGroupRulesOutput, error) {
	err := s.Store.Update(func(tx *store.Tx) error {
		g, err := s.group(tx, in.GroupId, nil)
		if err != nil {
			return err
		}
		for _, change := range in.SecurityGroupRules {
			r, err := s.ruleOf(tx, *g.GroupId, aws.ToString(change.SecurityGroupRuleId))
			if err != nil {
				return err
			}
			if r, err = s.requested(r, change.SecurityGroupRule); err != nil {
				return err
			}
			if ref := r.ReferencedGroupInfo; ref != nil {
				if _, err := s.group(tx, ref.GroupId, nil); err != nil {
					return err
				}
			}
			if slices.ContainsFunc(s.rulesOf(tx, *g.GroupId), func(h model.SecurityGroupRule) bool {
				return *h.SecurityGroupRuleId != *r.SecurityGroupRuleId && *h.IsEgress == *r.IsEgress && subject(h) == subject(r)
			}) {
				return duplicate(r)
			}
			s.t.rules.Put(tx, *r.SecurityGroupRuleId, r)
		}
		return nil
	})
	return &model.ModifySecurityGroupRulesOutput{Return: aws.Bool(err == nil)}, err
}

// describe gives rules of one direction other descriptions, or none.
func (s *Service) describe(id, name *string, permissions []model.IpPermission, by []model.SecurityGroupRuleDescription, egress bool) error {
	wanted := s.apart(permissions)
	if len(wanted)+len(by) == 0 {
		return missing("ipPermissions")
	}
	return s.Store.Update(func(tx *store.Tx) error {
		g, err := s.group(tx, id, name)
		if err != nil {
			return err
		}
		put := func(r model.SecurityGroupRule, text *string) {
			r.Description = text
			s.t.rules.Put(tx, *r.SecurityGroupRuleId, r)
		}
		for _, d := range by {
			r, err := s.ruleOf(tx, *g.GroupId, aws.ToString(d.SecurityGroupRuleId))
			if err != nil {
				return err
			}
			put(r, d.Description)
		}
		have := s.rulesOf(tx, *g.GroupId)
		for _, w := range wanted {
			i := slices.IndexFunc(have, func(h model.SecurityGroupRule) bool { return *h.IsEgress == egress && subject(h) == subject(w) })
			if i < 0 {
				return failure("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			put(have[i], w.Description)
		}
		return nil
	})
}

// UpdateSecurityGroupRuleDescriptionsIngress describes rules for what may come in.
func (s *Service) UpdateSecurityGroupRuleDescriptionsIngress(_ context.Context, in *model.UpdateSecurityGroupRuleDescriptionsIngressInput, _ ...func(*model.Options)) (*model.UpdateSecurityGroupRuleDescriptionsIngressOutput, error) {
	err := s.describe(in.GroupId, in.GroupName, in.IpPermissions, in.SecurityGroupRuleDescriptions, false)
	return &model.UpdateSecurityGroupRuleDescriptionsIngressOutput{Return: aws.Bool(err == nil)}, err
}

// UpdateSecurityGroupRuleDescriptionsEgress describes rules for what may go out.
func (s *Service) UpdateSecurityGroupRuleDescriptionsEgress(_ context.Context, in *model.UpdateSecurityGroupRuleDescriptionsEgressInput, _ ...func(*model.Options)) (*model.UpdateSecurityGroupRuleDescriptionsEgressOutput, error) {
	err := s.describe(in.GroupId, in.GroupName, in.IpPermissions, in.SecurityGroupRuleDescriptions, true)
	return &model.UpdateSecurityGroupRuleDescriptionsEgressOutput{Return: aws.Bool(err == nil)}, err
}
