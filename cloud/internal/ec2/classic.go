package ec2

import (
	"context"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
)

// EC2-Classic is gone from every region, and links to it with it. Terraform's provider asked
// for them up to version 4; this is the answer that it takes for no.
func classic() error {
	return failure("UnsupportedOperation", "The functionality you requested is not available in this region.")
}

// DescribeVpcClassicLink tells that there is no EC2-Classic.
func (s *Service) DescribeVpcClassicLink(context.Context, *model.DescribeVpcClassicLinkInput, ...func(*model.Options)) (*model.DescribeVpcClassicLinkOutput, error) {
	return nil, classic()
}

// DescribeVpcClassicLinkDnsSupport tells that there is no EC2-Classic.
func (s *Service) DescribeVpcClassicLinkDnsSupport(context.Context, *model.DescribeVpcClassicLinkDnsSupportInput, ...func(*model.Options)) (*model.DescribeVpcClassicLinkDnsSupportOutput, error) {
	return nil, classic()
}
