package ec2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var gatewayKind = kind[model.InternetGateway]{
	noun: "internetGateway ID", code: "InvalidInternetGatewayID.NotFound",
	id:   func(g model.InternetGateway) *string { return g.InternetGatewayId },
	tags: func(g model.InternetGateway) []model.Tag { return g.Tags },
	fields: map[string]func(model.InternetGateway) []string{
		"internet-gateway-id": text(func(g model.InternetGateway) *string { return g.InternetGatewayId }),
		"owner-id":            text(func(g model.InternetGateway) *string { return g.OwnerId }),
		"attachment.vpc-id": func(g model.InternetGateway) (out []string) {
			for _, a := range g.Attachments {
				out = append(out, *a.VpcId)
			}
			return out
		},
		"attachment.state": func(g model.InternetGateway) (out []string) {
			for _, a := range g.Attachments {
				out = append(out, string(a.State))
			}
			return out
		},
	},
}

// CreateInternetGateway makes an internet gateway.
func (s *Service) CreateInternetGateway(_ context.Context, in *model.CreateInternetGatewayInput, _ ...func(*model.Options)) (*model.CreateInternetGatewayOutput, error) {
	g := model.InternetGateway{InternetGatewayId: aws.String("igw-" + ids.Hex(17)), OwnerId: aws.String(s.Place.Account), Attachments: []model.InternetGatewayAttachment{}}
	return &model.CreateInternetGatewayOutput{InternetGateway: &g}, s.Store.Update(func(tx *store.Tx) error {
		s.t.gateways.Put(tx, *g.InternetGatewayId, g)
		s.tagNew(tx, *g.InternetGatewayId, in.TagSpecifications)
		g.Tags = s.tagsOf(tx, g.InternetGatewayId)
		return nil
	})
}

// DescribeInternetGateways lists internet gateways.
func (s *Service) DescribeInternetGateways(_ context.Context, in *model.DescribeInternetGatewaysInput, _ ...func(*model.Options)) (*model.DescribeInternetGatewaysOutput, error) {
	var all []model.InternetGateway
	s.Store.View(func(tx *store.Tx) {
		for _, g := range s.t.gateways.All(tx, "") {
			g.Tags = s.tagsOf(tx, g.InternetGatewayId)
			all = append(all, g)
		}
	})
	part, next, err := gatewayKind.choose(slices.Values(all), query{in.InternetGatewayIds, in.Filters, in.NextToken, in.MaxResults})
	return &model.DescribeInternetGatewaysOutput{InternetGateways: part, NextToken: next}, err
}

func (s *Service) gateway(tx *store.Tx, id *string) (model.InternetGateway, error) {
	g, ok := s.t.gateways.Get(tx, aws.ToString(id))
	if !ok {
		return g, gatewayKind.none(aws.ToString(id))
	}
	return g, nil
}

// AttachInternetGateway attaches a gateway to a VPC that has none.
func (s *Service) AttachInternetGateway(_ context.Context, in *model.AttachInternetGatewayInput, _ ...func(*model.Options)) (*model.AttachInternetGatewayOutput, error) {
	return &model.AttachInternetGatewayOutput{}, s.Store.Update(func(tx *store.Tx) error {
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
		g.Attachments = []model.InternetGatewayAttachment{{VpcId: v.VpcId, State: "available"}}
		s.t.gateways.Put(tx, *g.InternetGatewayId, g)
		return nil
	})
}

// DetachInternetGateway detaches a gateway from its VPC.
func (s *Service) DetachInternetGateway(_ context.Context, in *model.DetachInternetGatewayInput, _ ...func(*model.Options)) (*model.DetachInternetGatewayOutput, error) {
	return &model.DetachInternetGatewayOutput{}, s.Store.Update(func(tx *store.Tx) error {
		g, err := s.gateway(tx, in.InternetGatewayId)
		if err != nil {
			return err
		}
		if len(g.Attachments) == 0 || *g.Attachments[0].VpcId != aws.ToString(in.VpcId) {
			return failure("Gateway.NotAttached", "resource %s is not attached to network %s", *g.InternetGatewayId, aws.ToString(in.VpcId))
		}
		g.Attachments = []model.InternetGatewayAttachment{}
		s.t.gateways.Put(tx, *g.InternetGatewayId, g)
		return nil
	})
}

// DeleteInternetGateway deletes a gateway that is not attached.
func (s *Service) DeleteInternetGateway(_ context.Context, in *model.DeleteInternetGatewayInput, _ ...func(*model.Options)) (*model.DeleteInternetGatewayOutput, error) {
	return &model.DeleteInternetGatewayOutput{}, s.Store.Update(func(tx *store.Tx) error {
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
