package provision

import (
	"context"

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
	found, err := p.AWS.DefaultNetwork(ctx)
	if err != nil {
		return err
	}
	if len(found.Subnets) < 2 {
		return fault.New(fault.Usage, "name two subnets of different zones under infrastructure.subnets", "the local cloud's default VPC has no two subnets left")
	}
	p.vpc, p.subnets = found.VPC, found.Subnets[:2]
	if len(p.firewall) == 0 {
		p.firewall = []string{found.SecurityGroup}
	}
	return nil
}
