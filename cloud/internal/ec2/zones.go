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

// zones are the region's availability zones.
func (s *Service) zones() []model.AvailabilityZone {
	var out []model.AvailabilityZone
	for i, letter := range []string{"a", "b", "c"} {
		out = append(out, model.AvailabilityZone{
			ZoneName: aws.String(s.Place.Region + letter), ZoneId: aws.String(fmt.Sprintf("%s-az%d", shortRegion(s.Place.Region), i+1)),
			RegionName: &s.Place.Region, State: model.AvailabilityZoneStateAvailable, ZoneType: aws.String("availability-zone"),
			GroupName: aws.String(s.Place.Region + "-zg-1"), NetworkBorderGroup: &s.Place.Region, OptInStatus: model.AvailabilityZoneOptInStatusOptInNotRequired,
			Messages: []model.AvailabilityZoneMessage{},
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
func (s *Service) zone(name, id *string) (model.AvailabilityZone, error) {
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
	return model.AvailabilityZone{}, invalid("Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s, %s, %s.",
		asked, *all[0].ZoneName, *all[1].ZoneName, *all[2].ZoneName)
}

var zoneKind = kind[model.AvailabilityZone]{
	noun: "zone", code: "InvalidParameterValue",
	id:   func(z model.AvailabilityZone) *string { return z.ZoneName },
	tags: func(model.AvailabilityZone) []model.Tag { return nil },
	fields: map[string]func(model.AvailabilityZone) []string{
		"zone-name":     text(func(z model.AvailabilityZone) *string { return z.ZoneName }),
		"zone-id":       text(func(z model.AvailabilityZone) *string { return z.ZoneId }),
		"zone-type":     text(func(z model.AvailabilityZone) *string { return z.ZoneType }),
		"region-name":   text(func(z model.AvailabilityZone) *string { return z.RegionName }),
		"group-name":    text(func(z model.AvailabilityZone) *string { return z.GroupName }),
		"state":         func(z model.AvailabilityZone) []string { return []string{string(z.State)} },
		"opt-in-status": func(z model.AvailabilityZone) []string { return []string{string(z.OptInStatus)} },
	},
}

// DescribeAvailabilityZones lists the region's zones.
func (s *Service) DescribeAvailabilityZones(_ context.Context, in *model.DescribeAvailabilityZonesInput, _ ...func(*model.Options)) (*model.DescribeAvailabilityZonesOutput, error) {
	all := slices.DeleteFunc(s.zones(), func(z model.AvailabilityZone) bool {
		return len(in.ZoneIds) > 0 && !slices.Contains(in.ZoneIds, *z.ZoneId)
	})
	part, _, err := zoneKind.choose(slices.Values(all), query{ids: in.ZoneNames, filters: in.Filters})
	return &model.DescribeAvailabilityZonesOutput{AvailabilityZones: part}, err
}

// DescribeRegions tells the cloud's own region.
func (s *Service) DescribeRegions(_ context.Context, in *model.DescribeRegionsInput, _ ...func(*model.Options)) (*model.DescribeRegionsOutput, error) {
	for _, name := range in.RegionNames {
		if name != s.Place.Region {
			return nil, invalid("Invalid region provided: '%s'; this local cloud is %s", name, s.Place.Region)
		}
	}
	return &model.DescribeRegionsOutput{Regions: []model.Region{{
		RegionName: &s.Place.Region, Endpoint: aws.String("ec2." + s.Place.Region + ".amazonaws.com"), OptInStatus: aws.String("opt-in-not-required"),
	}}}, nil
}

// DescribeAccountAttributes tells what an account has from the start.
func (s *Service) DescribeAccountAttributes(_ context.Context, in *model.DescribeAccountAttributesInput, _ ...func(*model.Options)) (*model.DescribeAccountAttributesOutput, error) {
	none := "none"
	s.Store.View(func(tx *store.Tx) {
		for id, v := range s.t.vpcs.All(tx, "") {
			if aws.ToBool(v.IsDefault) {
				none = id
			}
		}
	})
	out := &model.DescribeAccountAttributesOutput{}
	for _, a := range []struct{ name, value string }{{"supported-platforms", "VPC"}, {"default-vpc", none}, {"max-instances", "20"}, {"vpc-max-security-groups-per-interface", "5"}} {
		if len(in.AttributeNames) == 0 || slices.Contains(in.AttributeNames, model.AccountAttributeName(a.name)) {
			out.AccountAttributes = append(out.AccountAttributes, model.AccountAttribute{
				AttributeName: &a.name, AttributeValues: []model.AccountAttributeValue{{AttributeValue: &a.value}},
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
		v := s.newVPC(tx, netip.MustParsePrefix("172.31.0.0/16"), model.TenancyDefault, true)
		for i, z := range s.zones() {
			block := netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 31, byte(16 * i), 0}), 20)
			s.newSubnet(tx, v, block, z, true)
		}
		g := model.InternetGateway{InternetGatewayId: aws.String("igw-" + ids.Hex(17)), OwnerId: v.OwnerId, Attachments: []model.InternetGatewayAttachment{{VpcId: v.VpcId, State: "available"}}}
		s.t.gateways.Put(tx, *g.InternetGatewayId, g)
		for id, r := range s.t.routes.All(tx, "") {
			r.Routes = append(slices.Clone(r.Routes), model.Route{
				DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: g.InternetGatewayId, State: model.RouteStateActive, Origin: model.RouteOriginCreateRoute,
			})
			s.t.routes.Put(tx, id, r)
		}
		return nil
	})
}
