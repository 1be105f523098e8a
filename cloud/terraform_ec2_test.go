package cloud_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// networkIDs are what the provider keeps of the network that it made.
type networkIDs struct{ vpc, subnet, group, rule, gateway, table, association string }

func (tf *terraform) ec2() *ec2.Client { return ec2.NewFromConfig(tf.cfg) }

// tagSpec are tags that come with a creation.
func tagSpec(kind types.ResourceType) []types.TagSpecification {
	return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}}}
}

// shopTags are those tags, read again.
var shopTags = []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}

// retagged is an update of tags: one is added, and taken away again for the next plan.
func retagged(id func(*terraform) string) func(context.Context, *terraform) error {
	return func(ctx context.Context, tf *terraform) error {
		tags := []types.Tag{{Key: aws.String("owner"), Value: aws.String("till")}}
		return errors.Join(only(tf.ec2().CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id(tf)}, Tags: tags})),
			only(tf.ec2().DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{id(tf)}, Tags: tags})))
	}
}

// by is a filter of EC2's.
func by(pairs ...string) (out []types.Filter) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, types.Filter{Name: &pairs[i], Values: []string{pairs[i+1]}})
	}
	return out
}

var vpcLife = life{
	resource: "aws_vpc", missing: "InvalidVpcID.NotFound",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().CreateVpc(ctx, &ec2.CreateVpcInput{
			CidrBlock: aws.String("10.20.0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(false), InstanceTenancy: types.TenancyDefault, TagSpecifications: tagSpec(types.ResourceTypeVpc),
		})
		if err != nil {
			return err
		}
		tf.net.vpc = *out.Vpc.VpcId
		return only(tf.ec2().ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{VpcId: &tf.net.vpc, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		c, here := tf.ec2(), []string{"vpc-id", tf.net.vpc}
		out, err := c.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{tf.net.vpc}})
		if err != nil {
			return err
		}
		names, err := c.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: &tf.net.vpc, Attribute: types.VpcAttributeNameEnableDnsHostnames})
		if err != nil {
			return err
		}
		_, support := c.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: &tf.net.vpc, Attribute: types.VpcAttributeNameEnableDnsSupport})
		_, usage := c.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: &tf.net.vpc, Attribute: types.VpcAttributeNameEnableNetworkAddressUsageMetrics})
		acls, acl := c.DescribeNetworkAcls(ctx, &ec2.DescribeNetworkAclsInput{Filters: by(append(here, "default", "true")...)})
		tables, table := c.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: by(append(here, "association.main", "true")...)})
		groups, group := c.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: by(append(here, "group-name", "default")...)})
		if err := errors.Join(support, usage, acl, table, group); err != nil {
			return err
		}
		v := out.Vpcs[0]
		return errors.Join(same("block", *v.CidrBlock, "10.20.0.0/16"), same("state", v.State, types.VpcStateAvailable), same("tenancy", v.InstanceTenancy, types.TenancyDefault),
			same("tags", v.Tags, shopTags), same("host names", *names.EnableDnsHostnames.Value, true), same("IPv6", len(v.Ipv6CidrBlockAssociationSet), 0),
			same("what comes with it", fmt.Sprint(len(acls.NetworkAcls), len(tables.RouteTables), len(groups.SecurityGroups)), "1 1 1"))
	},
	tag: retagged(func(tf *terraform) string { return tf.net.vpc }),
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: &tf.net.vpc}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{tf.net.vpc}}))
	},
}

var subnetLife = life{
	resource: "aws_subnet", missing: "InvalidSubnetID.NotFound",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().CreateSubnet(ctx, &ec2.CreateSubnetInput{
			VpcId: &tf.net.vpc, CidrBlock: aws.String("10.20.1.0/24"), AvailabilityZone: aws.String(tf.cfg.Region + "b"), TagSpecifications: tagSpec(types.ResourceTypeSubnet),
		})
		if err != nil {
			return err
		}
		tf.net.subnet = *out.Subnet.SubnetId
		return only(tf.ec2().ModifySubnetAttribute(ctx, &ec2.ModifySubnetAttributeInput{SubnetId: &tf.net.subnet, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: aws.Bool(true)}}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{tf.net.subnet}})
		if err != nil {
			return err
		}
		x := out.Subnets[0]
		return errors.Join(same("block", *x.CidrBlock, "10.20.1.0/24"), same("zone", *x.AvailabilityZone, tf.cfg.Region+"b"), same("public", *x.MapPublicIpOnLaunch, true),
			same("state", x.State, types.SubnetStateAvailable), same("DNS64", *x.EnableDns64, false), same("IPv6", *x.AssignIpv6AddressOnCreation, false),
			same("names", x.PrivateDnsNameOptionsOnLaunch.HostnameType, types.HostnameTypeIpName), same("tags", x.Tags, shopTags))
	},
	tag: retagged(func(tf *terraform) string { return tf.net.subnet }),
	destroy: func(ctx context.Context, tf *terraform) error {
		return errors.Join(tf.lingering(ctx, "subnet-id", tf.net.subnet), only(tf.ec2().DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: &tf.net.subnet})))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{tf.net.subnet}}))
	},
}

