package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var routeKind = kind[types.RouteTable]{
	noun: "routeTable ID", code: "InvalidRouteTableID.NotFound",
	id:   func(r types.RouteTable) *string { return r.RouteTableId },
	tags: func(r types.RouteTable) []types.Tag { return r.Tags },
	fields: map[string]func(types.RouteTable) []string{
		"route-table-id": text(func(r types.RouteTable) *string { return r.RouteTableId }),
		"vpc-id":         text(func(r types.RouteTable) *string { return r.VpcId }),
		"owner-id":       text(func(r types.RouteTable) *string { return r.OwnerId }),
		"association.main": func(r types.RouteTable) []string {
			if isMain(r) {
				return []string{"true"}
			}
			return []string{"false"}
		},
		"association.subnet-id": func(r types.RouteTable) (out []string) {
			for _, a := range r.Associations {
				out = append(out, aws.ToString(a.SubnetId))
			}
			return out
		},
		"association.route-table-association-id": func(r types.RouteTable) (out []string) {
			for _, a := range r.Associations {
				out = append(out, *a.RouteTableAssociationId)
			}
			return out
		},
		"route.gateway-id": func(r types.RouteTable) (out []string) {
			for _, x := range r.Routes {
				out = append(out, aws.ToString(x.GatewayId))
			}
			return out
		},
	},
}

func isMain(r types.RouteTable) bool {
	return slices.ContainsFunc(r.Associations, func(a types.RouteTableAssociation) bool { return aws.ToBool(a.Main) })
}

func (s *Service) newRouteTable(tx *store.Tx, v vpc, main bool) types.RouteTable {
	r := types.RouteTable{
		RouteTableId: aws.String("rtb-" + ids.Hex(17)), VpcId: v.VpcId, OwnerId: v.OwnerId, Associations: []types.RouteTableAssociation{}, PropagatingVgws: []types.PropagatingVgw{},
		Routes: []types.Route{{DestinationCidrBlock: v.CidrBlock, GatewayId: aws.String("local"), State: types.RouteStateActive, Origin: types.RouteOriginCreateRouteTable}},
	}
	if main {
		r.Associations = append(r.Associations, association(r, nil))
	}
	s.t.routes.Put(tx, *r.RouteTableId, r)
	return r
}

// association ties a route table to a subnet, or to its whole VPC.
func association(r types.RouteTable, subnet *string) types.RouteTableAssociation {
	return types.RouteTableAssociation{
		RouteTableAssociationId: aws.String("rtbassoc-" + ids.Hex(17)), RouteTableId: r.RouteTableId, SubnetId: subnet, Main: aws.Bool(subnet == nil),
		AssociationState: &types.RouteTableAssociationState{State: types.RouteTableAssociationStateCodeAssociated},
	}
}

// CreateRouteTable makes a route table with the VPC's own route.
func (s *Service) CreateRouteTable(_ context.Context, in *ec2.CreateRouteTableInput, _ ...func(*ec2.Options)) (*ec2.CreateRouteTableOutput, error) {
	var r types.RouteTable
	err := s.Store.Update(func(tx *store.Tx) error {
		v, err := s.vpc(tx, in.VpcId)
		if err != nil {
			return err
		}
		r = s.newRouteTable(tx, v, false)
		s.tagNew(tx, *r.RouteTableId, in.TagSpecifications)
		r.Tags = s.tagsOf(tx, r.RouteTableId)
		return nil
	})
	return &ec2.CreateRouteTableOutput{RouteTable: &r}, err
}

// DescribeRouteTables lists route tables.
func (s *Service) DescribeRouteTables(_ context.Context, in *ec2.DescribeRouteTablesInput, _ ...func(*ec2.Options)) (*ec2.DescribeRouteTablesOutput, error) {
	var all []types.RouteTable
	s.Store.View(func(tx *store.Tx) {
		for _, r := range s.t.routes.All(tx, "") {
			r.Tags = s.tagsOf(tx, r.RouteTableId)
			all = append(all, r)
		}
	})
	part, next, err := routeKind.choose(slices.Values(all), query{in.RouteTableIds, in.Filters, in.NextToken, in.MaxResults})
	return &ec2.DescribeRouteTablesOutput{RouteTables: part, NextToken: next}, err
}

// table changes a copy of a route table and stores it.
func (s *Service) table(id *string, change func(*store.Tx, *types.RouteTable) error) error {
	return s.Store.Update(func(tx *store.Tx) error {
		r, ok := s.t.routes.Get(tx, aws.ToString(id))
		if !ok {
			return routeKind.none(aws.ToString(id))
		}
		r.Routes, r.Associations = slices.Clone(r.Routes), slices.Clone(r.Associations)
		if err := change(tx, &r); err != nil {
			return err
		}
		s.t.routes.Put(tx, *id, r)
		return nil
	})
}

