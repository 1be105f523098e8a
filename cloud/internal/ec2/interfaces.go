package ec2

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var interfaceKind = kind[model.NetworkInterface]{
	noun: "networkInterface ID", code: "InvalidNetworkInterfaceID.NotFound",
	id:   func(i model.NetworkInterface) *string { return i.NetworkInterfaceId },
	tags: func(i model.NetworkInterface) []model.Tag { return i.TagSet },
	fields: absent(map[string]func(model.NetworkInterface) []string{
		"network-interface-id": text(func(i model.NetworkInterface) *string { return i.NetworkInterfaceId }),
		"subnet-id":            text(func(i model.NetworkInterface) *string { return i.SubnetId }),
		"vpc-id":               text(func(i model.NetworkInterface) *string { return i.VpcId }),
		"availability-zone":    text(func(i model.NetworkInterface) *string { return i.AvailabilityZone }),
		"description":          text(func(i model.NetworkInterface) *string { return i.Description }),
		"private-ip-address":   text(func(i model.NetworkInterface) *string { return i.PrivateIpAddress }),
		"owner-id":             text(func(i model.NetworkInterface) *string { return i.OwnerId }),
		"requester-id":         text(func(i model.NetworkInterface) *string { return i.RequesterId }),
		"status":               func(i model.NetworkInterface) []string { return []string{string(i.Status)} },
		"interface-type":       func(i model.NetworkInterface) []string { return []string{string(i.InterfaceType)} },
		"mac-address":          text(func(i model.NetworkInterface) *string { return i.MacAddress }),
		"private-dns-name":     text(func(i model.NetworkInterface) *string { return i.PrivateDnsName }),
		"requester-managed":    truth(func(i model.NetworkInterface) *bool { return i.RequesterManaged }),
		"source-dest-check":    truth(func(i model.NetworkInterface) *bool { return i.SourceDestCheck }),
		"group-id": each(func(i model.NetworkInterface) []model.GroupIdentifier { return i.Groups },
			func(g model.GroupIdentifier) *string { return g.GroupId }),
		"addresses.private-ip-address": each(func(i model.NetworkInterface) []model.NetworkInterfacePrivateIpAddress { return i.PrivateIpAddresses },
			func(a model.NetworkInterfacePrivateIpAddress) *string { return a.PrivateIpAddress }),
	}, "attachment.attach-time", "attachment.attachment-id", "attachment.delete-on-termination", "attachment.device-index", "attachment.instance-id",
		"attachment.instance-owner-id", "attachment.status", "association.allocation-id", "association.association-id", "association.ip-owner-id",
		"association.public-dns-name", "association.public-ip", "addresses.association.owner-id", "addresses.association.public-ip", "ipv6-addresses.ipv6-address"),
}

// CreateNetworkInterface makes an interface with an address of its subnet.
func (s *Service) CreateNetworkInterface(_ context.Context, in *model.CreateNetworkInterfaceInput, _ ...func(*model.Options)) (*model.CreateNetworkInterfaceOutput, error) {
	var i model.NetworkInterface
	err := s.Store.Update(func(tx *store.Tx) error {
		x, err := s.subnet(tx, in.SubnetId)
		if err != nil {
			return err
		}
		addr, err := s.freeAddress(tx, x, in.PrivateIpAddress)
		if err != nil {
			return err
		}
		hex := ids.Hex(10)
		i = model.NetworkInterface{
			NetworkInterfaceId: aws.String("eni-" + ids.Hex(17)), SubnetId: x.SubnetId, VpcId: x.VpcId, AvailabilityZone: x.AvailabilityZone, OwnerId: x.OwnerId,
			Description: aws.String(aws.ToString(in.Description)), Status: model.NetworkInterfaceStatusAvailable, InterfaceType: model.NetworkInterfaceTypeInterface,
			MacAddress:       aws.String(fmt.Sprintf("02:%s:%s:%s:%s:%s", hex[:2], hex[2:4], hex[4:6], hex[6:8], hex[8:])),
			PrivateIpAddress: &addr, PrivateDnsName: aws.String("ip-" + strings.ReplaceAll(addr, ".", "-") + ".ec2.internal"), SourceDestCheck: aws.Bool(true), RequesterManaged: aws.Bool(false),
			PrivateIpAddresses: []model.NetworkInterfacePrivateIpAddress{{PrivateIpAddress: &addr, Primary: aws.Bool(true)}},
		}
		if i.Groups, err = s.groupsFor(tx, *x.VpcId, in.Groups); err != nil {
			return err
		}
		s.t.interfaces.Put(tx, *i.NetworkInterfaceId, i)
		s.tagNew(tx, *i.NetworkInterfaceId, in.TagSpecifications)
		i.TagSet = s.tagsOf(tx, i.NetworkInterfaceId)
		return nil
	})
	return &model.CreateNetworkInterfaceOutput{NetworkInterface: &i, ClientToken: in.ClientToken}, err
}

