package ec2

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
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

func filter(name string, values ...string) []model.Filter {
	return []model.Filter{{Name: &name, Values: values}}
}

func TestAnAccountHasADefaultNetwork(t *testing.T) {
	s := newService(t)
	vpcs := must[*model.DescribeVpcsOutput](t)(s.DescribeVpcs(bg, &model.DescribeVpcsInput{Filters: filter("is-default", "true")})).Vpcs
	if len(vpcs) != 1 || *vpcs[0].CidrBlock != "172.31.0.0/16" {
		t.Fatalf("default VPCs: %+v", vpcs)
	}
	here := filter("vpc-id", *vpcs[0].VpcId)
	subnets := must[*model.DescribeSubnetsOutput](t)(s.DescribeSubnets(bg, &model.DescribeSubnetsInput{Filters: here})).Subnets
	zones := map[string]string{}
	for _, x := range subnets {
		zones[*x.AvailabilityZone] = *x.AvailabilityZoneId
	}
	if len(subnets) != 3 || zones["eu-central-1a"] != "euc1-az1" || zones["eu-central-1c"] != "euc1-az3" || *subnets[0].AvailableIpAddressCount != 4091 {
		t.Errorf("subnets %+v", subnets)
	}
	groups := must[*model.DescribeSecurityGroupsOutput](t)(s.DescribeSecurityGroups(bg, &model.DescribeSecurityGroupsInput{Filters: here})).SecurityGroups
	if len(groups) != 1 || *groups[0].GroupName != "default" || *groups[0].IpPermissions[0].UserIdGroupPairs[0].GroupId != *groups[0].GroupId || *groups[0].IpPermissionsEgress[0].IpRanges[0].CidrIp != "0.0.0.0/0" {
		t.Errorf("groups %+v", groups)
	}
	tables := must[*model.DescribeRouteTablesOutput](t)(s.DescribeRouteTables(bg, &model.DescribeRouteTablesInput{Filters: here})).RouteTables
	gateways := must[*model.DescribeInternetGatewaysOutput](t)(s.DescribeInternetGateways(bg, &model.DescribeInternetGatewaysInput{Filters: filter("attachment.vpc-id", *vpcs[0].VpcId)})).InternetGateways
	if len(tables) != 1 || len(gateways) != 1 || len(tables[0].Routes) != 2 || *tables[0].Routes[1].GatewayId != *gateways[0].InternetGatewayId || !isMain(tables[0]) {
		t.Errorf("route tables %+v, gateways %+v", tables, gateways)
	}
	acls := must[*model.DescribeNetworkAclsOutput](t)(s.DescribeNetworkAcls(bg, &model.DescribeNetworkAclsInput{Filters: here})).NetworkAcls
	if len(acls) != 1 || len(acls[0].Associations) != 3 || len(acls[0].Entries) != 4 {
		t.Errorf("ACLs %+v", acls)
	}
}