// CreateRoute adds a route.
func (s *Service) CreateRoute(_ context.Context, in *ec2.CreateRouteInput, _ ...func(*ec2.Options)) (*ec2.CreateRouteOutput, error) {
	if in.DestinationCidrBlock == nil && in.DestinationIpv6CidrBlock == nil && in.DestinationPrefixListId == nil {
		return nil, missing("destinationCidrBlock")
	}
	err := s.table(in.RouteTableId, func(_ *store.Tx, r *types.RouteTable) error {
		if slices.ContainsFunc(r.Routes, leadsTo(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)) {
			return failure("RouteAlreadyExists", "The route identified by %s already exists.", aws.ToString(in.DestinationCidrBlock)+aws.ToString(in.DestinationIpv6CidrBlock))
		}
		r.Routes = append(r.Routes, types.Route{
			DestinationCidrBlock: in.DestinationCidrBlock, DestinationIpv6CidrBlock: in.DestinationIpv6CidrBlock, DestinationPrefixListId: in.DestinationPrefixListId,
			GatewayId: in.GatewayId, NatGatewayId: in.NatGatewayId, NetworkInterfaceId: in.NetworkInterfaceId, InstanceId: in.InstanceId, TransitGatewayId: in.TransitGatewayId,
			VpcPeeringConnectionId: in.VpcPeeringConnectionId, State: types.RouteStateActive, Origin: types.RouteOriginCreateRoute,
		})
		return nil
	})
	return &ec2.CreateRouteOutput{Return: aws.Bool(err == nil)}, err
}

// leadsTo tells whether a route has a destination.
func leadsTo(v4, v6, list *string) func(types.Route) bool {
	return func(r types.Route) bool {
		return aws.ToString(r.DestinationCidrBlock) == aws.ToString(v4) && aws.ToString(r.DestinationIpv6CidrBlock) == aws.ToString(v6) &&
			aws.ToString(r.DestinationPrefixListId) == aws.ToString(list)
	}
}

// DeleteRoute removes a route.
func (s *Service) DeleteRoute(_ context.Context, in *ec2.DeleteRouteInput, _ ...func(*ec2.Options)) (*ec2.DeleteRouteOutput, error) {
	return &ec2.DeleteRouteOutput{}, s.table(in.RouteTableId, func(_ *store.Tx, r *types.RouteTable) error {
		n := len(r.Routes)
		r.Routes = slices.DeleteFunc(r.Routes, leadsTo(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId))
		if len(r.Routes) == n {
			return failure("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", aws.ToString(in.DestinationCidrBlock), *in.RouteTableId)
		}
		return nil
	})
}

// AssociateRouteTable ties a route table to a subnet.
func (s *Service) AssociateRouteTable(_ context.Context, in *ec2.AssociateRouteTableInput, _ ...func(*ec2.Options)) (*ec2.AssociateRouteTableOutput, error) {
	out := &ec2.AssociateRouteTableOutput{}
	return out, s.table(in.RouteTableId, func(tx *store.Tx, r *types.RouteTable) error {
		if _, err := s.subnet(tx, in.SubnetId); err != nil {
			return err
		}
		for _, other := range s.t.routes.All(tx, "") {
			if slices.ContainsFunc(other.Associations, func(a types.RouteTableAssociation) bool { return aws.ToString(a.SubnetId) == *in.SubnetId }) {
				return failure("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", *r.RouteTableId)
			}
		}
		a := association(*r, in.SubnetId)
		r.Associations = append(r.Associations, a)
		out.AssociationId, out.AssociationState = a.RouteTableAssociationId, a.AssociationState
		return nil
	})
}

// DisassociateRouteTable unties a route table from a subnet.
func (s *Service) DisassociateRouteTable(_ context.Context, in *ec2.DisassociateRouteTableInput, _ ...func(*ec2.Options)) (*ec2.DisassociateRouteTableOutput, error) {
	return &ec2.DisassociateRouteTableOutput{}, s.Store.Update(func(tx *store.Tx) error {
		for id, r := range s.t.routes.All(tx, "") {
			n := len(r.Associations)
			r.Associations = slices.DeleteFunc(slices.Clone(r.Associations), func(a types.RouteTableAssociation) bool {
				return *a.RouteTableAssociationId == aws.ToString(in.AssociationId) && !aws.ToBool(a.Main)
			})
			if len(r.Associations) < n {
				s.t.routes.Put(tx, id, r)
				return nil
			}
		}
		return failure("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", aws.ToString(in.AssociationId))
	})
}

// DeleteRouteTable deletes a route table that serves nothing.
func (s *Service) DeleteRouteTable(_ context.Context, in *ec2.DeleteRouteTableInput, _ ...func(*ec2.Options)) (*ec2.DeleteRouteTableOutput, error) {
	return &ec2.DeleteRouteTableOutput{}, s.Store.Update(func(tx *store.Tx) error {
		r, ok := s.t.routes.Get(tx, aws.ToString(in.RouteTableId))
		switch {
		case !ok:
			return routeKind.none(aws.ToString(in.RouteTableId))
		case len(r.Associations) > 0:
			return inUse("The routeTable '%s' has dependencies and cannot be deleted.", *r.RouteTableId)
		}
		s.t.routes.Delete(tx, *r.RouteTableId)
		s.untag(tx, *r.RouteTableId)
		return nil
	})
}
