package cloud_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/turnoutdev/turnout/cloud"
)

// The aws command finds the default network, and makes another one.
func TestTheAWSCommandOnNetworks(t *testing.T) {
	t.Parallel()
	r := started(t, cloud.Options{Driver: "fake"})
	vpc := r.aws("ec2", "describe-vpcs", "--filters", "Name=isDefault,Values=true", "--query", "Vpcs[].[VpcId,CidrBlock]")
	id, block, _ := strings.Cut(vpc, "\t")
	if !strings.HasPrefix(id, "vpc-") || block != "172.31.0.0/16" {
		t.Fatalf("the default VPC is %q", vpc)
	}
	if got := r.aws("ec2", "describe-subnets", "--filters", "Name=vpc-id,Values="+id, "Name=default-for-az,Values=true", "--query", "length(Subnets)"); got != "3" {
		t.Errorf("%s default subnets", got)
	}
	if got := r.aws("ec2", "create-vpc", "--cidr-block", "10.1.0.0/16", "--tag-specifications", "ResourceType=vpc,Tags=[{Key=Name,Value=shop}]", "--query", "Vpc.[State,Tags[0].Value]"); got != "available\tshop" {
		t.Errorf("made %q", got)
	}
}

func TestBotocoreOnNetworks(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	r.python(`
import boto3
from botocore.exceptions import ClientError
ec2 = boto3.client('ec2')
zones = [z['ZoneName'] for z in ec2.describe_availability_zones()['AvailabilityZones']]
assert zones == ['us-east-1a', 'us-east-1b', 'us-east-1c'], zones
net = boto3.resource('ec2')
vpc = net.create_vpc(CidrBlock='10.0.0.0/16')
vpc.wait_until_available()
vpc.modify_attribute(EnableDnsHostnames={'Value': True})
assert vpc.describe_attribute(Attribute='enableDnsHostnames')['EnableDnsHostnames'] == {'Value': True}
vpc.create_tags(Tags=[{'Key': 'Name', 'Value': 'a & <b>'}])
vpc.reload()
assert vpc.tags == [{'Key': 'Name', 'Value': 'a & <b>'}], vpc.tags
subnet = vpc.create_subnet(CidrBlock='10.0.1.0/24', AvailabilityZone='us-east-1b')
assert subnet.state == 'available' and subnet.available_ip_address_count == 251 and subnet.availability_zone_id == 'use1-az2'
group = vpc.create_security_group(GroupName='web', Description='web')
group.authorize_ingress(IpPermissions=[{'IpProtocol': 'tcp', 'FromPort': 80, 'ToPort': 80, 'IpRanges': [{'CidrIp': '0.0.0.0/0', 'Description': 'all'}]}])
group.reload()
assert group.ip_permissions[0]['IpRanges'] == [{'CidrIp': '0.0.0.0/0', 'Description': 'all'}], group.ip_permissions
gateway = net.create_internet_gateway()
vpc.attach_internet_gateway(InternetGatewayId=gateway.id)
table = vpc.create_route_table()
table.create_route(DestinationCidrBlock='0.0.0.0/0', GatewayId=gateway.id)
association = table.associate_with_subnet(SubnetId=subnet.id)
assert [a.subnet_id for a in table.associations] == [subnet.id]
eni = subnet.create_network_interface(Groups=[group.id])
assert [i.id for i in subnet.network_interfaces.all()] == [eni.id]
try:
    vpc.delete()
except ClientError as e:
    assert e.response['Error']['Code'] == 'DependencyViolation', e
else:
    raise AssertionError('deleted')
eni.delete(); association.delete(); table.delete(); group.delete(); subnet.delete()
vpc.detach_internet_gateway(InternetGatewayId=gateway.id); gateway.delete(); vpc.delete()
assert vpc.id not in [v.id for v in net.vpcs.all()]
pages = ec2.get_paginator('describe_subnets').paginate(PaginationConfig={'PageSize': 5})
assert sum(len(p['Subnets']) for p in pages) == 3
`)
}

// A load balancer stands in the VPC and the zones of its subnets.
func TestALoadBalancerStandsInItsSubnets(t *testing.T) {
	r := newAccount(t)
	subnets := must(ec2.NewFromConfig(r.cfg).DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})).Subnets
	a, b := subnets[len(subnets)-1], subnets[len(subnets)-2]
	lb := must(r.elb.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: aws.String("web"), Subnets: []string{*a.SubnetId, *b.SubnetId}})).LoadBalancers[0]
	if *lb.VpcId != *a.VpcId || *lb.AvailabilityZones[0].ZoneName != *a.AvailabilityZone || *lb.AvailabilityZones[1].ZoneName != *b.AvailabilityZone {
		t.Errorf("%s %s %s", *lb.VpcId, *lb.AvailabilityZones[0].ZoneName, *lb.AvailabilityZones[1].ZoneName)
	}
	// Terraform moves it in place: SetSubnets once waited for itself, and the cloud with it.
	c := subnets[len(subnets)-3]
	moved := must(r.elb.SetSubnets(t.Context(), &elb.SetSubnetsInput{LoadBalancerArn: lb.LoadBalancerArn, Subnets: []string{*a.SubnetId, *c.SubnetId}}))
	if got := *moved.AvailabilityZones[1].ZoneName; got != *c.AvailabilityZone {
		t.Errorf("moved to %s, want %s", got, *c.AvailabilityZone)
	}
}
