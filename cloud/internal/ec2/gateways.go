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

var gatewayKind = kind[types.InternetGateway]{
	noun: "internetGateway ID", code: "InvalidInternetGatewayID.NotFound",
	id:   func(g types.InternetGateway) *string { return g.InternetGatewayId },
	tags: func(g types.InternetGateway) []types.Tag { return g.Tags },
	fields: map[string]func(types.InternetGateway) []string{
		"internet-gateway-id": text(func(g types.InternetGateway) *string { return g.InternetGatewayId }),
		"owner-id":            text(func(g types.InternetGateway) *string { return g.OwnerId }),
		"attachment.vpc-id": func(g types.InternetGateway) (out []string) {
			for _, a := range g.Attachments {
				out = append(out, *a.VpcId)
			}
			return out
		},
		"attachment.state": func(g types.InternetGateway) (out []string) {
			for _, a := range g.Attachments {
				out = append(out, string(a.State))
			}
			return out
		},
	},
}

// CreateInternetGateway makes an internet gateway.
func (s *Service) CreateInternetGateway(_ context.Context, in *ec2.CreateInternetGatewayInput, _ ...func(*ec2.Options)) (*ec2.CreateInternetGatewayOutput, error) {
	g := types.InternetGateway{InternetGatewayId: aws.String("igw-" + ids.Hex(17)), OwnerId: aws.String(s.Place.Account), Attachments: []types.InternetGatewayAttachment{}}
	return &ec2.CreateInternetGatewayOutput{InternetGateway: &g}, s.Store.Update(func(tx *store.Tx) error {
		s.t.gateways.Put(tx, *g.InternetGatewayId, g)
		s.tagNew(tx, *g.InternetGatewayId, in.TagSpecifications)
		g.Tags = s.tagsOf(tx, g.InternetGatewayId)
		return nil
	})
}

// DescribeInternetGateways lists internet gateways.
func (s *Service) DescribeInternetGateways(_ context.Context, in *ec2.DescribeInternetGatewaysInput, _ ...func(*ec2.Options)) (*ec2.DescribeInternetGatewaysOutput, error) {
	var all []types.InternetGateway
	s.Store.View(func(tx *store.Tx) {
		for _, g := range s.t.gateways.All(tx, "") {
			g.Tags = s.tagsOf(tx, g.InternetGatewayId)
			all = append(all, g)
		}
	})
	part, next, err := gatewayKind.choose(slices.Values(all), query{in.InternetGatewayIds, in.Filters, in.NextToken, in.MaxResults})
	return &ec2.DescribeInternetGatewaysOutput{InternetGateways: part, NextToken: next}, err
}

func (s *Service) gateway(tx *store.Tx, id *string) (types.InternetGateway, error) {
	g, ok := s.t.gateways.Get(tx, aws.ToString(id))
	if !ok {
		return g, gatewayKind.none(aws.ToString(id))
	}
	return g, nil
}

// AttachInternetGateway attaches a gateway to a VPC that has none.
func (s *Service) AttachInternetGateway(_ context.Context, in *ec2.AttachInternetGatewayInput, _ ...func(*ec2.Options)) (*ec2.AttachInternetGatewayOutput, error) {
	return &ec2.AttachInternetGatewayOutput{}, s.Store.Update(func(tx *store.Tx) error {
		g, err := s.gateway(tx, in.InternetGatewayId)
		if err != nil {
			return err
		}
		v, err := s.vpc(tx, in.VpcId)
		if err != nil {
			return err
		}
		if len(g.Attachments) > 0 {
			return failure("Resource.AlreadyAssociated", "resource %s is already attached to network %s", *g.InternetGatewayId, *g.Attachments[0].VpcId)
		}
		for _, other := range s.t.gateways.All(tx, "") {
			if len(other.Attachments) > 0 && *other.Attachments[0].VpcId == *v.VpcId {
				return invalid("Network %s already has an internet gateway attached", *v.VpcId)
			}
		}
		g.Attachments = []types.InternetGatewayAttachment{{VpcId: v.VpcId, State: "available"}}
		s.t.gateways.Put(tx, *g.InternetGatewayId, g)
		return nil
	})
}

// DetachInternetGateway detaches a gateway from its VPC.
func (s *Service) DetachInternetGateway(_ context.Context, in *ec2.DetachInternetGatewayInput, _ ...func(*ec2.Options)) (*ec2.DetachInternetGatewayOutput, error) {
	return &ec2.DetachInternetGatewayOutput{}, s.Store.Update(func(tx *store.Tx) error {
		g, err := s.gateway(tx, in.InternetGatewayId)
		if err != nil {
			return err
		}
		if len(g.Attachments) == 0 || *g.Attachments[0].VpcId != aws.ToString(in.VpcId) {
			return failure("Gateway.NotAttached", "resource %s is not attached to network %s", *g.InternetGatewayId, aws.ToString(in.VpcId))
		}
		g.Attachments = []types.InternetGatewayAttachment{}
		s.t.gateways.Put(tx, *g.InternetGatewayId, g)
		return nil
	})
}

// DeleteInternetGateway deletes a gateway that is not attached.
func (s *Service) DeleteInternetGateway(_ context.Context, in *ec2.DeleteInternetGatewayInput, _ ...func(*ec2.Options)) (*ec2.DeleteInternetGatewayOutput, error) {
	return &ec2.DeleteInternetGatewayOutput{}, s.Store.Update(func(tx *store.Tx) error {
		g, err := s.gateway(tx, in.InternetGatewayId)
		if err != nil {
			return err
		}
		if len(g.Attachments) > 0 {
			return inUse("The internetGateway '%s' has dependencies and cannot be deleted.", *g.InternetGatewayId)
		}
		s.t.gateways.Delete(tx, *g.InternetGatewayId)
		s.untag(tx, *g.InternetGatewayId)
		return nil
	})
}