// lingering looks for interfaces that others have left, before a subnet, a security group or
// a load balancer goes; those would be detached and deleted.
func (tf *terraform) lingering(ctx context.Context, pairs ...string) error {
	out, err := tf.ec2().DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: by(pairs...)})
	if err != nil {
		return err
	}
	return same("interfaces", len(out.NetworkInterfaces), 0)
}

var securityLife = life{
	resource: "aws_security_group", missing: "InvalidGroup.NotFound",
	create: func(ctx context.Context, tf *terraform) error {
		c := tf.ec2()
		out, err := c.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
			VpcId: &tf.net.vpc, GroupName: aws.String("web-tasks-20261124000000000000000001"), Description: aws.String("Tasks of web"), TagSpecifications: tagSpec(types.ResourceTypeSecurityGroup),
		})
		if err != nil {
			return err
		}
		tf.net.group = *out.GroupId
		// What EC2 lets out is taken away, for the configuration does not say it; the rule for
		// IPv6 exists in some VPCs alone.
		_, err = c.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: out.GroupId, IpPermissions: []types.IpPermission{
			{FromPort: aws.Int32(0), ToPort: aws.Int32(0), IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}},
		}})
		return errors.Join(err, absent(only(c.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: out.GroupId, IpPermissions: []types.IpPermission{
			{FromPort: aws.Int32(0), ToPort: aws.Int32(0), IpProtocol: aws.String("-1"), Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}},
		}})), "InvalidPermission.NotFound"))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{tf.net.group}})
		if err != nil {
			return err
		}
		g := out.SecurityGroups[0]
		return errors.Join(same("description", *g.Description, "Tasks of web"), same("vpc", *g.VpcId, tf.net.vpc), same("ingress", len(g.IpPermissions), 0), same("tags", g.Tags, shopTags))
	},
	tag: retagged(func(tf *terraform) string { return tf.net.group }),
	destroy: func(ctx context.Context, tf *terraform) error {
		return errors.Join(tf.lingering(ctx, "group-id", tf.net.group), only(tf.ec2().DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &tf.net.group})))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{tf.net.group}}))
	},
}

var ruleLife = life{
	resource: "aws_vpc_security_group_egress_rule", missing: "InvalidSecurityGroupRuleId.NotFound",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &tf.net.group, TagSpecifications: tagSpec(types.ResourceTypeSecurityGroupRule), IpPermissions: []types.IpPermission{
			{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0"), Description: aws.String("Registry")}}},
		}})
		if err == nil {
			tf.net.rule = *out.SecurityGroupRules[0].SecurityGroupRuleId
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{tf.net.rule}})
		if err != nil {
			return err
		}
		r := out.SecurityGroupRules[0]
		return errors.Join(same("group", *r.GroupId, tf.net.group), same("egress", *r.IsEgress, true), same("block", *r.CidrIpv4, "0.0.0.0/0"), same("protocol", *r.IpProtocol, "-1"),
			same("ports", *r.FromPort, int32(-1)), same("tags", r.Tags, shopTags), // the provider takes -1 for none
			same("arn", *r.SecurityGroupRuleArn, fmt.Sprintf("arn:aws:ec2:%s:%s:security-group-rule/%s", tf.cfg.Region, *r.GroupOwnerId, tf.net.rule)))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		_, err := tf.ec2().ModifySecurityGroupRules(ctx, &ec2.ModifySecurityGroupRulesInput{GroupId: &tf.net.group, SecurityGroupRules: []types.SecurityGroupRuleUpdate{{
			SecurityGroupRuleId: &tf.net.rule,
			SecurityGroupRule:   &types.SecurityGroupRuleRequest{IpProtocol: aws.String("-1"), CidrIpv4: aws.String("0.0.0.0/0"), Description: aws.String("Registry and logs")},
		}}})
		return errors.Join(err, retagged(func(tf *terraform) string { return tf.net.rule })(ctx, tf))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &tf.net.group, SecurityGroupRuleIds: []string{tf.net.rule}}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{tf.net.rule}}))
	},
}

