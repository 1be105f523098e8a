package elbv2

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxCertificates = 25

// AddListenerCertificates adds certificates that clients get by the name they ask for.
func (s *Service) AddListenerCertificates(_ context.Context, in *elb.AddListenerCertificatesInput, _ ...func(*elb.Options)) (*elb.AddListenerCertificatesOutput, error) {
	out := &elb.AddListenerCertificatesOutput{Certificates: []types.Certificate{}}
	_, err := s.changeListener(aws.ToString(in.ListenerArn), func(tx *store.Tx, l *listener) error {
		if !isSecure(l.Desc.Protocol) {
			return badConfiguration("Certificates cannot be added to listeners with the protocol '%s'", l.Desc.Protocol)
		}
		l.Extra = slices.Clone(l.Extra)
		for _, c := range in.Certificates {
			id := aws.ToString(c.CertificateArn)
			if aws.ToBool(c.IsDefault) {
				return validation("You cannot specify IsDefault when adding certificates")
			}
			if err := s.keepCertificate(tx, id); err != nil {
				return err
			}
			if !slices.Contains(certificatesOf(*l), id) {
				l.Extra = append(l.Extra, id)
			}
			out.Certificates = append(out.Certificates, types.Certificate{CertificateArn: aws.String(id), IsDefault: aws.Bool(false)})
		}
		if len(l.Extra) > maxCertificates {
			return &types.TooManyCertificatesException{Message: text("The maximum number of certificates per load balancer is '%d'", maxCertificates)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// RemoveListenerCertificates takes certificates away; the default one stays.
func (s *Service) RemoveListenerCertificates(_ context.Context, in *elb.RemoveListenerCertificatesInput, _ ...func(*elb.Options)) (*elb.RemoveListenerCertificatesOutput, error) {
	_, err := s.changeListener(aws.ToString(in.ListenerArn), func(_ *store.Tx, l *listener) error {
		l.Extra = slices.Clone(l.Extra)
		for _, c := range in.Certificates {
			id := aws.ToString(c.CertificateArn)
			if len(l.Desc.Certificates) > 0 && aws.ToString(l.Desc.Certificates[0].CertificateArn) == id {
				return notPermitted("Default certificate '%s' cannot be removed", id)
			}
			l.Extra = slices.DeleteFunc(l.Extra, func(x string) bool { return x == id })
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.RemoveListenerCertificatesOutput{}, nil
}

// DescribeListenerCertificates returns all of a listener's certificates, the default first.
func (s *Service) DescribeListenerCertificates(_ context.Context, in *elb.DescribeListenerCertificatesInput, _ ...func(*elb.Options)) (*elb.DescribeListenerCertificatesOutput, error) {
	l, err := s.listenerByARN(aws.ToString(in.ListenerArn))
	if err != nil {
		return nil, err
	}
	all := []types.Certificate{}
	for i, id := range certificatesOf(l) {
		all = append(all, types.Certificate{CertificateArn: aws.String(id), IsDefault: aws.Bool(i == 0)})
	}
	part, next, err := cut(all, func(c types.Certificate) string { return *c.CertificateArn }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeListenerCertificatesOutput{Certificates: part, NextMarker: next}, nil
}