func TestANetworksLife(t *testing.T) {
	s := newService(t)
	tags := func(kind model.ResourceType) []model.TagSpecification {
		return []model.TagSpecification{{ResourceType: kind, Tags: []model.Tag{{Key: aws.String("Name"), Value: aws.String("shop-main")}}}}
	}
	v := must[*model.CreateVpcOutput](t)(s.CreateVpc(bg, &model.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16"), TagSpecifications: tags(model.ResourceTypeVpc)})).Vpc
	if got := must[*model.DescribeVpcsOutput](t)(s.DescribeVpcs(bg, &model.DescribeVpcsInput{Filters: filter("tag:Name", "shop-*")})).Vpcs; len(got) != 1 || *got[0].VpcId != *v.VpcId {
		t.Errorf("by its tag: %+v", got)
	}
	_, err := s.CreateVpc(bg, &model.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/8")})
	wantError(t, err, "InvalidVpc.Range")
	subnet := func(block string) (*model.CreateSubnetOutput, error) {
		return s.CreateSubnet(bg, &model.CreateSubnetInput{VpcId: v.VpcId, CidrBlock: &block, AvailabilityZone: aws.String("eu-central-1b")})
	}
	x := must[*model.CreateSubnetOutput](t)(subnet("10.0.1.0/24")).Subnet
	_, err = subnet("10.0.1.128/25")
	wantError(t, err, "InvalidSubnet.Conflict")
	_, err = subnet("10.1.0.0/24")
	wantError(t, err, "InvalidSubnet.Range")
	g := must[*model.CreateSecurityGroupOutput](t)(s.CreateSecurityGroup(bg, &model.CreateSecurityGroupInput{VpcId: v.VpcId, GroupName: aws.String("web"), Description: aws.String("d")}))
	i := must[*model.CreateNetworkInterfaceOutput](t)(s.CreateNetworkInterface(bg, &model.CreateNetworkInterfaceInput{SubnetId: x.SubnetId, Groups: []string{*g.GroupId}})).NetworkInterface
	if *i.PrivateIpAddress != "10.0.1.4" || *i.Groups[0].GroupName != "web" {
		t.Errorf("interface %+v", i)
	}
	_, err = s.DeleteSubnet(bg, &model.DeleteSubnetInput{SubnetId: x.SubnetId})
	wantError(t, err, "DependencyViolation")
	_, err = s.DeleteSecurityGroup(bg, &model.DeleteSecurityGroupInput{GroupId: g.GroupId})
	wantError(t, err, "DependencyViolation")
	_, err = s.DeleteVpc(bg, &model.DeleteVpcInput{VpcId: v.VpcId})
	wantError(t, err, "DependencyViolation")
	must[*model.DeleteNetworkInterfaceOutput](t)(s.DeleteNetworkInterface(bg, &model.DeleteNetworkInterfaceInput{NetworkInterfaceId: i.NetworkInterfaceId}))
	must[*model.DeleteSecurityGroupOutput](t)(s.DeleteSecurityGroup(bg, &model.DeleteSecurityGroupInput{GroupId: g.GroupId}))

	r := must[*model.CreateRouteTableOutput](t)(s.CreateRouteTable(bg, &model.CreateRouteTableInput{VpcId: v.VpcId})).RouteTable
	a := must[*model.AssociateRouteTableOutput](t)(s.AssociateRouteTable(bg, &model.AssociateRouteTableInput{RouteTableId: r.RouteTableId, SubnetId: x.SubnetId}))
	igw := must[*model.CreateInternetGatewayOutput](t)(s.CreateInternetGateway(bg, &model.CreateInternetGatewayInput{})).InternetGateway
	must[*model.AttachInternetGatewayOutput](t)(s.AttachInternetGateway(bg, &model.AttachInternetGatewayInput{InternetGatewayId: igw.InternetGatewayId, VpcId: v.VpcId}))
	must[*model.CreateRouteOutput](t)(s.CreateRoute(bg, &model.CreateRouteInput{RouteTableId: r.RouteTableId, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: igw.InternetGatewayId}))
	got := must[*model.DescribeRouteTablesOutput](t)(s.DescribeRouteTables(bg, &model.DescribeRouteTablesInput{Filters: filter("association.subnet-id", *x.SubnetId)})).RouteTables
	if len(got) != 1 || len(got[0].Routes) != 2 {
		t.Errorf("route tables %+v", got)
	}
	_, err = s.DeleteRouteTable(bg, &model.DeleteRouteTableInput{RouteTableId: r.RouteTableId})
	wantError(t, err, "DependencyViolation")
	must[*model.DisassociateRouteTableOutput](t)(s.DisassociateRouteTable(bg, &model.DisassociateRouteTableInput{AssociationId: a.AssociationId}))
	must[*model.DeleteRouteTableOutput](t)(s.DeleteRouteTable(bg, &model.DeleteRouteTableInput{RouteTableId: r.RouteTableId}))
	must[*model.DetachInternetGatewayOutput](t)(s.DetachInternetGateway(bg, &model.DetachInternetGatewayInput{InternetGatewayId: igw.InternetGatewayId, VpcId: v.VpcId}))
	must[*model.DeleteInternetGatewayOutput](t)(s.DeleteInternetGateway(bg, &model.DeleteInternetGatewayInput{InternetGatewayId: igw.InternetGatewayId}))
	must[*model.DeleteSubnetOutput](t)(s.DeleteSubnet(bg, &model.DeleteSubnetInput{SubnetId: x.SubnetId}))
	must[*model.DeleteVpcOutput](t)(s.DeleteVpc(bg, &model.DeleteVpcInput{VpcId: v.VpcId}))
	_, err = s.DescribeVpcs(bg, &model.DescribeVpcsInput{VpcIds: []string{*v.VpcId}})
	wantError(t, err, "InvalidVpcID.NotFound")
	if left := must[*model.DescribeTagsOutput](t)(s.DescribeTags(bg, &model.DescribeTagsInput{})).Tags; len(left) != 0 {
		t.Errorf("tags left behind: %+v", left)
	}
}

func TestRules(t *testing.T) {
	s := newService(t)
	g := must[*model.CreateSecurityGroupOutput](t)(s.CreateSecurityGroup(bg, &model.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("d")})).GroupId
	http := []model.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(80), IpRanges: []model.IpRange{{CidrIp: aws.String("10.0.0.0/8")}, {CidrIp: aws.String("192.168.0.0/16")}}}}
	made := must[*model.AuthorizeSecurityGroupIngressOutput](t)(s.AuthorizeSecurityGroupIngress(bg, &model.AuthorizeSecurityGroupIngressInput{GroupId: g, IpPermissions: http})).SecurityGroupRules
	if len(made) != 2 {
		t.Errorf("rules %+v", made)
	}
	_, err := s.AuthorizeSecurityGroupIngress(bg, &model.AuthorizeSecurityGroupIngressInput{GroupId: g, IpPermissions: http})
	wantError(t, err, "InvalidPermission.Duplicate")
	got := must[*model.DescribeSecurityGroupsOutput](t)(s.DescribeSecurityGroups(bg, &model.DescribeSecurityGroupsInput{GroupIds: []string{*g}})).SecurityGroups[0]
	if len(got.IpPermissions) != 1 || len(got.IpPermissions[0].IpRanges) != 2 || len(got.IpPermissionsEgress) != 1 {
		t.Errorf("group %+v", got)
	}
	must[*model.RevokeSecurityGroupIngressOutput](t)(s.RevokeSecurityGroupIngress(bg, &model.RevokeSecurityGroupIngressInput{GroupId: g, SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}}))
	must[*model.RevokeSecurityGroupEgressOutput](t)(s.RevokeSecurityGroupEgress(bg, &model.RevokeSecurityGroupEgressInput{GroupId: g, IpPermissions: got.IpPermissionsEgress}))
	_, err = s.RevokeSecurityGroupEgress(bg, &model.RevokeSecurityGroupEgressInput{GroupId: g, IpPermissions: got.IpPermissionsEgress})
	wantError(t, err, "InvalidPermission.NotFound")
	left := must[*model.DescribeSecurityGroupRulesOutput](t)(s.DescribeSecurityGroupRules(bg, &model.DescribeSecurityGroupRulesInput{Filters: filter("group-id", *g)})).SecurityGroupRules
	if len(left) != 1 || *left[0].SecurityGroupRuleId != *made[1].SecurityGroupRuleId {
		t.Errorf("left %+v", left)
	}
	_, err = s.DescribeSecurityGroups(bg, &model.DescribeSecurityGroupsInput{Filters: filter("nonsense", "x")})
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
