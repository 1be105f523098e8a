package ec2

import (
	"context"
	"net/netip"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var subnetKind = kind[model.Subnet]{
	noun: "subnet ID", code: "InvalidSubnetID.NotFound",
	id:   func(x model.Subnet) *string { return x.SubnetId },
	tags: func(x model.Subnet) []model.Tag { return x.Tags },
	fields: map[string]func(model.Subnet) []string{
		"subnet-id":               text(func(x model.Subnet) *string { return x.SubnetId }),
		"vpc-id":                  text(func(x model.Subnet) *string { return x.VpcId }),
		"availability-zone":       text(func(x model.Subnet) *string { return x.AvailabilityZone }),
		"availabilityZone":        text(func(x model.Subnet) *string { return x.AvailabilityZone }),
		"availability-zone-id":    text(func(x model.Subnet) *string { return x.AvailabilityZoneId }),
		"cidr":                    text(func(x model.Subnet) *string { return x.CidrBlock }),
		"cidr-block":              text(func(x model.Subnet) *string { return x.CidrBlock }),
		"cidrBlock":               text(func(x model.Subnet) *string { return x.CidrBlock }),
		"owner-id":                text(func(x model.Subnet) *string { return x.OwnerId }),
		"subnet-arn":              text(func(x model.Subnet) *string { return x.SubnetArn }),
		"default-for-az":          truth(func(x model.Subnet) *bool { return x.DefaultForAz }),
		"defaultForAz":            truth(func(x model.Subnet) *bool { return x.DefaultForAz }),
		"map-public-ip-on-launch": truth(func(x model.Subnet) *bool { return x.MapPublicIpOnLaunch }),
		"state":                   func(x model.Subnet) []string { return []string{string(x.State)} },
		"available-ip-address-count": func(x model.Subnet) []string {
			return []string{strconv.Itoa(int(aws.ToInt32(x.AvailableIpAddressCount)))}
		},
	},
}

// kept is how many addresses of each subnet AWS keeps for itself.
const kept = 5

func (s *Service) newSubnet(tx *store.Tx, v vpc, block netip.Prefix, z model.AvailabilityZone, forZone bool) model.Subnet {
	id := "subnet-" + ids.Hex(17)
	x := model.Subnet{
		SubnetId: &id, SubnetArn: aws.String(s.Place.Of("ec2", "subnet/"+id)), VpcId: v.VpcId, OwnerId: v.OwnerId, State: model.SubnetStateAvailable,
		CidrBlock: aws.String(block.String()), AvailabilityZone: z.ZoneName, AvailabilityZoneId: z.ZoneId,
		AvailableIpAddressCount: aws.Int32(1<<(32-block.Bits()) - kept), DefaultForAz: &forZone, MapPublicIpOnLaunch: aws.Bool(forZone),
		AssignIpv6AddressOnCreation: aws.Bool(false), MapCustomerOwnedIpOnLaunch: aws.Bool(false), EnableDns64: aws.Bool(false), Ipv6Native: aws.Bool(false),
		Ipv6CidrBlockAssociationSet:   []model.SubnetIpv6CidrBlockAssociation{},
		PrivateDnsNameOptionsOnLaunch: &model.PrivateDnsNameOptionsOnLaunch{HostnameType: model.HostnameTypeIpName, EnableResourceNameDnsARecord: aws.Bool(false), EnableResourceNameDnsAAAARecord: aws.Bool(false)},
	}
	s.t.subnets.Put(tx, id, x)
	return x
}

// CreateSubnet makes a subnet in a VPC's block, where no other one stands.
func (s *Service) CreateSubnet(_ context.Context, in *model.CreateSubnetInput, _ ...func(*model.Options)) (*model.CreateSubnetOutput, error) {
	if in.CidrBlock == nil {
		return nil, missing("cidrBlock")
	}
	block, err := cidr(in.CidrBlock, 16, 28, "InvalidSubnet.Range")
	if err != nil {
		return nil, err
	}
	z, err := s.zone(in.AvailabilityZone, in.AvailabilityZoneId)
	if err != nil {
		return nil, err
	}
	var made model.Subnet
	err = s.Store.Update(func(tx *store.Tx) error {
		v, err := s.vpc(tx, in.VpcId)
		if err != nil {
			return err
		}
		if whole := netip.MustParsePrefix(*v.CidrBlock); !whole.Contains(block.Addr()) || block.Bits() < whole.Bits() {
			return failure("InvalidSubnet.Range", "The CIDR '%s' is invalid.", block)
		}
		for _, x := range s.t.subnets.All(tx, "") {
			if *x.VpcId == *v.VpcId && netip.MustParsePrefix(*x.CidrBlock).Overlaps(block) {
				return failure("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", block)
			}
		}
		made = s.newSubnet(tx, v, block, z, false)
		s.tagNew(tx, *made.SubnetId, in.TagSpecifications)
		made.Tags = s.tagsOf(tx, made.SubnetId)
		return nil
	})
	return &model.CreateSubnetOutput{Subnet: &made}, err
}

// DescribeSubnets lists subnets.
func (s *Service) DescribeSubnets(_ context.Context, in *model.DescribeSubnetsInput, _ ...func(*model.Options)) (*model.DescribeSubnetsOutput, error) {
	var all []model.Subnet
	s.Store.View(func(tx *store.Tx) {
		for _, x := range s.t.subnets.All(tx, "") {
			x.Tags = s.tagsOf(tx, x.SubnetId)
			all = append(all, x)
		}
	})
	part, next, err := subnetKind.choose(slices.Values(all), query{in.SubnetIds, in.Filters, in.NextToken, in.MaxResults})
	return &model.DescribeSubnetsOutput{Subnets: part, NextToken: next}, err
}

// Subnet tells load balancers in which VPC and zone a subnet is.
func (s *Service) Subnet(id string) (vpc, zone string, ok bool) {
	s.Store.View(func(tx *store.Tx) {
		var x model.Subnet
		if x, ok = s.t.subnets.Get(tx, id); ok {
			vpc, zone = *x.VpcId, *x.AvailabilityZone
		}
	})
	return vpc, zone, ok
}

func (s *Service) subnet(tx *store.Tx, id *string) (model.Subnet, error) {
	x, ok := s.t.subnets.Get(tx, aws.ToString(id))
	if !ok {
		return x, subnetKind.none(aws.ToString(id))
	}
	return x, nil
}

// DeleteSubnet deletes a subnet without network interfaces.
func (s *Service) DeleteSubnet(_ context.Context, in *model.DeleteSubnetInput, _ ...func(*model.Options)) (*model.DeleteSubnetOutput, error) {
	return &model.DeleteSubnetOutput{}, s.Store.Update(func(tx *store.Tx) error {
		x, err := s.subnet(tx, in.SubnetId)
		if err != nil {
			return err
		}
		for _, i := range s.t.interfaces.All(tx, "") {
			if *i.SubnetId == *x.SubnetId {
				return inUse("The subnet '%s' has dependencies and cannot be deleted.", *x.SubnetId)
			}
		}
		for id, r := range s.t.routes.All(tx, "") {
			n := len(r.Associations)
			r.Associations = slices.DeleteFunc(slices.Clone(r.Associations), func(a model.RouteTableAssociation) bool { return aws.ToString(a.SubnetId) == *x.SubnetId })
			if len(r.Associations) != n {
				s.t.routes.Put(tx, id, r)
			}
		}
		s.t.subnets.Delete(tx, *x.SubnetId)
		s.untag(tx, *x.SubnetId)
		return nil
	})
}

// ModifySubnetAttribute sets what is given of a subnet's attributes.
func (s *Service) ModifySubnetAttribute(_ context.Context, in *model.ModifySubnetAttributeInput, _ ...func(*model.Options)) (*model.ModifySubnetAttributeOutput, error) {
	return &model.ModifySubnetAttributeOutput{}, s.Store.Update(func(tx *store.Tx) error {
		x, err := s.subnet(tx, in.SubnetId)
		if err != nil {
			return err
		}
		set := func(to **bool, from *model.AttributeBooleanValue) {
			if from != nil {
				*to = aws.Bool(aws.ToBool(from.Value))
			}
		}
		names := *x.PrivateDnsNameOptionsOnLaunch
		set(&x.MapPublicIpOnLaunch, in.MapPublicIpOnLaunch)
		set(&x.AssignIpv6AddressOnCreation, in.AssignIpv6AddressOnCreation)
		set(&x.EnableDns64, in.EnableDns64)
		set(&names.EnableResourceNameDnsARecord, in.EnableResourceNameDnsARecordOnLaunch)
		set(&names.EnableResourceNameDnsAAAARecord, in.EnableResourceNameDnsAAAARecordOnLaunch)
		if in.PrivateDnsHostnameTypeOnLaunch != "" {
			names.HostnameType = in.PrivateDnsHostnameTypeOnLaunch
		}
		x.PrivateDnsNameOptionsOnLaunch = &names
		s.t.subnets.Put(tx, *x.SubnetId, x)
		return nil
	})
}