var gatewayLife = life{
	resource: "aws_internet_gateway", missing: "InvalidInternetGatewayID.NotFound",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().CreateInternetGateway(ctx, &ec2.CreateInternetGatewayInput{TagSpecifications: tagSpec(types.ResourceTypeInternetGateway)})
		if err != nil {
			return err
		}
		tf.net.gateway = *out.InternetGateway.InternetGatewayId
		return only(tf.ec2().AttachInternetGateway(ctx, &ec2.AttachInternetGatewayInput{InternetGatewayId: &tf.net.gateway, VpcId: &tf.net.vpc}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{InternetGatewayIds: []string{tf.net.gateway}})
		if err != nil {
			return err
		}
		g := out.InternetGateways[0]
		return errors.Join(same("vpc", *g.Attachments[0].VpcId, tf.net.vpc), same("state", string(g.Attachments[0].State), "available"), same("tags", g.Tags, shopTags))
	},
	tag: retagged(func(tf *terraform) string { return tf.net.gateway }),
	destroy: func(ctx context.Context, tf *terraform) error {
		in := &ec2.DetachInternetGatewayInput{InternetGatewayId: &tf.net.gateway, VpcId: &tf.net.vpc}
		return errors.Join(only(tf.ec2().DetachInternetGateway(ctx, in)), absent(only(tf.ec2().DetachInternetGateway(ctx, in)), "Gateway.NotAttached"),
			only(tf.ec2().DeleteInternetGateway(ctx, &ec2.DeleteInternetGatewayInput{InternetGatewayId: &tf.net.gateway})))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{InternetGatewayIds: []string{tf.net.gateway}}))
	},
}

var tableLife = life{
	resource: "aws_route_table", missing: "InvalidRouteTableID.NotFound",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: &tf.net.vpc, TagSpecifications: tagSpec(types.ResourceTypeRouteTable)})
		if err != nil {
			return err
		}
		tf.net.table = *out.RouteTable.RouteTableId
		return only(tf.ec2().CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: &tf.net.table, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &tf.net.gateway}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{tf.net.table}})
		if err != nil {
			return err
		}
		t := out.RouteTables[0]
		// The first one, to the VPC itself, is passed over by its gateway's name.
		return errors.Join(same("local", *t.Routes[0].GatewayId, "local"), same("route", *t.Routes[1].DestinationCidrBlock+" "+*t.Routes[1].GatewayId, "0.0.0.0/0 "+tf.net.gateway),
			same("state", t.Routes[1].State, types.RouteStateActive), same("origin", t.Routes[1].Origin, types.RouteOriginCreateRoute), same("tags", t.Tags, shopTags))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		in := &ec2.ReplaceRouteInput{RouteTableId: &tf.net.table, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: &tf.net.gateway}
		return errors.Join(only(tf.ec2().ReplaceRoute(ctx, in)), retagged(func(tf *terraform) string { return tf.net.table })(ctx, tf))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: &tf.net.table}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{tf.net.table}}))
	},
}

var associationLife = life{
	resource: "aws_route_table_association",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: &tf.net.table, SubnetId: &tf.net.subnet})
		if err == nil {
			tf.net.association = *out.AssociationId
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		tables, err := tf.associated(ctx)
		if err != nil {
			return err
		}
		a := tables[0].Associations[0]
		return errors.Join(same("table", *a.RouteTableId, tf.net.table), same("subnet", *a.SubnetId, tf.net.subnet), same("state", a.AssociationState.State, types.RouteTableAssociationStateCodeAssociated))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ec2().ReplaceRouteTableAssociation(ctx, &ec2.ReplaceRouteTableAssociationInput{AssociationId: &tf.net.association, RouteTableId: &tf.net.table})
		if err == nil {
			tf.net.association = *out.NewAssociationId
		}
		return err
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.ec2().DisassociateRouteTable(ctx, &ec2.DisassociateRouteTableInput{AssociationId: &tf.net.association}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		tables, err := tf.associated(ctx)
		return errors.Join(err, same("tables", len(tables), 0))
	},
}

func (tf *terraform) associated(ctx context.Context) ([]types.RouteTable, error) {
	out, err := tf.ec2().DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: by("association.route-table-association-id", tf.net.association)})
	if err != nil {
		return nil, err
	}
	return out.RouteTables, nil
}
