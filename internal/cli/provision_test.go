package cli

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
)

// Without a network of its own, a service stands in the default VPC's: real subnets and a
// security group by name. ecspresso copies them into its AppSpecs, where CodeDeploy takes
// subnets, security groups and public address together or not at all.
func TestProvisionWithoutNetwork(t *testing.T) {
	w := newTown(t)
	ctx := t.Context()
	out, err := w.aws.ECS().DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("demo"), Services: []string{"hello"}})
	if err != nil {
		t.Fatal(err)
	}
	network := out.Services[0].TaskSets[0].NetworkConfiguration.AwsvpcConfiguration
	if len(network.Subnets) != 2 || len(network.SecurityGroups) != 1 {
		t.Fatalf("the service's network is %+v", network)
	}
	subnets, err := w.aws.EC2().DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: network.Subnets})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := subnets.Subnets[0], subnets.Subnets[1]; *a.AvailabilityZone == *b.AvailabilityZone || *a.VpcId != *b.VpcId {
		t.Errorf("the subnets are %s of %s and %s of %s", *a.AvailabilityZone, *a.VpcId, *b.AvailabilityZone, *b.VpcId)
	}
	groups, err := w.aws.EC2().DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: network.SecurityGroups})
	if err != nil {
		t.Fatal(err)
	}
	if g := groups.SecurityGroups[0]; *g.VpcId != *subnets.Subnets[0].VpcId || *g.GroupName != "default" {
		t.Errorf("the security group is %s of %s", *g.GroupName, *g.VpcId)
	}
}
