package codedeploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) groupOf(tx *store.Tx, app, name *string) (deploymentGroup, error) {
	if _, err := s.appOf(tx, app); err != nil {
		return deploymentGroup{}, err
	}
	g, ok := s.t.groups.Get(tx, groupKey(aws.ToString(app), aws.ToString(name)))
	if !ok {
		return deploymentGroup{}, &types.DeploymentGroupDoesNotExistException{Message: aws.String(fmt.Sprintf("No Deployment Group found for name: %s", aws.ToString(name)))}
	}
	return g, nil
}

// CreateDeploymentGroup makes a group, checked in AWS's order.
func (s *Service) CreateDeploymentGroup(ctx context.Context, in *codedeploy.CreateDeploymentGroupInput, _ ...func(*codedeploy.Options)) (*codedeploy.CreateDeploymentGroupOutput, error) {
	info := types.DeploymentGroupInfo{
		ApplicationName: in.ApplicationName, DeploymentGroupName: in.DeploymentGroupName, DeploymentGroupId: aws.String(ids.UUID()), ServiceRoleArn: in.ServiceRoleArn,
		DeploymentConfigName: in.DeploymentConfigName, DeploymentStyle: in.DeploymentStyle, BlueGreenDeploymentConfiguration: in.BlueGreenDeploymentConfiguration,
		LoadBalancerInfo: in.LoadBalancerInfo, EcsServices: in.EcsServices, AutoRollbackConfiguration: in.AutoRollbackConfiguration, AlarmConfiguration: in.AlarmConfiguration,
		TriggerConfigurations: in.TriggerConfigurations, ComputePlatform: types.ComputePlatformEcs, Ec2TagFilters: []types.EC2TagFilter{}, AutoScalingGroups: []types.AutoScalingGroup{},
		OnPremisesInstanceTagFilters: []types.TagFilter{},
	}
	var err error
	s.Store.View(func(tx *store.Tx) {
		if _, err = s.appOf(tx, in.ApplicationName); err != nil {
			return
		}
		if aws.ToString(in.DeploymentGroupName) == "" {
			err = &types.DeploymentGroupNameRequiredException{Message: aws.String("Deployment group name must be specified")}
		} else if _, ok := s.t.groups.Get(tx, groupKey(*in.ApplicationName, *in.DeploymentGroupName)); ok {
			err = &types.DeploymentGroupAlreadyExistsException{Message: aws.String("Deployment group already exists: " + *in.DeploymentGroupName)}
		}
	})
	if err != nil {
		return nil, err
	}
	if info.DeploymentConfigName == nil {
		info.DeploymentConfigName = aws.String("CodeDeployDefault.ECSAllAtOnce")
	}
	if err := s.checkGroup(ctx, &info); err != nil {
		return nil, err
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		if _, err := s.configOf(tx, *info.DeploymentConfigName); err != nil {
			return err
		}
		s.t.groups.Put(tx, groupKey(*in.ApplicationName, *in.DeploymentGroupName), deploymentGroup{info, in.Tags})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &codedeploy.CreateDeploymentGroupOutput{DeploymentGroupId: info.DeploymentGroupId}, s.prepare(ctx, info)
}

func (s *Service) checkGroup(ctx context.Context, g *types.DeploymentGroupInfo) error {
	role := aws.ToString(g.ServiceRoleArn)
	switch {
	case role == "":
		return &types.RoleRequiredException{Message: aws.String("Service role ARN must be specified")}
	case !strings.HasPrefix(role, "arn:"):
		return &types.InvalidRoleException{Message: aws.String("Cannot assume role provided.")}
	case g.DeploymentStyle == nil || g.DeploymentStyle.DeploymentType != types.DeploymentTypeBlueGreen || g.DeploymentStyle.DeploymentOption != types.DeploymentOptionWithTrafficControl:
		return &types.InvalidDeploymentStyleException{Message: aws.String("For ECS deployment, the deployment type must be BLUE_GREEN, and deployment option must be WITH_TRAFFIC_CONTROL.")}
	case g.LoadBalancerInfo == nil:
		return &types.InvalidLoadBalancerInfoException{Message: aws.String("For ECS deployment group, loadBalancerInfo must be specified")}
	case len(g.LoadBalancerInfo.ElbInfoList) > 0:
		return &types.InvalidLoadBalancerInfoException{Message: aws.String("For ECS deployment group, loadBalancerInfo must not contain elbInfo list")}
	case len(g.LoadBalancerInfo.TargetGroupInfoList) > 0:
		return &types.InvalidLoadBalancerInfoException{Message: aws.String("For ECS deployment group, loadBalancerInfo must not contain targetGroupInfo list")}
	case g.BlueGreenDeploymentConfiguration == nil:
		return &types.InvalidBlueGreenDeploymentConfigurationException{Message: aws.String("For ECS deployment group, blueGreenDeploymentConfiguration must be specified")}
	case len(g.EcsServices) != 1:
		return &types.InvalidECSServiceException{Message: aws.String("For ECS deployment group, ecsServices must be specified")}
	}
	cl, sv := aws.ToString(g.EcsServices[0].ClusterName), aws.ToString(g.EcsServices[0].ServiceName)
	actx, err := s.assume(ctx, role)
	if err != nil {
		return &types.InvalidRoleException{Message: aws.String(err.Error())}
	}
	out, err := s.ECS.DescribeServices(actx, &ecs.DescribeServicesInput{Cluster: &cl, Services: []string{sv}})
	if err != nil || len(out.Services) == 0 {
		cause := "service not found"
		if err != nil {
			cause = err.Error()
		}
		return &types.InvalidECSServiceException{Message: aws.String(fmt.Sprintf("Could not load ECS service information for cluster: %s, service: %s. Cause: %s", cl, sv, cause))}
	}
	if c := out.Services[0].DeploymentController; c == nil || c.Type != ecstypes.DeploymentControllerTypeCodeDeploy {
		return &types.InvalidECSServiceException{Message: aws.String("Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller.")}
	}
	return s.checkPair(actx, g)
}

func (s *Service) checkPair(ctx context.Context, g *types.DeploymentGroupInfo) error {
	bad := &types.InvalidTargetGroupPairException{Message: aws.String("A deployment group associated with an application that uses the ECS compute platform must contain a valid pair of target groups that identify a load balancer.")}
	pairs := g.LoadBalancerInfo.TargetGroupPairInfoList
	if len(pairs) != 1 || len(pairs[0].TargetGroups) != 2 || pairs[0].ProdTrafficRoute == nil || len(pairs[0].ProdTrafficRoute.ListenerArns) != 1 {
		return bad
	}
	_, err := s.pair(ctx, g)
	if err != nil {
		return bad
	}
	return nil
}

// pair resolves the two target groups by name.
func (s *Service) pair(ctx context.Context, g *types.DeploymentGroupInfo) ([2]side, error) {
	var out [2]side
	for i, tg := range g.LoadBalancerInfo.TargetGroupPairInfoList[0].TargetGroups {
		d, err := s.ELB.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{aws.ToString(tg.Name)}})
		if err != nil {
			return out, err
		}
		out[i] = side{Group: aws.ToString(tg.Name), ARN: aws.ToString(d.TargetGroups[0].TargetGroupArn)}
	}
	return out, nil
}

