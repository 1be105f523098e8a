package ec2

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/ec2/model"
)

func TestRulesChange(t *testing.T) {
	s := newService(t)
	g := must[*model.CreateSecurityGroupOutput](t)(s.CreateSecurityGroup(bg, &model.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("d")})).GroupId
	from := func(block, text string) []model.IpPermission {
		return []model.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(80), IpRanges: []model.IpRange{{CidrIp: &block, Description: &text}}}}
	}
	made := must[*model.AuthorizeSecurityGroupIngressOutput](t)(s.AuthorizeSecurityGroupIngress(bg, &model.AuthorizeSecurityGroupIngressInput{
		GroupId: g, IpPermissions: append(from("10.0.0.0/8", "office"), from("192.168.0.0/16", "home")...),
	})).SecurityGroupRules
	rule := func() model.SecurityGroupRule {
		return must[*model.DescribeSecurityGroupRulesOutput](t)(s.DescribeSecurityGroupRules(bg, &model.DescribeSecurityGroupRulesInput{SecurityGroupRuleIds: []string{*made[0].SecurityGroupRuleId}})).SecurityGroupRules[0]
	}
	modify := func(block string) error {
		_, err := s.ModifySecurityGroupRules(bg, &model.ModifySecurityGroupRulesInput{GroupId: g, SecurityGroupRules: []model.SecurityGroupRuleUpdate{{
			SecurityGroupRuleId: made[0].SecurityGroupRuleId,
			SecurityGroupRule:   &model.SecurityGroupRuleRequest{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(80), CidrIpv4: &block, Description: aws.String("moved")},
		}}})
		return err
	}
	if err := modify("172.16.0.0/12"); err != nil {
		t.Fatal(err)
	}
	if got := rule(); *got.CidrIpv4 != "172.16.0.0/12" || *got.Description != "moved" || *got.SecurityGroupRuleArn != *made[0].SecurityGroupRuleArn || *got.IsEgress {
		t.Errorf("modified to %+v", got)
	}
	wantError(t, modify("192.168.0.0/16"), "InvalidPermission.Duplicate")

	must[*model.UpdateSecurityGroupRuleDescriptionsIngressOutput](t)(s.UpdateSecurityGroupRuleDescriptionsIngress(bg, &model.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: g, IpPermissions: from("172.16.0.0/12", "said anew")}))
	if got := rule(); *got.Description != "said anew" {
		t.Errorf("described as %+v", got)
	}
	by := []model.SecurityGroupRuleDescription{{SecurityGroupRuleId: made[0].SecurityGroupRuleId}}
	must[*model.UpdateSecurityGroupRuleDescriptionsIngressOutput](t)(s.UpdateSecurityGroupRuleDescriptionsIngress(bg, &model.UpdateSecurityGroupRuleDescriptionsIngressInput{GroupId: g, SecurityGroupRuleDescriptions: by}))
	if got := rule(); got.Description != nil {
		t.Errorf("described as %+v", got)
	}
	_, err := s.UpdateSecurityGroupRuleDescriptionsEgress(bg, &model.UpdateSecurityGroupRuleDescriptionsEgressInput{GroupId: g, IpPermissions: from("172.16.0.0/12", "out")})
	wantError(t, err, "InvalidPermission.NotFound")
	_, err = s.ModifySecurityGroupRules(bg, &model.ModifySecurityGroupRulesInput{GroupId: g, SecurityGroupRules: []model.SecurityGroupRuleUpdate{{SecurityGroupRuleId: aws.String("sgr-0")}}})
	wantError(t, err, "InvalidSecurityGroupRuleId.NotFound")
}

