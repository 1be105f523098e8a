package ecs

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

const (
	maxSubnets        = 16
	maxSecurityGroups = 5
	maxBalancers      = 5
)

// checkWorkload holds what a service, task set or task is to be made of against its task
// definition.
func checkWorkload(w workload, td types.TaskDefinition) error {
	if len(w.Strategy) > 0 && w.LaunchType != "" {
		return invalid("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
	}
	if l := w.LaunchType; l != "" && !slices.Contains(td.Compatibilities, types.Compatibility(l)) {
		return invalid("Task definition does not support launch_type %s.", l)
	}
	if usesFargate(w) && !slices.Contains(td.Compatibilities, types.CompatibilityFargate) {
		return invalid("Task definition does not support launch_type FARGATE.")
	}
	if err := checkPlatform(w); err != nil {
		return err
	}
	if err := checkNetwork(w.Network, td.NetworkMode); err != nil {
		return err
	}
	return checkContainerPorts(w.Balancers, td)
}

func usesFargate(w workload) bool {
	for _, i := range w.Strategy {
		if slices.Contains(fargates, last(aws.ToString(i.CapacityProvider))) {
			return true
		}
	}
	return w.LaunchType == types.LaunchTypeFargate
}

func checkPlatform(w workload) error {
	if w.Platform == "" {
		return nil
	}
	if !usesFargate(w) {
		return invalid("The platform version must be null when specifying an EC2 launch type.")
	}
	if !slices.Contains([]string{"LATEST", "1.4.0", "1.3.0", "1.2.0", "1.1.0", "1.0.0"}, w.Platform) {
		return &types.PlatformUnknownException{Message: aws.String("The specified platform does not exist.")}
	}
	return nil
}

func checkNetwork(n *types.NetworkConfiguration, mode types.NetworkMode) error {
	if mode != types.NetworkModeAwsvpc {
		if n != nil && n.AwsvpcConfiguration != nil {
			return invalid("Network Configuration is not valid for the given networkMode of this task definition.")
		}
		return nil
	}
	if n == nil || n.AwsvpcConfiguration == nil {
		return invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
	}
	switch v := n.AwsvpcConfiguration; {
	case len(v.Subnets) == 0:
		return invalid("subnets can not be empty.")
	case len(v.Subnets) > maxSubnets:
		return invalid("subnets can have at most %d items.", maxSubnets)
	case len(v.SecurityGroups) > maxSecurityGroups:
		return invalid("securityGroups can have at most %d items.", maxSecurityGroups)
	}
	return nil
}

// checkContainerPorts checks that load balancers name containers and ports that there are.
func checkContainerPorts(bs []types.LoadBalancer, td types.TaskDefinition) error {
	for _, b := range bs {
		name, port := aws.ToString(b.ContainerName), aws.ToInt32(b.ContainerPort)
		i := slices.IndexFunc(td.ContainerDefinitions, func(c types.ContainerDefinition) bool { return aws.ToString(c.Name) == name })
		if i < 0 {
			return invalid("The container %s does not exist in the task definition.", name)
		}
		if !slices.ContainsFunc(td.ContainerDefinitions[i].PortMappings, func(p types.PortMapping) bool { return aws.ToInt32(p.ContainerPort) == port }) {
			return invalid("The container %s did not have a container port %d defined.", name, port)
		}
	}
	return nil
}

// groupsOf looks up the target groups of load balancers, and refuses those that tasks
// cannot be registered with. CodeDeploy may name one that no listener uses yet: the green
// one of a first deployment all at once.
func (s *Service) groupsOf(ctx context.Context, bs []types.LoadBalancer) ([]elbtypes.TargetGroup, error) {
	if len(bs) > maxBalancers {
		return nil, invalid("load balancers can have at most %d items.", maxBalancers)
	}
	var out []elbtypes.TargetGroup
	for _, b := range bs {
		switch {
		case b.LoadBalancerName != nil:
			return nil, unsupported("Classic Load Balancers are not supported.")
		case b.AdvancedConfiguration != nil:
			return nil, unsupported("Load balancers with an advanced configuration need a deployment strategy other than ROLLING, which is not supported.")
		case aws.ToString(b.TargetGroupArn) == "":
			return nil, invalid("Target Group ARN can not be blank.")
		case aws.ToString(b.ContainerName) == "":
			return nil, invalid("Container Name can not be blank.")
		case b.ContainerPort == nil:
			return nil, invalid("Container Port can not be blank.")
		}
		g, err := s.Targets.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{*b.TargetGroupArn}})
		switch {
		case err != nil || len(g.TargetGroups) == 0:
			return nil, invalid("The target group %s does not exist.", *b.TargetGroupArn)
		case len(g.TargetGroups[0].LoadBalancerArns) == 0 && identity.From(ctx).Service != codeDeploy:
			return nil, invalid("The target group with targetGroupArn %s does not have an associated load balancer.", *b.TargetGroupArn)
		}
		out = append(out, g.TargetGroups[0])
	}
	return out, nil
}

// checkTargetTypes checks that groups take addresses when tasks have ones of their own,
// and instances when they have not.
func checkTargetTypes(groups []elbtypes.TargetGroup, mode types.NetworkMode) error {
	for _, g := range groups {
		if (g.TargetType == elbtypes.TargetTypeEnumIp) != (mode == types.NetworkModeAwsvpc) {
			return invalid("The provided target group %s has target type %s, which is incompatible with the %s network mode specified in the task definition.",
				aws.ToString(g.TargetGroupArn), g.TargetType, mode)
		}
	}
	return nil
}
