package provision

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/turnoutdev/turnout/internal/fault"
)

// network settles which VPC, subnets and security groups are used. A local cloud has a
// default VPC to fall back on; on AWS it would be a guess about production.
func (p *Provisioner) network(ctx context.Context) error {
	in := p.Config.Infrastructure
	p.vpc, p.subnets, p.firewall = in.VPC, in.Subnets, in.SecurityGroups
	if len(p.subnets) > 0 {
		return nil
	}
	if !p.AWS.Local {
		return fault.New(fault.Usage, "name two subnets of different zones under infrastructure.subnets, and infrastructure.vpc", "no subnets are configured")
	}
	return p.defaultNetwork(ctx)
}

// defaultNetwork takes the default VPC's subnets, and its default security group by name:
// clients that copy the service's network into an AppSpec, as ecspresso does, need one
// there, since CodeDeploy takes all of a network configuration or none.
func (p *Provisioner) defaultNetwork(ctx context.Context) error {
	client := p.AWS.EC2()
	found, err := client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("default-for-az", "true")}})
	if err != nil {
		return err
	}
	if len(found.Subnets) < 2 {
		return fault.New(fault.Usage, "name two subnets of different zones under infrastructure.subnets", "the local cloud's default VPC has no two subnets left")
	}
	for _, s := range found.Subnets[:2] {
		p.vpc, p.subnets = aws.ToString(s.VpcId), append(p.subnets, aws.ToString(s.SubnetId))
	}
	if len(p.firewall) > 0 {
		return nil
	}
	groups, err := client.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{filter("vpc-id", p.vpc), filter("group-name", "default")}})
	if err != nil {
		return err
	}
	if len(groups.SecurityGroups) == 0 {
		return errors.New("the default VPC has no default security group")
	}
	p.firewall = []string{aws.ToString(groups.SecurityGroups[0].GroupId)}
	return nil
}

func filter(name, value string) types.Filter {
	return types.Filter{Name: &name, Values: []string{value}}
}