// groupsFor are the named security groups, or the VPC's default one.
func (s *Service) groupsFor(tx *store.Tx, vpc string, named []string) ([]model.GroupIdentifier, error) {
	var out []model.GroupIdentifier
	for _, id := range named {
		g, err := s.group(tx, &id, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, model.GroupIdentifier{GroupId: g.GroupId, GroupName: g.GroupName})
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, g := range s.t.groups.All(tx, "") {
		if *g.VpcId == vpc && *g.GroupName == "default" {
			out = append(out, model.GroupIdentifier{GroupId: g.GroupId, GroupName: g.GroupName})
		}
	}
	return out, nil
}

// freeAddress is the one that is asked for, or the subnet's first free one.
func (s *Service) freeAddress(tx *store.Tx, x model.Subnet, asked *string) (string, error) {
	block := netip.MustParsePrefix(*x.CidrBlock)
	taken := map[string]bool{}
	for _, i := range s.t.interfaces.All(tx, "") {
		if *i.SubnetId == *x.SubnetId {
			taken[*i.PrivateIpAddress] = true
		}
	}
	if asked != nil {
		addr, err := netip.ParseAddr(*asked)
		if err != nil || !block.Contains(addr) {
			return "", invalid("Address %s does not fall within the subnet's address range", *asked)
		}
		if taken[addr.String()] {
			return "", failure("InvalidIPAddress.InUse", "Address %s is in use.", addr)
		}
		return addr.String(), nil
	}
	addr := block.Addr()
	for range kept - 1 { // the network's, the router's, the name server's and one to spare; the last is kept too
		addr = addr.Next()
	}
	for ; block.Contains(addr.Next()); addr = addr.Next() {
		if !taken[addr.String()] {
			return addr.String(), nil
		}
	}
	return "", failure("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
}

// DescribeNetworkInterfaces lists interfaces.
func (s *Service) DescribeNetworkInterfaces(_ context.Context, in *model.DescribeNetworkInterfacesInput, _ ...func(*model.Options)) (*model.DescribeNetworkInterfacesOutput, error) {
	var all []model.NetworkInterface
	s.Store.View(func(tx *store.Tx) {
		for _, i := range s.t.interfaces.All(tx, "") {
			i.TagSet = s.tagsOf(tx, i.NetworkInterfaceId)
			all = append(all, i)
		}
	})
	part, next, err := interfaceKind.choose(slices.Values(all), query{in.NetworkInterfaceIds, in.Filters, in.NextToken, in.MaxResults})
	return &model.DescribeNetworkInterfacesOutput{NetworkInterfaces: part, NextToken: next}, err
}

// DeleteNetworkInterface deletes an interface.
func (s *Service) DeleteNetworkInterface(_ context.Context, in *model.DeleteNetworkInterfaceInput, _ ...func(*model.Options)) (*model.DeleteNetworkInterfaceOutput, error) {
	return &model.DeleteNetworkInterfaceOutput{}, s.Store.Update(func(tx *store.Tx) error {
		id := aws.ToString(in.NetworkInterfaceId)
		if _, ok := s.t.interfaces.Get(tx, id); !ok {
			return interfaceKind.none(id)
		}
		s.t.interfaces.Delete(tx, id)
		s.untag(tx, id)
		return nil
	})
}

var aclKind = kind[model.NetworkAcl]{
	noun: "networkAcl ID", code: "InvalidNetworkAclID.NotFound",
	id:   func(a model.NetworkAcl) *string { return a.NetworkAclId },
	tags: func(model.NetworkAcl) []model.Tag { return nil },
	fields: map[string]func(model.NetworkAcl) []string{
		"network-acl-id":             text(func(a model.NetworkAcl) *string { return a.NetworkAclId }),
		"vpc-id":                     text(func(a model.NetworkAcl) *string { return a.VpcId }),
		"owner-id":                   text(func(a model.NetworkAcl) *string { return a.OwnerId }),
		"default":                    truth(func(a model.NetworkAcl) *bool { return a.IsDefault }),
		"association.association-id": each(aclAssociations, func(a model.NetworkAclAssociation) *string { return a.NetworkAclAssociationId }),
		"association.network-acl-id": each(aclAssociations, func(a model.NetworkAclAssociation) *string { return a.NetworkAclId }),
		"association.subnet-id":      each(aclAssociations, func(a model.NetworkAclAssociation) *string { return a.SubnetId }),
	},
}

func aclAssociations(a model.NetworkAcl) []model.NetworkAclAssociation { return a.Associations }

// DescribeNetworkAcls tells each VPC's default ACL, which allows everything.
func (s *Service) DescribeNetworkAcls(_ context.Context, in *model.DescribeNetworkAclsInput, _ ...func(*model.Options)) (*model.DescribeNetworkAclsOutput, error) {
	var all []model.NetworkAcl
	s.Store.View(func(tx *store.Tx) {
		for id, v := range s.t.vpcs.All(tx, "") {
			a := model.NetworkAcl{NetworkAclId: aws.String("acl-" + strings.TrimPrefix(id, "vpc-")), VpcId: v.VpcId, OwnerId: v.OwnerId, IsDefault: aws.Bool(true), Tags: []model.Tag{}}
			for _, egress := range []bool{true, false} {
				for number, action := range map[int32]model.RuleAction{100: model.RuleActionAllow, 32767: model.RuleActionDeny} {
					a.Entries = append(a.Entries, model.NetworkAclEntry{CidrBlock: aws.String("0.0.0.0/0"), Egress: &egress, Protocol: aws.String("-1"), RuleAction: action, RuleNumber: &number})
				}
			}
			slices.SortStableFunc(a.Entries, func(x, y model.NetworkAclEntry) int { return int(*x.RuleNumber - *y.RuleNumber) })
			for subnet, x := range s.t.subnets.All(tx, "") {
				if *x.VpcId == id {
					a.Associations = append(a.Associations, model.NetworkAclAssociation{
						NetworkAclAssociationId: aws.String("aclassoc-" + strings.TrimPrefix(subnet, "subnet-")), NetworkAclId: a.NetworkAclId, SubnetId: x.SubnetId,
					})
				}
			}
			all = append(all, a)
		}
	})
	part, next, err := aclKind.choose(slices.Values(all), query{in.NetworkAclIds, in.Filters, in.NextToken, in.MaxResults})
	return &model.DescribeNetworkAclsOutput{NetworkAcls: part, NextToken: next}, err
}
