package ec2

import (
	"errors"
	"fmt"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Place arn.Place
}

// Service is EC2.
type Service struct {
	Options
	t tables
}

// tables are keyed by identifiers, tags by the resource's and their key.
type tables struct {
	vpcs       store.Table[vpc]
	subnets    store.Table[model.Subnet]
	groups     store.Table[model.SecurityGroup]
	rules      store.Table[model.SecurityGroupRule]
	gateways   store.Table[model.InternetGateway]
	routes     store.Table[model.RouteTable]
	interfaces store.Table[model.NetworkInterface]
	tags       store.Table[model.TagDescription]
}

// vpc is a VPC with the attributes that are told one at a time.
type vpc struct {
	model.Vpc
	Hostnames, Support, Usage bool
}

// New opens the service's tables and makes the default network of a new account.
func New(o Options) (*Service, error) {
	s := &Service{Options: o}
	var errs []error
	open(o.Store, "vpcs", &s.t.vpcs, &errs)
	open(o.Store, "subnets", &s.t.subnets, &errs)
	open(o.Store, "security-groups", &s.t.groups, &errs)
	open(o.Store, "security-group-rules", &s.t.rules, &errs)
	open(o.Store, "internet-gateways", &s.t.gateways, &errs)
	open(o.Store, "route-tables", &s.t.routes, &errs)
	open(o.Store, "network-interfaces", &s.t.interfaces, &errs)
	open(o.Store, "tags", &s.t.tags, &errs)
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("open ec2: %w", err)
	}
	return s, s.found()
}

func open[T any](s *store.Store, name string, t *store.Table[T], errs *[]error) {
	var err error
	*t, err = store.NewTable[T](s, "ec2/"+name)
	*errs = append(*errs, err)
}

// Ops are the operations that the service answers.
func (s *Service) Ops() []wire.Op {
	const record = "nothing is routed or filtered on loopback"
	return []wire.Op{
		wire.Handle(s.CreateVpc).RecordOnly(record), wire.Handle(s.DescribeVpcs), wire.Handle(s.DeleteVpc),
		wire.Handle(s.ModifyVpcAttribute).RecordOnly(record), wire.Handle(s.DescribeVpcAttribute),
		wire.Handle(s.CreateSubnet).RecordOnly(record), wire.Handle(s.DescribeSubnets), wire.Handle(s.DeleteSubnet),
		wire.Handle(s.ModifySubnetAttribute).RecordOnly(record),
		wire.Handle(s.CreateSecurityGroup).RecordOnly(record), wire.Handle(s.DescribeSecurityGroups), wire.Handle(s.DeleteSecurityGroup),
		wire.Handle(s.AuthorizeSecurityGroupIngress).RecordOnly(record), wire.Handle(s.AuthorizeSecurityGroupEgress).RecordOnly(record),
		wire.Handle(s.RevokeSecurityGroupIngress).RecordOnly(record), wire.Handle(s.RevokeSecurityGroupEgress).RecordOnly(record),
		wire.Handle(s.DescribeSecurityGroupRules), wire.Handle(s.ModifySecurityGroupRules).RecordOnly(record),
		wire.Handle(s.UpdateSecurityGroupRuleDescriptionsIngress), wire.Handle(s.UpdateSecurityGroupRuleDescriptionsEgress),
		wire.Handle(s.CreateInternetGateway).RecordOnly(record), wire.Handle(s.DescribeInternetGateways), wire.Handle(s.DeleteInternetGateway),
		wire.Handle(s.AttachInternetGateway).RecordOnly(record), wire.Handle(s.DetachInternetGateway).RecordOnly(record),
		wire.Handle(s.CreateRouteTable).RecordOnly(record), wire.Handle(s.DescribeRouteTables), wire.Handle(s.DeleteRouteTable),
		wire.Handle(s.AssociateRouteTable).RecordOnly(record), wire.Handle(s.DisassociateRouteTable).RecordOnly(record),
		wire.Handle(s.ReplaceRouteTableAssociation).RecordOnly(record),
		wire.Handle(s.CreateRoute).RecordOnly(record), wire.Handle(s.ReplaceRoute).RecordOnly(record), wire.Handle(s.DeleteRoute).RecordOnly(record),
		wire.Handle(s.CreateNetworkInterface).RecordOnly(record), wire.Handle(s.DescribeNetworkInterfaces), wire.Handle(s.DeleteNetworkInterface),
		wire.Handle(s.DescribeAvailabilityZones).Differing("Three zones, whatever the region."), wire.Handle(s.DescribeRegions).Differing("The cloud's own region only."),
		wire.Handle(s.DescribeNetworkAcls).Differing("Each VPC has its default one, which allows everything."), wire.Handle(s.DescribeAccountAttributes),
		wire.Handle(s.DescribeVpcClassicLink), wire.Handle(s.DescribeVpcClassicLinkDnsSupport),
		wire.Handle(s.CreateTags), wire.Handle(s.DeleteTags), wire.Handle(s.DescribeTags),
	}
}
