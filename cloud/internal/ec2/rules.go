package ec2

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// putRule stores a rule of a group under a new identifier.
func (s *Service) putRule(tx *store.Tx, g model.SecurityGroup, r model.SecurityGroupRule, egress bool) model.SecurityGroupRule {
	r.SecurityGroupRuleId, r.GroupId, r.GroupOwnerId, r.IsEgress = aws.String("sgr-"+ids.Hex(17)), g.GroupId, g.OwnerId, &egress
	r.SecurityGroupRuleArn = aws.String(s.Place.Of("ec2", "security-group-rule/"+*r.SecurityGroupRuleId))
	s.t.rules.Put(tx, *r.SecurityGroupRuleId, r)
	return r
}

// apart takes permissions apart into rules, one for each source or destination.
func (s *Service) apart(permissions []model.IpPermission) []model.SecurityGroupRule {
	var out []model.SecurityGroupRule
	for _, p := range permissions {
		base := model.SecurityGroupRule{IpProtocol: p.IpProtocol, FromPort: p.FromPort, ToPort: p.ToPort}
		if aws.ToString(p.IpProtocol) == "-1" {
			base.FromPort, base.ToPort = aws.Int32(-1), aws.Int32(-1)
		}
		for _, x := range p.IpRanges {
			r := base
			r.CidrIpv4, r.Description = x.CidrIp, x.Description
			out = append(out, r)
		}
		for _, x := range p.Ipv6Ranges {
			r := base
			r.CidrIpv6, r.Description = x.CidrIpv6, x.Description
			out = append(out, r)
		}
		for _, x := range p.PrefixListIds {
			r := base
			r.PrefixListId, r.Description = x.PrefixListId, x.Description
			out = append(out, r)
		}
		for _, x := range p.UserIdGroupPairs {
			r := base
			r.ReferencedGroupInfo, r.Description = &model.ReferencedSecurityGroup{GroupId: x.GroupId, UserId: aws.String(cmp.Or(aws.ToString(x.UserId), s.Place.Account))}, x.Description
			out = append(out, r)
		}
	}
	return out
}

// subject is what makes a rule the same as another one.
func subject(r model.SecurityGroupRule) [6]string {
	var group string
	if r.ReferencedGroupInfo != nil {
		group = aws.ToString(r.ReferencedGroupInfo.GroupId)
	}
	ports := ""
	if r.FromPort != nil && r.ToPort != nil {
		ports = fmt.Sprint(*r.FromPort, *r.ToPort)
	}
	return [6]string{aws.ToString(r.IpProtocol), ports, aws.ToString(r.CidrIpv4), aws.ToString(r.CidrIpv6), aws.ToString(r.PrefixListId), group}
}

// permissions puts a group's rules of one direction together as DescribeSecurityGroups
// shows them: one for each protocol and range of ports.
func permissions(rules []model.SecurityGroupRule, egress bool) []model.IpPermission {
	out := []model.IpPermission{}
	for _, r := range rules {
		if *r.IsEgress != egress {
			continue
		}
		i := slices.IndexFunc(out, func(p model.IpPermission) bool {
			return *p.IpProtocol == *r.IpProtocol && (*p.IpProtocol == "-1" || equal(p.FromPort, r.FromPort) && equal(p.ToPort, r.ToPort))
		})
		if i < 0 {
			p := model.IpPermission{
				IpProtocol: r.IpProtocol, IpRanges: []model.IpRange{}, Ipv6Ranges: []model.Ipv6Range{}, PrefixListIds: []model.PrefixListId{}, UserIdGroupPairs: []model.UserIdGroupPair{},
			}
			if *r.IpProtocol != "-1" {
				p.FromPort, p.ToPort = r.FromPort, r.ToPort
			}
			out = append(out, p)
			i = len(out) - 1
		}
		p := &out[i]
		switch {
		case r.CidrIpv4 != nil:
			p.IpRanges = append(p.IpRanges, model.IpRange{CidrIp: r.CidrIpv4, Description: r.Description})
		case r.CidrIpv6 != nil:
			p.Ipv6Ranges = append(p.Ipv6Ranges, model.Ipv6Range{CidrIpv6: r.CidrIpv6, Description: r.Description})
		case r.PrefixListId != nil:
			p.PrefixListIds = append(p.PrefixListIds, model.PrefixListId{PrefixListId: r.PrefixListId, Description: r.Description})
		case r.ReferencedGroupInfo != nil:
			p.UserIdGroupPairs = append(p.UserIdGroupPairs, model.UserIdGroupPair{GroupId: r.ReferencedGroupInfo.GroupId, UserId: r.ReferencedGroupInfo.UserId, Description: r.Description})
		}
	}
	return out
}

func equal(a, b *int32) bool { return aws.ToInt32(a) == aws.ToInt32(b) && (a == nil) == (b == nil) }

// single is the permission that a call's own parameters stand for, beside IpPermissions.
func single(given []model.IpPermission, protocol, cidr *string, from, to *int32) []model.IpPermission {
	if cidr == nil {
		return given
	}
	return append(given, model.IpPermission{IpProtocol: protocol, FromPort: from, ToPort: to, IpRanges: []model.IpRange{{CidrIp: cidr}}})
}

