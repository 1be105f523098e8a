package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/turnoutdev/turnout/internal/fault"
)

// Without a network of its own, a service stands in the default VPC's: real subnets and a
// security group by name. ecspresso copies them into its AppSpecs, where CodeDeploy takes
// subnets, security groups and public address together or not at all.
func TestProvisionWithoutNetwork(t *testing.T) {
	t.Parallel()
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
	want, err := w.aws.DefaultNetwork(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(network.Subnets, want.Subnets[:2]) || !slices.Equal(network.SecurityGroups, []string{want.SecurityGroup}) {
		t.Errorf("the service's network is %+v, the default one %+v", network, want)
	}
}

// What fails after something was made has changed something, whatever was wrong.
func TestHalfProvisionedIsNotUnchanged(t *testing.T) {
	wrong := fault.New(fault.Usage, "mend it", "wrong")
	if err := halfway(wrong, 0); fault.Code(err) != fault.Usage {
		t.Errorf("nothing made: %v", err)
	}
	if err := halfway(wrong, 3); fault.Code(err) != fault.Failed || fault.Hint(err) != "mend it" || !strings.Contains(err.Error(), "goes on from there") {
		t.Errorf("three made: %v", err)
	}
}
