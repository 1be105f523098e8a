package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var routeKind = kind[model.RouteTable]{
	noun: "routeTable ID", code: "InvalidRouteTableID.NotFound",
	id:   func(r model.RouteTable) *string { return r.RouteTableId },
	tags: func(r model.RouteTable) []model.Tag { return r.Tags },
	fields: map[string]func(model.RouteTable) []string{
		"route-table-id": text(func(r model.RouteTable) *string { return r.RouteTableId }),
		"vpc-id":         text(func(r model.RouteTable) *string { return r.VpcId }),
		"owner-id":       text(func(r model.RouteTable) *string { return r.OwnerId }),
		"association.main": func(r model.RouteTable) []string {
			if isMain(r) {
				return []string{"true"}
			}
			return []string{"false"}
		},
		"association.gateway-id":                 each(tied, func(a model.RouteTableAssociation) *string { return a.GatewayId }),
		"association.route-table-association-id": each(tied, func(a model.RouteTableAssociation) *string { return a.RouteTableAssociationId }),
		"association.route-table-id":             each(tied, func(a model.RouteTableAssociation) *string { return a.RouteTableId }),
		"association.subnet-id":                  each(tied, func(a model.RouteTableAssociation) *string { return a.SubnetId }),
		"route.destination-cidr-block":           each(ways, func(r model.Route) *string { return r.DestinationCidrBlock }),
		"route.destination-ipv6-cidr-block":      each(ways, func(r model.Route) *string { return r.DestinationIpv6CidrBlock }),
		"route.destination-prefix-list-id":       each(ways, func(r model.Route) *string { return r.DestinationPrefixListId }),
		"route.gateway-id":                       each(ways, func(r model.Route) *string { return r.GatewayId }),
		"route.instance-id":                      each(ways, func(r model.Route) *string { return r.InstanceId }),
		"route.nat-gateway-id":                   each(ways, func(r model.Route) *string { return r.NatGatewayId }),
		"route.transit-gateway-id":               each(ways, func(r model.Route) *string { return r.TransitGatewayId }),
		"route.vpc-peering-connection-id":        each(ways, func(r model.Route) *string { return r.VpcPeeringConnectionId }),
		"route.state":                            each(ways, func(r model.Route) *string { return (*string)(&r.State) }),
		"route.origin":                           each(ways, func(r model.Route) *string { return (*string)(&r.Origin) }),
	},
}

func tied(r model.RouteTable) []model.RouteTableAssociation { return r.Associations }

func ways(r model.RouteTable) []model.Route { return r.Routes }

func isMain(r model.RouteTable) bool {
	return slices.ContainsFunc(r.Associations, func(a model.RouteTableAssociation) bool { return aws.ToBool(a.Main) })
}

func (s *Service) newRouteTable(tx *store.Tx, v vpc, main bool) model.RouteTable {
	r := model.RouteTable{
		RouteTableId: aws.String("rtb-" + ids.Hex(17)), VpcId: v.VpcId, OwnerId: v.OwnerId, Associations: []model.RouteTableAssociation{}, PropagatingVgws: []model.PropagatingVgw{},
		Routes: []model.Route{{DestinationCidrBlock: v.CidrBlock, GatewayId: aws.String("local"), State: model.RouteStateActive, Origin: model.RouteOriginCreateRouteTable}},
	}
	if main {
		r.Associations = append(r.Associations, association(r, nil))
	}
	s.t.routes.Put(tx, *r.RouteTableId, r)
	return r
}

// association ties a route table to a subnet, or to its whole VPC.
func association(r model.RouteTable, subnet *string) model.RouteTableAssociation {
	return model.RouteTableAssociation{
		RouteTableAssociationId: aws.String("rtbassoc-" + ids.Hex(17)), RouteTableId: r.RouteTableId, SubnetId: subnet, Main: aws.Bool(subnet == nil),
		AssociationState: &model.RouteTableAssociationState{State: model.RouteTableAssociationStateCodeAssociated},
	}
}

// CreateRouteTable makes a route table with the VPC's own route.
func (s *Service) CreateRouteTable(_ context.Context, in *model.CreateRouteTableInput, _ ...func(*model.Options)) (*model.CreateRouteTableOutput, error) {
	var r model.RouteTable
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
	return &model.CreateRouteTableOutput{RouteTable: &r}, err
}