// A subnet changes its route table, and a route its target, without a moment in between.
func TestRoutesAreReplaced(t *testing.T) {
	s := newService(t)
	v := must[*model.CreateVpcOutput](t)(s.CreateVpc(bg, &model.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc
	x := must[*model.CreateSubnetOutput](t)(s.CreateSubnet(bg, &model.CreateSubnetInput{VpcId: v.VpcId, CidrBlock: aws.String("10.0.0.0/24")})).Subnet
	var tables []*string
	for range 2 {
		tables = append(tables, must[*model.CreateRouteTableOutput](t)(s.CreateRouteTable(bg, &model.CreateRouteTableInput{VpcId: v.VpcId})).RouteTable.RouteTableId)
	}
	a := must[*model.AssociateRouteTableOutput](t)(s.AssociateRouteTable(bg, &model.AssociateRouteTableInput{RouteTableId: tables[0], SubnetId: x.SubnetId})).AssociationId
	b := must[*model.ReplaceRouteTableAssociationOutput](t)(s.ReplaceRouteTableAssociation(bg, &model.ReplaceRouteTableAssociationInput{AssociationId: a, RouteTableId: tables[1]})).NewAssociationId
	got := must[*model.DescribeRouteTablesOutput](t)(s.DescribeRouteTables(bg, &model.DescribeRouteTablesInput{Filters: filter("association.route-table-association-id", *b)})).RouteTables
	if len(got) != 1 || *got[0].RouteTableId != *tables[1] || *got[0].Associations[0].SubnetId != *x.SubnetId || *a == *b {
		t.Errorf("tables %+v", got)
	}
	_, err := s.ReplaceRouteTableAssociation(bg, &model.ReplaceRouteTableAssociationInput{AssociationId: a, RouteTableId: tables[1]})
	wantError(t, err, "InvalidAssociationID.NotFound")

	everywhere := aws.String("0.0.0.0/0")
	_, err = s.ReplaceRoute(bg, &model.ReplaceRouteInput{RouteTableId: tables[1], DestinationCidrBlock: everywhere, NatGatewayId: aws.String("nat-1")})
	wantError(t, err, "InvalidRoute.NotFound")
	must[*model.CreateRouteOutput](t)(s.CreateRoute(bg, &model.CreateRouteInput{RouteTableId: tables[1], DestinationCidrBlock: everywhere, GatewayId: aws.String("igw-1")}))
	must[*model.ReplaceRouteOutput](t)(s.ReplaceRoute(bg, &model.ReplaceRouteInput{RouteTableId: tables[1], DestinationCidrBlock: everywhere, NatGatewayId: aws.String("nat-1")}))
	got = must[*model.DescribeRouteTablesOutput](t)(s.DescribeRouteTables(bg, &model.DescribeRouteTablesInput{Filters: filter("route.nat-gateway-id", "nat-1")})).RouteTables
	if len(got) != 1 || got[0].Routes[1].GatewayId != nil {
		t.Errorf("tables %+v", got)
	}
}

// What has no instances, no public addresses and no EC2-Classic answers questions for them.
func TestQuestionsForWhatThereIsNot(t *testing.T) {
	s := newService(t)
	x := must[*model.DescribeSubnetsOutput](t)(s.DescribeSubnets(bg, &model.DescribeSubnetsInput{})).Subnets[0]
	i := must[*model.CreateNetworkInterfaceOutput](t)(s.CreateNetworkInterface(bg, &model.CreateNetworkInterfaceInput{SubnetId: x.SubnetId})).NetworkInterface
	for name, want := range map[string]int{"attachment.attachment-id": 0, "association.public-ip": 0, "addresses.private-ip-address": 1, "mac-address": 1} {
		value := map[string]string{"addresses.private-ip-address": *i.PrivateIpAddress, "mac-address": *i.MacAddress}[name]
		if got := must[*model.DescribeNetworkInterfacesOutput](t)(s.DescribeNetworkInterfaces(bg, &model.DescribeNetworkInterfacesInput{Filters: filter(name, value)})).NetworkInterfaces; len(got) != want {
			t.Errorf("by %s: %+v", name, got)
		}
	}
	_, err := s.DescribeVpcClassicLink(bg, &model.DescribeVpcClassicLinkInput{VpcIds: []string{*x.VpcId}})
	wantError(t, err, "UnsupportedOperation")
	_, err = s.DescribeVpcClassicLinkDnsSupport(bg, &model.DescribeVpcClassicLinkDnsSupportInput{VpcIds: []string{*x.VpcId}})
	wantError(t, err, "UnsupportedOperation")
}
