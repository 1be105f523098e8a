package ec2

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// zones are the region's availability zones.
func (s *Service) zones() []types.AvailabilityZone {
	var out []types.AvailabilityZone
	for i, letter := range []string{"a", "b", "c"} {
		out = append(out, types.AvailabilityZone{
			ZoneName: aws.String(s.Place.Region + letter), ZoneId: aws.String(fmt.Sprintf("%s-az%d", shortRegion(s.Place.Region), i+1)),
			RegionName: &s.Place.Region, State: types.AvailabilityZoneStateAvailable, ZoneType: aws.String("availability-zone"),
			GroupName: aws.String(s.Place.Region + "-zg-1"), NetworkBorderGroup: &s.Place.Region, OptInStatus: types.AvailabilityZoneOptInStatusOptInNotRequired,
			Messages: []types.AvailabilityZoneMessage{},
		})
	}
	return out
}

// shortRegion is how zone identifiers name a region: us-east-1 is use1.
func shortRegion(region string) string {
	short := ""
	for i, p := range strings.Split(region, "-") {
		switch {
		case i == 0 || p == "":
			short += p
		case p == "northeast", p == "northwest", p == "southeast", p == "southwest":
			short += p[:1] + p[5:6]
		default:
			short += p[:1]
		}
	}
	return short
}

// zone finds one by name or identifier; by default it is the first.
func (s *Service) zone(name, id *string) (types.AvailabilityZone, error) {
	all := s.zones()
	if name == nil && id == nil {
		return all[0], nil
	}
	for _, z := range all {
		if name != nil && *name == *z.ZoneName || id != nil && *id == *z.ZoneId {
			return z, nil
		}
	}
	asked := aws.ToString(name) + aws.ToString(id)
	return types.AvailabilityZone{}, invalid("Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s, %s, %s.",
		asked, *all[0].ZoneName, *all[1].ZoneName, *all[2].ZoneName)
}

var zoneKind = kind[types.AvailabilityZone]{
	noun: "zone", code: "InvalidParameterValue",
	id:   func(z types.AvailabilityZone) *string { return z.ZoneName },
	tags: func(types.AvailabilityZone) []types.Tag { return nil },
	fields: map[string]func(types.AvailabilityZone) []string{
		"zone-name":     text(func(z types.AvailabilityZone) *string { return z.ZoneName }),
		"zone-id":       text(func(z types.AvailabilityZone) *string { return z.ZoneId }),
		"zone-type":     text(func(z types.AvailabilityZone) *string { return z.ZoneType }),
		"region-name":   text(func(z types.AvailabilityZone) *string { return z.RegionName }),
		"group-name":    text(func(z types.AvailabilityZone) *string { return z.GroupName }),
		"state":         func(z types.AvailabilityZone) []string { return []string{string(z.State)} },
		"opt-in-status": func(z types.AvailabilityZone) []string { return []string{string(z.OptInStatus)} },
	},
}

// DescribeAvailabilityZones lists the region's zones.
func (s *Service) DescribeAvailabilityZones(_ context.Context, in *ec2.DescribeAvailabilityZonesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAvailabilityZonesOutput, error) {
	all := slices.DeleteFunc(s.zones(), func(z types.AvailabilityZone) bool {
		return len(in.ZoneIds) > 0 && !slices.Contains(in.ZoneIds, *z.ZoneId)
	})
	part, _, err := zoneKind.choose(slices.Values(all), query{ids: in.ZoneNames, filters: in.Filters})
	return &ec2.DescribeAvailabilityZonesOutput{AvailabilityZones: part}, err
}

// DescribeRegions tells the cloud's own region.
func (s *Service) DescribeRegions(_ context.Context, in *ec2.DescribeRegionsInput, _ ...func(*ec2.Options)) (*ec2.DescribeRegionsOutput, error) {
	for _, name := range in.RegionNames {
		if name != s.Place.Region {
			return nil, invalid("Invalid region provided: '%s'; this local cloud is %s", name, s.Place.Region)
		}
	}
	return &ec2.DescribeRegionsOutput{Regions: []types.Region{{
		RegionName: &s.Place.Region, Endpoint: aws.String("ec2." + s.Place.Region + ".amazonaws.com"), OptInStatus: aws.String("opt-in-not-required"),
	}}}, nil
}

// DescribeAccountAttributes tells what an account has from the start.
func (s *Service) DescribeAccountAttributes(_ context.Context, in *ec2.DescribeAccountAttributesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAccountAttributesOutput, error) {
	none := "none"
	s.Store.View(func(tx *store.Tx) {
		for id, v := range s.t.vpcs.All(tx, "") {
			if aws.ToBool(v.IsDefault) {
				none = id
			}
		}
	})
	out := &ec2.DescribeAccountAttributesOutput{}
	for _, a := range []struct{ name, value string }{{"supported-platforms", "VPC"}, {"default-vpc", none}, {"max-instances", "20"}, {"vpc-max-security-groups-per-interface", "5"}} {
		if len(in.AttributeNames) == 0 || slices.Contains(in.AttributeNames, types.AccountAttributeName(a.name)) {
			out.AccountAttributes = append(out.AccountAttributes, types.AccountAttribute{
				AttributeName: &a.name, AttributeValues: []types.AccountAttributeValue{{AttributeValue: &a.value}},
			})
		}
	}
	return out, nil
}

// found makes the network that a new account has.
func (s *Service) found() error {
	made := false
	s.Store.View(func(tx *store.Tx) {
		for range s.t.vpcs.All(tx, "") {
			made = true
		}
	})
	if made {
		return nil
	}
	return s.Store.Update(func(tx *store.Tx) error {
		v := s.newVPC(tx, netip.MustParsePrefix("172.31.0.0/16"), types.TenancyDefault, true)
		for i, z := range s.zones() {
			block := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 31, byte(16 * i), 0}), 20)
			s.newSubnet(tx, v, block, z, true)
		}
		g := types.InternetGateway{InternetGatewayId: aws.String("igw-" + ids.Hex(17)), OwnerId: v.OwnerId, Attachments: []types.InternetGatewayAttachment{{VpcId: v.VpcId, State: "available"}}}
		s.t.gateways.Put(tx, *g.InternetGatewayId, g)
		for id, r := range s.t.routes.All(tx, "") {
			r.Routes = append(slices.Clone(r.Routes), types.Route{
				DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: g.InternetGatewayId, State: types.RouteStateActive, Origin: types.RouteOriginCreateRoute,
			})
			s.t.routes.Put(tx, id, r)
		}
		return nil
	})
}
