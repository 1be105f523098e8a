package ec2

import (
	"context"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var vpcKind = kind[model.Vpc]{
	noun: "vpc ID", code: "InvalidVpcID.NotFound",
	id:   func(v model.Vpc) *string { return v.VpcId },
	tags: func(v model.Vpc) []model.Tag { return v.Tags },
	fields: map[string]func(model.Vpc) []string{
		"vpc-id":                            text(func(v model.Vpc) *string { return v.VpcId }),
		"cidr":                              text(func(v model.Vpc) *string { return v.CidrBlock }),
		"cidr-block-association.cidr-block": text(func(v model.Vpc) *string { return v.CidrBlock }),
		"dhcp-options-id":                   text(func(v model.Vpc) *string { return v.DhcpOptionsId }),
		"owner-id":                          text(func(v model.Vpc) *string { return v.OwnerId }),
		"is-default":                        truth(func(v model.Vpc) *bool { return v.IsDefault }),
		"isDefault":                         truth(func(v model.Vpc) *bool { return v.IsDefault }),
		"cidr-block-association.association-id": each(func(v model.Vpc) []model.VpcCidrBlockAssociation { return v.CidrBlockAssociationSet },
			func(a model.VpcCidrBlockAssociation) *string { return a.AssociationId }),
		"state": func(v model.Vpc) []string { return []string{string(v.State)} },
	},
}

// cidr reads a block of IPv4 addresses whose size is between two prefix lengths.
func cidr(s *string, shortest, longest int, code string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(aws.ToString(s))
	if err != nil || !p.Addr().Is4() {
		return p, invalid("Value (%s) for parameter cidrBlock is invalid. This is not a valid CIDR block.", aws.ToString(s))
	}
	if p.Bits() < shortest || p.Bits() > longest {
		return p, failure(code, "The CIDR '%s' is invalid.", p)
	}
	return p.Masked(), nil
}

// newVPC makes a VPC with what comes with each: a security group and a main route table.
func (s *Service) newVPC(tx *store.Tx, block netip.Prefix, tenancy model.Tenancy, isDefault bool) vpc {
	if tenancy == "" {
		tenancy = model.TenancyDefault
	}
	v := vpc{Support: true, Hostnames: isDefault, Vpc: model.Vpc{
		VpcId: aws.String("vpc-" + ids.Hex(17)), CidrBlock: aws.String(block.String()), State: model.VpcStateAvailable, OwnerId: aws.String(s.Place.Account),
		IsDefault: &isDefault, InstanceTenancy: tenancy, DhcpOptionsId: aws.String("dopt-" + ids.Hex(17)),
		CidrBlockAssociationSet: []model.VpcCidrBlockAssociation{{
			AssociationId: aws.String("vpc-cidr-assoc-" + ids.Hex(17)), CidrBlock: aws.String(block.String()),
			CidrBlockState: &model.VpcCidrBlockState{State: model.VpcCidrBlockStateCodeAssociated},
		}},
	}}
	s.t.vpcs.Put(tx, *v.VpcId, v)
	s.newGroup(tx, *v.VpcId, "default", "default VPC security group")
	s.newRouteTable(tx, v, true)
	return v
}

// CreateVpc makes a VPC of 16 to 65,536 addresses.
func (s *Service) CreateVpc(_ context.Context, in *model.CreateVpcInput, _ ...func(*model.Options)) (*model.CreateVpcOutput, error) {
	if in.CidrBlock == nil {
		return nil, missing("cidrBlock")
	}
	block, err := cidr(in.CidrBlock, 16, 28, "InvalidVpc.Range")
	if err != nil {
		return nil, err
	}
	var made model.Vpc
	err = s.Store.Update(func(tx *store.Tx) error {
		v := s.newVPC(tx, block, in.InstanceTenancy, false)
		s.tagNew(tx, *v.VpcId, in.TagSpecifications)
		made = s.shownVPC(tx, v)
		return nil
	})
	return &model.CreateVpcOutput{Vpc: &made}, err
}

func (s *Service) shownVPC(tx *store.Tx, v vpc) model.Vpc {
	v.Tags = s.tagsOf(tx, v.VpcId)
	return v.Vpc
}

// DescribeVpcs lists VPCs.
func (s *Service) DescribeVpcs(_ context.Context, in *model.DescribeVpcsInput, _ ...func(*model.Options)) (*model.DescribeVpcsOutput, error) {
	var all []model.Vpc
	s.Store.View(func(tx *store.Tx) {
		for _, v := range s.t.vpcs.All(tx, "") {
			all = append(all, s.shownVPC(tx, v))
		}
	})
	part, next, err := vpcKind.choose(slices.Values(all), query{in.VpcIds, in.Filters, in.NextToken, in.MaxResults})
	return &model.DescribeVpcsOutput{Vpcs: part, NextToken: next}, err
}

func (s *Service) vpc(tx *store.Tx, id *string) (vpc, error) {
	v, ok := s.t.vpcs.Get(tx, aws.ToString(id))
	if !ok {
		return v, vpcKind.none(aws.ToString(id))
	}
	return v, nil
}

// DeleteVpc deletes a VPC in which nothing stands but what came with it.
func (s *Service) DeleteVpc(_ context.Context, in *model.DeleteVpcInput, _ ...func(*model.Options)) (*model.DeleteVpcOutput, error) {
	return &model.DeleteVpcOutput{}, s.Store.Update(func(tx *store.Tx) error {
		v, err := s.vpc(tx, in.VpcId)
		if err != nil {
			return err
		}
		if s.occupied(tx, *v.VpcId) {
			return inUse("The vpc '%s' has dependencies and cannot be deleted.", *v.VpcId)
		}
		for id, g := range s.t.groups.All(tx, "") {
			if *g.VpcId == *v.VpcId {
				s.dropGroup(tx, id)
			}
		}
		for id, r := range s.t.routes.All(tx, "") {
			if *r.VpcId == *v.VpcId {
				s.t.routes.Delete(tx, id)
				s.untag(tx, id)
			}
		}
		s.t.vpcs.Delete(tx, *v.VpcId)
		s.untag(tx, *v.VpcId)
		return nil
	})
}

// occupied tells whether anything in a VPC keeps it from being deleted.
func (s *Service) occupied(tx *store.Tx, id string) bool {
	for _, x := range s.t.subnets.All(tx, "") {
		if *x.VpcId == id {
			return true
		}
	}
	for _, x := range s.t.groups.All(tx, "") {
		if *x.VpcId == id && *x.GroupName != "default" {
			return true
		}
	}
	for _, x := range s.t.routes.All(tx, "") {
		if *x.VpcId == id && !isMain(x) {
			return true
		}
	}
	for _, x := range s.t.gateways.All(tx, "") {
		for _, a := range x.Attachments {
			if *a.VpcId == id {
				return true
			}
		}
	}
	return false
}

// DescribeVpcAttribute tells one attribute.
func (s *Service) DescribeVpcAttribute(_ context.Context, in *model.DescribeVpcAttributeInput, _ ...func(*model.Options)) (*model.DescribeVpcAttributeOutput, error) {
	var v vpc
	var err error
	s.Store.View(func(tx *store.Tx) { v, err = s.vpc(tx, in.VpcId) })
	if err != nil {
		return nil, err
	}
	out := &model.DescribeVpcAttributeOutput{VpcId: v.VpcId}
	value := func(b bool) *model.AttributeBooleanValue { return &model.AttributeBooleanValue{Value: &b} }
	switch in.Attribute {
	case model.VpcAttributeNameEnableDnsHostnames:
		out.EnableDnsHostnames = value(v.Hostnames)
	case model.VpcAttributeNameEnableDnsSupport:
		out.EnableDnsSupport = value(v.Support)
	case model.VpcAttributeNameEnableNetworkAddressUsageMetrics:
		out.EnableNetworkAddressUsageMetrics = value(v.Usage)
	default:
		return nil, invalid("Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}

// ModifyVpcAttribute sets one attribute.
func (s *Service) ModifyVpcAttribute(_ context.Context, in *model.ModifyVpcAttributeInput, _ ...func(*model.Options)) (*model.ModifyVpcAttributeOutput, error) {
	return &model.ModifyVpcAttributeOutput{}, s.Store.Update(func(tx *store.Tx) error {
		v, err := s.vpc(tx, in.VpcId)
		if err != nil {
			return err
		}
		set := func(to *bool, from *model.AttributeBooleanValue) {
			if from != nil {
				*to = aws.ToBool(from.Value)
			}
		}
		set(&v.Hostnames, in.EnableDnsHostnames)
		set(&v.Support, in.EnableDnsSupport)
		set(&v.Usage, in.EnableNetworkAddressUsageMetrics)
		s.t.vpcs.Put(tx, *v.VpcId, v)
		return nil
	})
}