// DescribeRouteTables lists route tables.
func (s *Service) DescribeRouteTables(_ context.Context, in *model.DescribeRouteTablesInput, _ ...func(*model.Options)) (*model.DescribeRouteTablesOutput, error) {
	var all []model.RouteTable
	s.Store.View(func(tx *store.Tx) {
		for _, r := range s.t.routes.All(tx, "") {
			r.Tags = s.tagsOf(tx, r.RouteTableId)
			all = append(all, r)
		}
	})
	part, next, err := routeKind.choose(slices.Values(all), query{in.RouteTableIds, in.Filters, in.NextToken, in.MaxResults})
	return &model.DescribeRouteTablesOutput{RouteTables: part, NextToken: next}, err
}

// table changes a copy of a route table and stores it.
func (s *Service) table(id *string, change func(*store.Tx, *model.RouteTable) error) error {
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
func (s *Service) CreateRoute(_ context.Context, in *model.CreateRouteInput, _ ...func(*model.Options)) (*model.CreateRouteOutput, error) {
	if in.DestinationCidrBlock == nil && in.DestinationIpv6CidrBlock == nil && in.DestinationPrefixListId == nil {
		return nil, missing("destinationCidrBlock")
	}
	err := s.table(in.RouteTableId, func(_ *store.Tx, r *model.RouteTable) error {
		if slices.ContainsFunc(r.Routes, leadsTo(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId)) {
			return failure("RouteAlreadyExists", "The route identified by %s already exists.", aws.ToString(in.DestinationCidrBlock)+aws.ToString(in.DestinationIpv6CidrBlock))
		}
		r.Routes = append(r.Routes, model.Route{
			DestinationCidrBlock: in.DestinationCidrBlock, DestinationIpv6CidrBlock: in.DestinationIpv6CidrBlock, DestinationPrefixListId: in.DestinationPrefixListId,
			GatewayId: in.GatewayId, NatGatewayId: in.NatGatewayId, NetworkInterfaceId: in.NetworkInterfaceId, InstanceId: in.InstanceId, TransitGatewayId: in.TransitGatewayId,
			VpcPeeringConnectionId: in.VpcPeeringConnectionId, State: model.RouteStateActive, Origin: model.RouteOriginCreateRoute,
		})
		return nil
	})
	return &model.CreateRouteOutput{Return: aws.Bool(err == nil)}, err
}

// leadsTo tells whether a route has a destination.
func leadsTo(v4, v6, list *string) func(model.Route) bool {
	return func(r model.Route) bool {
		return aws.ToString(r.DestinationCidrBlock) == aws.ToString(v4) && aws.ToString(r.DestinationIpv6CidrBlock) == aws.ToString(v6) &&
			aws.ToString(r.DestinationPrefixListId) == aws.ToString(list)
	}
}

// DeleteRoute removes a route.
func (s *Service) DeleteRoute(_ context.Context, in *model.DeleteRouteInput, _ ...func(*model.Options)) (*model.DeleteRouteOutput, error) {
	return &model.DeleteRouteOutput{}, s.table(in.RouteTableId, func(_ *store.Tx, r *model.RouteTable) error {
		n := len(r.Routes)
		r.Routes = slices.DeleteFunc(r.Routes, leadsTo(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId))
		if len(r.Routes) == n {
			return noRoute(in.DestinationCidrBlock, *in.RouteTableId)
		}
		return nil
	})
}

// ReplaceRoute has a route lead elsewhere.
func (s *Service) ReplaceRoute(_ context.Context, in *model.ReplaceRouteInput, _ ...func(*model.Options)) (*model.ReplaceRouteOutput, error) {
	return &model.ReplaceRouteOutput{}, s.table(in.RouteTableId, func(_ *store.Tx, r *model.RouteTable) error {
		i := slices.IndexFunc(r.Routes, leadsTo(in.DestinationCidrBlock, in.DestinationIpv6CidrBlock, in.DestinationPrefixListId))
		if i < 0 {
			return noRoute(in.DestinationCidrBlock, *in.RouteTableId)
		}
		old := r.Routes[i]
		r.Routes[i] = model.Route{
			DestinationCidrBlock: old.DestinationCidrBlock, DestinationIpv6CidrBlock: old.DestinationIpv6CidrBlock, DestinationPrefixListId: old.DestinationPrefixListId,
			GatewayId: in.GatewayId, NatGatewayId: in.NatGatewayId, NetworkInterfaceId: in.NetworkInterfaceId, InstanceId: in.InstanceId, TransitGatewayId: in.TransitGatewayId,
			VpcPeeringConnectionId: in.VpcPeeringConnectionId, State: model.RouteStateActive, Origin: old.Origin,
		}
		return nil
	})
}

func noRoute(block *string, table string) error {
	return failure("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", aws.ToString(block), table)
}

// AssociateRouteTable ties a route table to a subnet.
func (s *Service) AssociateRouteTable(_ context.Context, in *model.AssociateRouteTableInput, _ ...func(*model.Options)) (*model.AssociateRouteTableOutput, error) {
	out := &model.AssociateRouteTableOutput{}
	return out, s.table(in.RouteTableId, func(tx *store.Tx, r *model.RouteTable) error {
		if _, err := s.subnet(tx, in.SubnetId); err != nil {
			return err
		}
		for _, other := range s.t.routes.All(tx, "") {
			if slices.ContainsFunc(other.Associations, func(a model.RouteTableAssociation) bool { return aws.ToString(a.SubnetId) == *in.SubnetId }) {
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
func (s *Service) DisassociateRouteTable(_ context.Context, in *model.DisassociateRouteTableInput, _ ...func(*model.Options)) (*model.DisassociateRouteTableOutput, error) {
	return &model.DisassociateRouteTableOutput{}, s.Store.Update(func(tx *store.Tx) error {
		for id, r := range s.t.routes.All(tx, "") {
			n := len(r.Associations)
			r.Associations = slices.DeleteFunc(slices.Clone(r.Associations), func(a model.RouteTableAssociation) bool {
				return *a.RouteTableAssociationId == aws.ToString(in.AssociationId) && !aws.ToBool(a.Main)
			})
			if len(r.Associations) < n {
				s.t.routes.Put(tx, id, r)
				return nil
			}
		}
		return noAssociation(in.AssociationId)
	})
}

func noAssociation(id *string) error {
	return failure("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", aws.ToString(id))
}

// ReplaceRouteTableAssociation gives a subnet, or a whole VPC, another route table. The
// association has another identifier from then on.
func (s *Service) ReplaceRouteTableAssociation(_ context.Context, in *model.ReplaceRouteTableAssociationInput, _ ...func(*model.Options)) (*model.ReplaceRouteTableAssociationOutput, error) {
	out := &model.ReplaceRouteTableAssociationOutput{}
	return out, s.Store.Update(func(tx *store.Tx) error {
		to, ok := s.t.routes.Get(tx, aws.ToString(in.RouteTableId))
		if !ok {
			return routeKind.none(aws.ToString(in.RouteTableId))
		}
		for id, from := range s.t.routes.All(tx, "") {
			i := slices.IndexFunc(from.Associations, func(a model.RouteTableAssociation) bool {
				return *a.RouteTableAssociationId == aws.ToString(in.AssociationId)
			})
			if i < 0 {
				continue
			}
			a := association(to, from.Associations[i].SubnetId)
			from.Associations = slices.Delete(slices.Clone(from.Associations), i, i+1)
			s.t.routes.Put(tx, id, from)
			to, _ = s.t.routes.Get(tx, *to.RouteTableId) // it may be the same one
			to.Associations = append(slices.Clone(to.Associations), a)
			s.t.routes.Put(tx, *to.RouteTableId, to)
			out.NewAssociationId, out.AssociationState = a.RouteTableAssociationId, a.AssociationState
			return nil
		}
		return noAssociation(in.AssociationId)
	})
}

// DeleteRouteTable deletes a route table that serves nothing.
func (s *Service) DeleteRouteTable(_ context.Context, in *model.DeleteRouteTableInput, _ ...func(*model.Options)) (*model.DeleteRouteTableOutput, error) {
	return &model.DeleteRouteTableOutput{}, s.Store.Update(func(tx *store.Tx) error {
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