func (s *Service) authorize(id, name *string, permissions []model.IpPermission, specs []model.TagSpecification, egress bool) (made []model.SecurityGroupRule, err error) {
	rules := s.apart(permissions)
	if len(rules) == 0 {
		return nil, missing("ipPermissions")
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		g, err := s.group(tx, id, name)
		if err != nil {
			return err
		}
		have := s.rulesOf(tx, *g.GroupId)
		for _, r := range rules {
			if ref := r.ReferencedGroupInfo; ref != nil {
				if _, err := s.group(tx, ref.GroupId, nil); err != nil {
					return err
				}
			}
			if slices.ContainsFunc(have, func(h model.SecurityGroupRule) bool { return *h.IsEgress == egress && subject(h) == subject(r) }) {
				return duplicate(r)
			}
			r = s.putRule(tx, g, r, egress)
			have = append(have, r)
			s.tagNew(tx, *r.SecurityGroupRuleId, specs)
			r.Tags = s.tagsOf(tx, r.SecurityGroupRuleId)
			made = append(made, r)
		}
		return nil
	})
	return made, err
}

func duplicate(r model.SecurityGroupRule) error {
	return failure("InvalidPermission.Duplicate", "the specified rule \"peer: %s%s, %s\" already exists", aws.ToString(r.CidrIpv4), aws.ToString(r.CidrIpv6), aws.ToString(r.IpProtocol))
}

func (s *Service) revoke(id, name *string, permissions []model.IpPermission, rules []string, egress bool) error {
	gone := s.apart(permissions)
	return s.Store.Update(func(tx *store.Tx) error {
		g, err := s.group(tx, id, name)
		if err != nil {
			return err
		}
		have := s.rulesOf(tx, *g.GroupId)
		for _, id := range rules {
			if !slices.ContainsFunc(have, func(h model.SecurityGroupRule) bool { return *h.SecurityGroupRuleId == id && *h.IsEgress == egress }) {
				return failure("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
			}
			s.t.rules.Delete(tx, id)
			s.untag(tx, id)
		}
		for _, r := range gone {
			i := slices.IndexFunc(have, func(h model.SecurityGroupRule) bool { return *h.IsEgress == egress && subject(h) == subject(r) })
			if i < 0 {
				return failure("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			s.t.rules.Delete(tx, *have[i].SecurityGroupRuleId)
			s.untag(tx, *have[i].SecurityGroupRuleId)
		}
		return nil
	})
}

// AuthorizeSecurityGroupIngress adds rules for what may come in.
func (s *Service) AuthorizeSecurityGroupIngress(_ context.Context, in *model.AuthorizeSecurityGroupIngressInput, _ ...func(*model.Options)) (*model.AuthorizeSecurityGroupIngressOutput, error) {
	made, err := s.authorize(in.GroupId, in.GroupName, single(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.TagSpecifications, false)
	return &model.AuthorizeSecurityGroupIngressOutput{Return: aws.Bool(true), SecurityGroupRules: made}, err
}

// AuthorizeSecurityGroupEgress adds rules for what may go out.
func (s *Service) AuthorizeSecurityGroupEgress(_ context.Context, in *model.AuthorizeSecurityGroupEgressInput, _ ...func(*model.Options)) (*model.AuthorizeSecurityGroupEgressOutput, error) {
	made, err := s.authorize(in.GroupId, nil, single(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.TagSpecifications, true)
	return &model.AuthorizeSecurityGroupEgressOutput{Return: aws.Bool(true), SecurityGroupRules: made}, err
}

// RevokeSecurityGroupIngress removes rules for what may come in.
func (s *Service) RevokeSecurityGroupIngress(_ context.Context, in *model.RevokeSecurityGroupIngressInput, _ ...func(*model.Options)) (*model.RevokeSecurityGroupIngressOutput, error) {
	err := s.revoke(in.GroupId, in.GroupName, single(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.SecurityGroupRuleIds, false)
	return &model.RevokeSecurityGroupIngressOutput{Return: aws.Bool(true)}, err
}

// RevokeSecurityGroupEgress removes rules for what may go out.
func (s *Service) RevokeSecurityGroupEgress(_ context.Context, in *model.RevokeSecurityGroupEgressInput, _ ...func(*model.Options)) (*model.RevokeSecurityGroupEgressOutput, error) {
	err := s.revoke(in.GroupId, nil, single(in.IpPermissions, in.IpProtocol, in.CidrIp, in.FromPort, in.ToPort), in.SecurityGroupRuleIds, true)
	return &model.RevokeSecurityGroupEgressOutput{Return: aws.Bool(true)}, err
}

var ruleKind = kind[model.SecurityGroupRule]{
	noun: "security group rule ID", code: "InvalidSecurityGroupRuleId.NotFound",
	id:   func(r model.SecurityGroupRule) *string { return r.SecurityGroupRuleId },
	tags: func(r model.SecurityGroupRule) []model.Tag { return r.Tags },
	fields: map[string]func(model.SecurityGroupRule) []string{
		"group-id":               text(func(r model.SecurityGroupRule) *string { return r.GroupId }),
		"security-group-rule-id": text(func(r model.SecurityGroupRule) *string { return r.SecurityGroupRuleId }),
	},
}

// DescribeSecurityGroupRules lists rules.
func (s *Service) DescribeSecurityGroupRules(_ context.Context, in *model.DescribeSecurityGroupRulesInput, _ ...func(*model.Options)) (*model.DescribeSecurityGroupRulesOutput, error) {
	var all []model.SecurityGroupRule
	s.Store.View(func(tx *store.Tx) {
		for _, r := range s.t.rules.All(tx, "") {
			r.Tags = s.tagsOf(tx, r.SecurityGroupRuleId)
			all = append(all, r)
		}
	})
	part, next, err := ruleKind.choose(slices.Values(all), query{in.SecurityGroupRuleIds, in.Filters, in.NextToken, in.MaxResults})
	return &model.DescribeSecurityGroupRulesOutput{SecurityGroupRules: part, NextToken: next}, err
}
