package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var groupKind = kind[model.SecurityGroup]{
	noun: "security group", code: "InvalidGroup.NotFound",
	id:   func(g model.SecurityGroup) *string { return g.GroupId },
	tags: func(g model.SecurityGroup) []model.Tag { return g.Tags },
	fields: map[string]func(model.SecurityGroup) []string{
		"group-id":    text(func(g model.SecurityGroup) *string { return g.GroupId }),
		"group-name":  text(func(g model.SecurityGroup) *string { return g.GroupName }),
		"description": text(func(g model.SecurityGroup) *string { return g.Description }),
		"vpc-id":      text(func(g model.SecurityGroup) *string { return g.VpcId }),
		"owner-id":    text(func(g model.SecurityGroup) *string { return g.OwnerId }),
	},
}

// newGroup makes a security group, which lets everything out.
func (s *Service) newGroup(tx *store.Tx, vpc, name, description string) model.SecurityGroup {
	id := "sg-" + ids.Hex(17)
	g := model.SecurityGroup{
		GroupId: &id, GroupName: &name, Description: &description, VpcId: &vpc, OwnerId: aws.String(s.Place.Account),
		SecurityGroupArn: aws.String(s.Place.Of("ec2", "security-group/"+id)),
	}
	s.t.groups.Put(tx, id, g)
	all := model.SecurityGroupRule{IpProtocol: aws.String("-1"), FromPort: aws.Int32(-1), ToPort: aws.Int32(-1)}
	out, in := all, all
	out.CidrIpv4 = aws.String("0.0.0.0/0")
	s.putRule(tx, g, out, true)
	if name == "default" {
		in.ReferencedGroupInfo = &model.ReferencedSecurityGroup{GroupId: &id, UserId: g.OwnerId}
		s.putRule(tx, g, in, false)
	}
	return g
}

// dropGroup deletes a group with its rules.
func (s *Service) dropGroup(tx *store.Tx, id string) {
	for _, r := range s.rulesOf(tx, id) {
		s.t.rules.Delete(tx, *r.SecurityGroupRuleId)
	}
	s.t.groups.Delete(tx, id)
	s.untag(tx, id)
}

func (s *Service) rulesOf(tx *store.Tx, group string) []model.SecurityGroupRule {
	var out []model.SecurityGroupRule
	for _, r := range s.t.rules.All(tx, "") {
		if *r.GroupId == group {
			out = append(out, r)
		}
	}
	return out
}

// CreateSecurityGroup makes a security group in a VPC, by default the default one.
func (s *Service) CreateSecurityGroup(_ context.Context, in *model.CreateSecurityGroupInput, _ ...func(*model.Options)) (*model.CreateSecurityGroupOutput, error) {
	switch {
	case in.GroupName == nil:
		return nil, missing("groupName")
	case in.Description == nil:
		return nil, missing("groupDescription")
	case *in.GroupName == "default":
		return nil, failure("InvalidParameterValue", "Cannot use reserved security group name: default")
	}
	out := &model.CreateSecurityGroupOutput{}
	err := s.Store.Update(func(tx *store.Tx) error {
		id, err := s.vpcOrDefault(tx, in.VpcId)
		if err != nil {
			return err
		}
		for _, g := range s.t.groups.All(tx, "") {
			if *g.VpcId == id && *g.GroupName == *in.GroupName {
				return failure("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", *in.GroupName, id)
			}
		}
		g := s.newGroup(tx, id, *in.GroupName, *in.Description)
		s.tagNew(tx, *g.GroupId, in.TagSpecifications)
		out.GroupId, out.SecurityGroupArn, out.Tags = g.GroupId, g.SecurityGroupArn, s.tagsOf(tx, g.GroupId)
		return nil
	})
	return out, err
}

func (s *Service) vpcOrDefault(tx *store.Tx, id *string) (string, error) {
	if id != nil {
		v, err := s.vpc(tx, id)
		return aws.ToString(v.VpcId), err
	}
	for id, v := range s.t.vpcs.All(tx, "") {
		if aws.ToBool(v.IsDefault) {
			return id, nil
		}
	}
	return "", failure("VPCIdNotSpecified", "No default VPC for this user")
}

// DescribeSecurityGroups lists security groups with their rules.
func (s *Service) DescribeSecurityGroups(_ context.Context, in *model.DescribeSecurityGroupsInput, _ ...func(*model.Options)) (*model.DescribeSecurityGroupsOutput, error) {
	var all []model.SecurityGroup
	s.Store.View(func(tx *store.Tx) {
		for id, g := range s.t.groups.All(tx, "") {
			if len(in.GroupNames) > 0 && !slices.Contains(in.GroupNames, *g.GroupName) {
				continue
			}
			g.Tags = s.tagsOf(tx, g.GroupId)
			rules := s.rulesOf(tx, id)
			g.IpPermissions, g.IpPermissionsEgress = permissions(rules, false), permissions(rules, true)
			all = append(all, g)
		}
	})
	part, next, err := groupKind.choose(slices.Values(all), query{in.GroupIds, in.Filters, in.NextToken, in.MaxResults})
	return &model.DescribeSecurityGroupsOutput{SecurityGroups: part, NextToken: next}, err
}

// DeleteSecurityGroup deletes a security group that no other one names.
func (s *Service) DeleteSecurityGroup(_ context.Context, in *model.DeleteSecurityGroupInput, _ ...func(*model.Options)) (*model.DeleteSecurityGroupOutput, error) {
	var g model.SecurityGroup
	err := s.Store.Update(func(tx *store.Tx) (err error) {
		if g, err = s.group(tx, in.GroupId, in.GroupName); err != nil {
			return err
		}
		if *g.GroupName == "default" {
			return failure("CannotDelete", "the specified group: \"%s\" name: \"default\" cannot be deleted by a user", *g.GroupId)
		}
		for _, r := range s.t.rules.All(tx, "") {
			if ref := r.ReferencedGroupInfo; ref != nil && *ref.GroupId == *g.GroupId && *r.GroupId != *g.GroupId {
				return inUse("resource %s has a dependent object", *g.GroupId)
			}
		}
		for _, i := range s.t.interfaces.All(tx, "") {
			if slices.ContainsFunc(i.Groups, func(x model.GroupIdentifier) bool { return *x.GroupId == *g.GroupId }) {
				return inUse("resource %s has a dependent object", *g.GroupId)
			}
		}
		s.dropGroup(tx, *g.GroupId)
		return nil
	})
	return &model.DeleteSecurityGroupOutput{GroupId: g.GroupId, Return: aws.Bool(err == nil)}, err
}

// group finds a security group by its identifier, or by its name in the default VPC.
func (s *Service) group(tx *store.Tx, id, name *string) (model.SecurityGroup, error) {
	if id == nil && name != nil {
		vpc, err := s.vpcOrDefault(tx, nil)
		if err != nil {
			return model.SecurityGroup{}, err
		}
		for _, g := range s.t.groups.All(tx, "") {
			if *g.VpcId == vpc && *g.GroupName == *name {
				return g, nil
			}
		}
		return model.SecurityGroup{}, groupKind.none(*name)
	}
	g, ok := s.t.groups.Get(tx, aws.ToString(id))
	if !ok {
		return g, groupKind.none(aws.ToString(id))
	}
	return g, nil
}