// prepare puts the unused group into the listener at weight 0 for gradual configurations,
// as CodeDeploy does when the group is made.
func (s *Service) prepare(ctx context.Context, g types.DeploymentGroupInfo) error {
	var c types.DeploymentConfigInfo
	var err error
	s.Store.View(func(tx *store.Tx) { c, err = s.configOf(tx, aws.ToString(g.DeploymentConfigName)) })
	if err != nil || c.TrafficRoutingConfig == nil || c.TrafficRoutingConfig.Type == types.TrafficRoutingTypeAllAtOnce {
		return err
	}
	actx, err := s.assume(ctx, aws.ToString(g.ServiceRoleArn))
	if err != nil {
		return err
	}
	blue, green, _, err := s.colours(actx, &g)
	if err != nil {
		return nil // told when a deployment starts
	}
	return s.shiftListeners(actx, g.LoadBalancerInfo.TargetGroupPairInfoList[0].ProdTrafficRoute, blue, green, 0)
}

// GetDeploymentGroup describes a group. Both wait times are always numbers: the AWS CLI
// and the GitHub action read them without looking.
func (s *Service) GetDeploymentGroup(_ context.Context, in *codedeploy.GetDeploymentGroupInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetDeploymentGroupOutput, error) {
	var g deploymentGroup
	var err error
	s.Store.View(func(tx *store.Tx) {
		if g, err = s.groupOf(tx, in.ApplicationName, in.DeploymentGroupName); err != nil {
			return
		}
		for _, d := range s.newest(tx, aws.ToString(in.ApplicationName), aws.ToString(in.DeploymentGroupName)) {
			info := &types.LastDeploymentInfo{DeploymentId: aws.String(d.ID), Status: d.Status, CreateTime: aws.Time(d.Created)}
			if d.over() {
				info.EndTime = aws.Time(d.Completed)
			}
			if g.Info.LastAttemptedDeployment == nil {
				g.Info.LastAttemptedDeployment = info
			}
			if d.Status == types.DeploymentStatusSucceeded && g.Info.LastSuccessfulDeployment == nil {
				g.Info.LastSuccessfulDeployment = info
			}
		}
	})
	if err != nil {
		return nil, err
	}
	info := g.Info
	bg := *info.BlueGreenDeploymentConfiguration
	if bg.DeploymentReadyOption == nil {
		bg.DeploymentReadyOption = &types.DeploymentReadyOption{ActionOnTimeout: types.DeploymentReadyActionContinueDeployment}
	}
	if bg.TerminateBlueInstancesOnDeploymentSuccess == nil {
		bg.TerminateBlueInstancesOnDeploymentSuccess = &types.BlueInstanceTerminationOption{Action: types.InstanceActionTerminate}
	}
	info.BlueGreenDeploymentConfiguration = &bg
	return &codedeploy.GetDeploymentGroupOutput{DeploymentGroupInfo: &info}, nil
}

// ListDeploymentGroups lists names.
func (s *Service) ListDeploymentGroups(_ context.Context, in *codedeploy.ListDeploymentGroupsInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListDeploymentGroupsOutput, error) {
	out := &codedeploy.ListDeploymentGroupsOutput{ApplicationName: in.ApplicationName, DeploymentGroups: []string{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		if _, err = s.appOf(tx, in.ApplicationName); err != nil {
			return
		}
		for _, g := range s.t.groups.All(tx, *in.ApplicationName+"\x00") {
			out.DeploymentGroups = append(out.DeploymentGroups, aws.ToString(g.Info.DeploymentGroupName))
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DeleteDeploymentGroup removes a group.
func (s *Service) DeleteDeploymentGroup(_ context.Context, in *codedeploy.DeleteDeploymentGroupInput, _ ...func(*codedeploy.Options)) (*codedeploy.DeleteDeploymentGroupOutput, error) {
	return &codedeploy.DeleteDeploymentGroupOutput{}, s.Store.Update(func(tx *store.Tx) error {
		s.t.groups.Delete(tx, groupKey(aws.ToString(in.ApplicationName), aws.ToString(in.DeploymentGroupName)))
		return nil
	})
}
