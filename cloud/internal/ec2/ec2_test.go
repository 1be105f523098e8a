package ec2

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var bg = context.Background()

func newService(t *testing.T) *Service {
	t.Helper()
	st, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Store: st, Place: arn.Place{Partition: "aws", Account: "123456789012", Region: "eu-central-1"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// must fails the test unless a call went well.
func must[T any](t *testing.T) func(T, error) T {
	return func(out T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func wantError(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func filter(name string, values ...string) []types.Filter {
	return []types.Filter{{Name: &name, Values: values}}
}

func TestAnAccountHasADefaultNetwork(t *testing.T) {
	s := newService(t)
	vpcs := must[*ec2.DescribeVpcsOutput](t)(s.DescribeVpcs(bg, &ec2.DescribeVpcsInput{Filters: filter("is-default", "true")})).Vpcs
	if len(vpcs) != 1 || *vpcs[0].CidrBlock != "172.31.0.0/16" {
		t.Fatalf("default VPCs: %+v", vpcs)
	}
	here := filter("vpc-id", *vpcs[0].VpcId)
	subnets := must[*ec2.DescribeSubnetsOutput](t)(s.DescribeSubnets(bg, &ec2.DescribeSubnetsInput{Filters: here})).Subnets
	zones := map[string]string{}
	for _, x := range subnets {
		zones[*x.AvailabilityZone] = *x.AvailabilityZoneId
	}
	if len(subnets) != 3 || zones["eu-central-1a"] != "euc1-az1" || zones["eu-central-1c"] != "euc1-az3" || *subnets[0].AvailableIpAddressCount != 4091 {
		t.Errorf("subnets %+v", subnets)
	}
	groups := must[*ec2.DescribeSecurityGroupsOutput](t)(s.DescribeSecurityGroups(bg, &ec2.DescribeSecurityGroupsInput{Filters: here})).SecurityGroups
	if len(groups) != 1 || *groups[0].GroupName != "default" || *groups[0].IpPermissions[0].UserIdGroupPairs[0].GroupId != *groups[0].GroupId || *groups[0].IpPermissionsEgress[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("groups %+v", groups)
	}
	tables := must[*ec2.DescribeRouteTablesOutput](t)(s.DescribeRouteTables(bg, &ec2.DescribeRouteTablesInput{Filters: here})).RouteTables
	gateways := must[*ec2.DescribeInternetGatewaysOutput](t)(s.DescribeInternetGateways(bg, &ec2.DescribeInternetGatewaysInput{Filters: filter("attachment.vpc-id", *vpcs[0].VpcId)})).InternetGateways
	if len(tables) != 1 || len(gateways) != 1 || len(tables[0].Routes) != 2 || *tables[0].Routes[1].GatewayId != *gateways[0].InternetGatewayId || !isMain(tables[0]) {
		t.Errorf("route tables %+v, gateways %+v", tables, gateways)
	}
	acls := must[*ec2.DescribeNetworkAclsOutput](t)(s.DescribeNetworkAcls(bg, &ec2.DescribeNetworkAclsInput{Filters: here})).NetworkAcls
	if len(acls) != 1 || len(acls[0].Associations) != 3 || len(acls[0].Entries) != 4 {
		t.Errorf("ACLs %+v", acls)
	}
}

func TestANetworksLife(t *testing.T) {
	s := newService(t)
	tags := func(kind types.ResourceType) []types.TagSpecification {
		return []types.TagSpecification{{ResourceType: kind, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("shop-main")}}}}
	}
	v := must[*ec2.CreateVpcOutput](t)(s.CreateVpc(bg, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: tags(types.ResourceTypeVpc)})).Vpc
	if got := must[*ec2.DescribeVpcsOutput](t)(s.DescribeVpcs(bg, &ec2.DescribeVpcsInput{Filters: filter("tag:Name", "shop-*")})).Vpcs; len(got) != 1 || *got[0].VpcId != *v.VpcId {
		t.Errorf("by its tag: %+v", got)
	}
	_, err := s.CreateVpc(bg, &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/8")})
	wantError(t, err, "InvalidVpc.Range")
	subnet := func(block string) (*ec2.CreateSubnetOutput, error) {
		return s.CreateSubnet(bg, &ec2.CreateSubnetInput{VpcId: v.VpcId, CidrBlock: &block, AvailabilityZone: aws.String("eu-central-1b")})
	}
	x := must[*ec2.CreateSubnetOutput](t)(subnet("10.0.1.0/24")).Subnet
	_, err = subnet("10.0.1.128/25")
	wantError(t, err, "InvalidSubnet.Conflict")
	_, err = subnet("10.1.0.0/24")
	wantError(t, err, "InvalidSubnet.Range")
	g := must[*ec2.CreateSecurityGroupOutput](t)(s.CreateSecurityGroup(bg, &ec2.CreateSecurityGroupInput{VpcId: v.VpcId, GroupName: aws.String("web"), Description: aws.String("d")}))
	i := must[*ec2.CreateNetworkInterfaceOutput](t)(s.CreateNetworkInterface(bg, &ec2.CreateNetworkInterfaceInput{SubnetId: x.SubnetId, Groups: []string{*g.GroupId}})).NetworkInterface
	if *i.PrivateIpAddress != "10.0.1.4" || *i.Groups[0].GroupName != "web" {
		t.Errorf("interface %+v", i)
	}
	_, err = s.DeleteSubnet(bg, &ec2.DeleteSubnetInput{SubnetId: x.SubnetId})
	wantError(t, err, "DependencyViolation")
	_, err = s.DeleteSecurityGroup(bg, &ec2.DeleteSecurityGroupInput{GroupId: g.GroupId})
	wantError(t, err, "DependencyViolation")
	_, err = s.DeleteVpc(bg, &ec2.DeleteVpcInput{VpcId: v.VpcId})
	wantError(t, err, "DependencyViolation")
	must[*ec2.DeleteNetworkInterfaceOutput](t)(s.DeleteNetworkInterface(bg, &ec2.DeleteNetworkInterfaceInput{NetworkInterfaceId: i.NetworkInterfaceId}))
	must[*ec2.DeleteSecurityGroupOutput](t)(s.DeleteSecurityGroup(bg, &ec2.DeleteSecurityGroupInput{GroupId: g.GroupId}))

	r := must[*ec2.CreateRouteTableOutput](t)(s.CreateRouteTable(bg, &ec2.CreateRouteTableInput{VpcId: v.VpcId})).RouteTable
	a := must[*ec2.AssociateRouteTableOutput](t)(s.AssociateRouteTable(bg, &ec2.AssociateRouteTableInput{RouteTableId: r.RouteTableId, SubnetId: x.SubnetId}))
	igw := must[*ec2.CreateInternetGatewayOutput](t)(s.CreateInternetGateway(bg, &ec2.CreateInternetGatewayInput{})).InternetGateway
	must[*ec2.AttachInternetGatewayOutput](t)(s.AttachInternetGateway(bg, &ec2.AttachInternetGatewayInput{InternetGatewayId: igw.InternetGatewayId, VpcId: v.VpcId}))
	must[*ec2.CreateRouteOutput](t)(s.CreateRoute(bg, &ec2.CreateRouteInput{RouteTableId: r.RouteTableId, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: igw.InternetGatewayId}))
	got := must[*ec2.DescribeRouteTablesOutput](t)(s.DescribeRouteTables(bg, &ec2.DescribeRouteTablesInput{Filters: filter("association.subnet-id", *x.SubnetId)})).RouteTables
	if len(got) != 1 || len(got[0].Routes) != 2 {
		t.Errorf("route tables %+v", got)
	}
	_, err = s.DeleteRouteTable(bg, &ec2.DeleteRouteTableInput{RouteTableId: r.RouteTableId})
	wantError(t, err, "DependencyViolation")
	must[*ec2.DisassociateRouteTableOutput](t)(s.DisassociateRouteTable(bg, &ec2.DisassociateRouteTableInput{AssociationId: a.AssociationId}))
	must[*ec2.DeleteRouteTableOutput](t)(s.DeleteRouteTable(bg, &ec2.DeleteRouteTableInput{RouteTableId: r.RouteTableId}))
	must[*ec2.DetachInternetGatewayOutput](t)(s.DetachInternetGateway(bg, &ec2.DetachInternetGatewayInput{InternetGatewayId: igw.InternetGatewayId, VpcId: v.VpcId}))
	must[*ec2.DeleteInternetGatewayOutput](t)(s.DeleteInternetGateway(bg, &ec2.DeleteInternetGatewayInput{InternetGatewayId: igw.InternetGatewayId}))
	must[*ec2.DeleteSubnetOutput](t)(s.DeleteSubnet(bg, &ec2.DeleteSubnetInput{SubnetId: x.SubnetId}))
	must[*ec2.DeleteVpcOutput](t)(s.DeleteVpc(bg, &ec2.DeleteVpcInput{VpcId: v.VpcId}))
	_, err = s.DescribeVpcs(bg, &ec2.DescribeVpcsInput{VpcIds: []string{*v.VpcId}})
	wantError(t, err, "InvalidVpcID.NotFound")
	if left := must[*ec2.DescribeTagsOutput](t)(s.DescribeTags(bg, &ec2.DescribeTagsInput{})).Tags; len(left) != 0 {
		t.Errorf("tags left behind: %+v", left)
	}
}

func TestRules(t *testing.T) {
	s := newService(t)
	g := must[*ec2.CreateSecurityGroupOutput](t)(s.CreateSecurityGroup(bg, &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("d")})).GroupId
	http := []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(80), IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}, {CidrIp: aws.String("192.168.0.0/16")}}}}
	made := must[*ec2.AuthorizeSecurityGroupIngressOutput](t)(s.AuthorizeSecurityGroupIngress(bg, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: g, IpPermissions: http})).SecurityGroupRules
	if len(made) != 2 {
		t.Errorf("rules %+v", made)
	}
	_, err := s.AuthorizeSecurityGroupIngress(bg, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: g, IpPermissions: http})
	wantError(t, err, "InvalidPermission.Duplicate")
	got := must[*ec2.DescribeSecurityGroupsOutput](t)(s.DescribeSecurityGroups(bg, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{*g}})).SecurityGroups[0]
	if len(got.IpPermissions) != 1 || len(got.IpPermissions[0].IpRanges) != 2 || len(got.IpPermissionsEgress) != 1 {
		t.Errorf("group %+v", got)
	}
	must[*ec2.RevokeSecurityGroupIngressOutput](t)(s.RevokeSecurityGroupIngress(bg, &ec2.RevokeSecurityGroupIngressInput{GroupId: g, SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}}))
	must[*ec2.RevokeSecurityGroupEgressOutput](t)(s.RevokeSecurityGroupEgress(bg, &ec2.RevokeSecurityGroupEgressInput{GroupId: g, IpPermissions: got.IpPermissionsEgress}))
	_, err = s.RevokeSecurityGroupEgress(bg, &ec2.RevokeSecurityGroupEgressInput{GroupId: g, IpPermissions: got.IpPermissionsEgress})
	wantError(t, err, "InvalidPermission.NotFound")
	left := must[*ec2.DescribeSecurityGroupRulesOutput](t)(s.DescribeSecurityGroupRules(bg, &ec2.DescribeSecurityGroupRulesInput{Filters: filter("group-id", *g)})).SecurityGroupRules
	if len(left) != 1 || *left[0].SecurityGroupRuleId != *made[1].SecurityGroupRuleId {
		t.Errorf("left %+v", left)
	}
	_, err = s.DescribeSecurityGroups(bg, &ec2.DescribeSecurityGroupsInput{Filters: filter("nonsense", "x")})
	wantError(t, err, "InvalidParameterValue")
}

func TestLike(t *testing.T) {
	for want, yes := range map[string]string{"a*c": "abbc", "a?c": "abc", `a\*`: "a*", "*": "", "abc": "abc"} {
		if !like(yes, want) {
			t.Errorf("%s does not match %s", yes, want)
		}
	}
	for want, no := range map[string]string{"a*c": "abd", "a?c": "ac", `a\*`: "ab", "abc": "abcd", "": "x"} {
		if like(no, want) {
			t.Errorf("%s matches %s", no, want)
		}
	}
}
