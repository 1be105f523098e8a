package codedeploy

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// checkGroup holds a group against AWS's rules, in AWS's order, and gives it the default
// configuration where it names none.
func (s *Service) checkGroup(ctx context.Context, g *types.DeploymentGroupInfo) error {
	rules := serverRules
	config := predefinedPrefix + "OneAtATime"
	switch g.ComputePlatform {
	case types.ComputePlatformEcs:
		rules, config = ecsRules, defaultConfig
	case types.ComputePlatformLambda:
		rules, config = lambdaRules, predefinedPrefix+"LambdaAllAtOnce"
	}
	if err := checkRole(g); err != nil {
		return err
	}
	for _, r := range rules {
		if r.broken(g) {
			return r.err
		}
	}
	if g.DeploymentConfigName == nil {
		g.DeploymentConfigName = &config
	}
	if g.ComputePlatform == types.ComputePlatformEcs {
		if err := s.checkService(ctx, g); err != nil {
			return err
		}
	}
	for _, check := range []func(*types.DeploymentGroupInfo) error{checkWaits, groupAlarms, groupRollback, checkTriggers} {
		if err := check(g); err != nil {
			return err
		}
	}
	return nil
}

func checkRole(g *types.DeploymentGroupInfo) error {
	role := aws.ToString(g.ServiceRoleArn)
	if role == "" {
		return &types.RoleRequiredException{Message: text("The role ID was not specified.")}
	}
	if a, ok := arn.Parse(role); !ok || a.Service != "iam" {
		return &types.InvalidRoleException{Message: text("Cannot assume role provided.")}
	}
	return nil
}

// groupRule is something that a group must not be, and what AWS says then.
type groupRule struct {
	broken func(*types.DeploymentGroupInfo) bool
	err    error
}

func noStyle(g *types.DeploymentGroupInfo) bool {
	return g.DeploymentStyle == nil || g.DeploymentStyle.DeploymentType != types.DeploymentTypeBlueGreen || g.DeploymentStyle.DeploymentOption != types.DeploymentOptionWithTrafficControl
}

func hasServices(g *types.DeploymentGroupInfo) bool { return len(g.EcsServices) > 0 }

func loadBalancer(format string) error {
	return &types.InvalidLoadBalancerInfoException{Message: &format}
}

// ecsRules are what can be seen without looking at the service.
var ecsRules = []groupRule{
	{noStyle, &types.InvalidDeploymentStyleException{Message: text("For ECS deployment, the deployment type must be BLUE_GREEN, and deployment option must be WITH_TRAFFIC_CONTROL.")}},
	{func(g *types.DeploymentGroupInfo) bool { return g.LoadBalancerInfo == nil }, loadBalancer("For ECS deployment group, loadBalancerInfo must be specified")},
	{func(g *types.DeploymentGroupInfo) bool { return len(g.LoadBalancerInfo.ElbInfoList) > 0 }, loadBalancer("For ECS deployment group, loadBalancerInfo must not contain elbInfo list")},
	{func(g *types.DeploymentGroupInfo) bool { return len(g.LoadBalancerInfo.TargetGroupInfoList) > 0 }, loadBalancer("For ECS deployment group, loadBalancerInfo must not contain targetGroupInfo list")},
	{func(g *types.DeploymentGroupInfo) bool { return g.BlueGreenDeploymentConfiguration == nil }, &types.InvalidBlueGreenDeploymentConfigurationException{Message: text("For ECS deployment group, blueGreenDeploymentConfiguration must be specified")}},
	{func(g *types.DeploymentGroupInfo) bool { return len(g.AutoScalingGroups) > 0 }, &types.InvalidAutoScalingGroupException{Message: text("For ECS deployment group, autoScalingGroups can not be specified")}},
	{func(g *types.DeploymentGroupInfo) bool { return len(g.Ec2TagFilters) > 0 }, &types.InvalidEC2TagException{Message: text("For ECS deployment group, ec2TagFilters can not be specified")}},
	{func(g *types.DeploymentGroupInfo) bool {
		return g.Ec2TagSet != nil && len(g.Ec2TagSet.Ec2TagSetList) > 0
	}, &types.InvalidEC2TagCombinationException{Message: text("For ECS deployment group, ec2TagSet can not be specified")}},
	{func(g *types.DeploymentGroupInfo) bool { return len(g.OnPremisesInstanceTagFilters) > 0 }, &types.InvalidTagException{Message: text("For ECS deployment group, onPremisesInstanceTagFilters can not be specified")}},
	{func(g *types.DeploymentGroupInfo) bool {
		return g.OnPremisesTagSet != nil && len(g.OnPremisesTagSet.OnPremisesTagSetList) > 0
	}, &types.InvalidOnPremisesTagCombinationException{Message: text("For ECS deployment group, onPremisesTagSet can not be specified")}},
	{func(g *types.DeploymentGroupInfo) bool {
		return len(g.EcsServices) != 1 || aws.ToString(g.EcsServices[0].ServiceName) == "" || aws.ToString(g.EcsServices[0].ClusterName) == ""
	}, &types.InvalidECSServiceException{Message: text("For ECS deployment group, ecsServices must contain exactly one service with its cluster")}},
}

// serverRules are what people meet who forget the compute platform of their application.
var serverRules = []groupRule{
	{func(g *types.DeploymentGroupInfo) bool {
		l := g.LoadBalancerInfo
		return g.DeploymentStyle != nil && g.DeploymentStyle.DeploymentOption == types.DeploymentOptionWithTrafficControl && (l == nil || len(l.ElbInfoList)+len(l.TargetGroupInfoList) == 0)
	}, loadBalancer("The specification for load balancing in the deployment group is invalid. The deploymentOption value is set to WITH_TRAFFIC_CONTROL, but either no load balancer was specified in elbInfoList or no target group was specified in targetGroupInfoList.")},
	{hasServices, &types.InvalidECSServiceException{Message: text("Should not specify ECS services parameter for Server deployment group")}},
}

var lambdaRules = []groupRule{
	{noStyle, &types.InvalidDeploymentStyleException{Message: text("For Lambda deployment, the deployment type must be BLUE_GREEN, and deployment option must be WITH_TRAFFIC_CONTROL.")}},
	{hasServices, &types.InvalidECSServiceException{Message: text("Should not specify ECS services parameter for Lambda deployment group")}},
}

// checkService looks at the group's service, target groups and configuration, as its role.
func (s *Service) checkService(ctx context.Context, g *types.DeploymentGroupInfo) error {
	cl, sv := aws.ToString(g.EcsServices[0].ClusterName), aws.ToString(g.EcsServices[0].ServiceName)
	actx, err := s.assume(ctx, aws.ToString(g.ServiceRoleArn))
	if err != nil {
		return &types.InvalidRoleException{Message: aws.String(err.Error())}
	}
	out, err := s.ECS.DescribeServices(actx, &ecs.DescribeServicesInput{Cluster: &cl, Services: []string{sv}})
	if err != nil || len(out.Services) == 0 {
		cause := "service not found"
		if err != nil {
			cause = err.Error()
		}
		return &types.InvalidECSServiceException{Message: text("Could not load ECS service information for cluster: %s, service: %s. Cause: %s", cl, sv, cause)}
	}
	if c := out.Services[0].DeploymentController; c == nil || c.Type != ecstypes.DeploymentControllerTypeCodeDeploy {
		return &types.InvalidECSServiceException{Message: text("Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller.")}
	}
	s.Store.View(func(tx *store.Tx) { err = s.checkMapping(tx, g) })
	if err != nil {
		return err
	}
	network, err := s.checkPair(actx, g)
	if err != nil {
		return err
	}
	var c types.DeploymentConfigInfo
	s.Store.View(func(tx *store.Tx) { c, err = s.configFor(tx, g.DeploymentConfigName, g.ComputePlatform) })
	if err != nil {
		return err
	}
	return checkGradual(network, c)
}

// checkGradual refuses what a network load balancer cannot do.
func checkGradual(network bool, c types.DeploymentConfigInfo) error {
	if network && c.TrafficRoutingConfig.Type != types.TrafficRoutingTypeAllAtOnce {
		return badRouting("Only ALB supports gradual traffic routing, use AllAtOnce Traffic routing instead when you create/update Deployment group.")
	}
	return nil
}

// checkMapping sees that a service is in one group only.
func (s *Service) checkMapping(tx *store.Tx, g *types.DeploymentGroupInfo) error {
	if !hasServices(g) {
		return nil
	}
	mine := serviceKey(g.EcsServices[0])
	for _, o := range s.t.groups.All(tx, "") {
		if aws.ToString(o.Info.DeploymentGroupId) == aws.ToString(g.DeploymentGroupId) || !hasServices(&o.Info) {
			continue
		}
		if serviceKey(o.Info.EcsServices[0]) == mine {
			return &types.ECSServiceMappingLimitExceededException{Message: text("The Amazon ECS service %s is associated with the deployment group %s of the application %s. An Amazon ECS service can be associated with only one deployment group.",
				strings.ReplaceAll(mine, "\x00", ":"), aws.ToString(o.Info.DeploymentGroupName), aws.ToString(o.Info.ApplicationName))}
		}
	}
	return nil
}

func serviceKey(e types.ECSService) string {
	return name(aws.ToString(e.ClusterName)) + "\x00" + name(aws.ToString(e.ServiceName))
}

// checkPair sees that a group has two target groups and a listener, which exist, and tells
// whether they are a network load balancer's.
func (s *Service) checkPair(ctx context.Context, g *types.DeploymentGroupInfo) (network bool, err error) {
	bad := &types.InvalidTargetGroupPairException{Message: text("A deployment group associated with an application that uses the ECS compute platform must contain a valid pair of target groups that identify a load balancer.")}
	pairs := g.LoadBalancerInfo.TargetGroupPairInfoList
	if len(pairs) != 1 || len(pairs[0].TargetGroups) != 2 || pairs[0].ProdTrafficRoute == nil || len(pairs[0].ProdTrafficRoute.ListenerArns) != 1 {
		return false, bad
	}
	if t := pairs[0].TestTrafficRoute; t != nil && len(t.ListenerArns) > 1 {
		return false, bad
	}
	pair, balancers, err := s.pair(ctx, g)
	if err != nil || pair[0].ARN == pair[1].ARN || len(balancers) != 1 {
		return false, bad
	}
	for _, t := range []*types.TrafficRoute{pairs[0].ProdTrafficRoute, pairs[0].TestTrafficRoute} {
		if t == nil || len(t.ListenerArns) == 0 {
			continue
		}
		out, err := s.ELB.DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: t.ListenerArns})
		if err != nil || len(out.Listeners) == 0 {
			return false, bad
		}
		network = network || isNetwork(out.Listeners[0].Protocol)
	}
	return network, nil
}

func isNetwork(p elbtypes.ProtocolEnum) bool {
	return p != "" && p != elbtypes.ProtocolEnumHttp && p != elbtypes.ProtocolEnumHttps
}

// pair resolves the two target groups by name, and tells which load balancers use them: a
// group that is in no listener yet has none.
func (s *Service) pair(ctx context.Context, g *types.DeploymentGroupInfo) (out [2]side, balancers map[string]bool, err error) {
	balancers = map[string]bool{}
	for i, tg := range g.LoadBalancerInfo.TargetGroupPairInfoList[0].TargetGroups {
		d, err := s.ELB.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{aws.ToString(tg.Name)}})
		if err != nil {
			return out, nil, err
		}
		if len(d.TargetGroups) == 0 {
			return out, nil, fmt.Errorf("the target group %s does not exist", aws.ToString(tg.Name))
		}
		out[i] = side{Group: aws.ToString(tg.Name), ARN: aws.ToString(d.TargetGroups[0].TargetGroupArn)}
		for _, lb := range d.TargetGroups[0].LoadBalancerArns {
			balancers[lb] = true
		}
	}
	return out, balancers, nil
}

// The longest waits of a deployment, in minutes.
const (
	readyLimit       = 120 * 60
	terminationLimit = 2880
)

func checkWaits(g *types.DeploymentGroupInfo) error {
	refuse := func(format string, args ...any) error {
		return &types.InvalidBlueGreenDeploymentConfigurationException{Message: text(format, args...)}
	}
	bg := g.BlueGreenDeploymentConfiguration
	if bg == nil {
		return nil
	}
	if r := bg.DeploymentReadyOption; r != nil {
		switch {
		case r.ActionOnTimeout != "" && !oneOf(r.ActionOnTimeout, r.ActionOnTimeout.Values()):
			return refuse("The actionOnTimeout of deploymentReadyOption must be CONTINUE_DEPLOYMENT or STOP_DEPLOYMENT")
		case r.WaitTimeInMinutes < 0 || r.WaitTimeInMinutes > readyLimit:
			return refuse("The waitTimeInMinutes of deploymentReadyOption must be between 0 and %d", readyLimit)
		}
	}
	if e := bg.TerminateBlueInstancesOnDeploymentSuccess; e != nil {
		switch {
		case e.Action != "" && !oneOf(e.Action, e.Action.Values()):
			return refuse("The action of terminateBlueInstancesOnDeploymentSuccess must be TERMINATE or KEEP_ALIVE")
		case e.TerminationWaitTimeInMinutes < 0 || e.TerminationWaitTimeInMinutes > terminationLimit:
			return refuse("The terminationWaitTimeInMinutes must be between 0 and %d", terminationLimit)
		}
	}
	return nil
}

func groupAlarms(g *types.DeploymentGroupInfo) error { return checkAlarms(g.AlarmConfiguration) }
func groupRollback(g *types.DeploymentGroupInfo) error {
	return checkRollback(g.AutoRollbackConfiguration)
}

// The limits of a group's alarms and triggers.
const (
	alarmLimit     = 10
	alarmNameLimit = 255
	triggerLimit   = 10
)

func checkAlarms(c *types.AlarmConfiguration) error {
	if c == nil {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return &types.InvalidAlarmConfigException{Message: text("The format of the alarm configuration is invalid: "+format, args...)}
	}
	if c.Enabled && len(c.Alarms) == 0 {
		return refuse("it is enabled, but no alarm is specified")
	}
	seen := map[string]bool{}
	for _, a := range c.Alarms {
		n := aws.ToString(a.Name)
		switch {
		case n == "":
			return refuse("the name of an alarm is null or empty")
		case len([]rune(n)) > alarmNameLimit:
			return refuse("the name of an alarm has more than %d characters", alarmNameLimit)
		case seen[n]:
			return refuse("the alarm %s is specified more than once", n)
		}
		seen[n] = true
	}
	if len(c.Alarms) > alarmLimit {
		return &types.AlarmsLimitExceededException{Message: text("The maximum number of alarms for a deployment group (%d) was exceeded.", alarmLimit)}
	}
	return nil
}

func checkRollback(c *types.AutoRollbackConfiguration) error {
	if c == nil {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return &types.InvalidAutoRollbackConfigException{Message: text("The automatic rollback configuration was specified in an invalid format: "+format, args...)}
	}
	if c.Enabled && len(c.Events) == 0 {
		return refuse("it is enabled, but no events are listed")
	}
	for _, e := range c.Events {
		if !oneOf(e, e.Values()) {
			return refuse("%s is no event", e)
		}
	}
	return nil
}

func checkTriggers(g *types.DeploymentGroupInfo) error {
	refuse := func(format string, args ...any) error {
		return &types.InvalidTriggerConfigException{Message: text("The trigger was specified in an invalid format: "+format, args...)}
	}
	seen := map[string]bool{}
	for _, t := range g.TriggerConfigurations {
		n := aws.ToString(t.TriggerName)
		a, ok := arn.Parse(aws.ToString(t.TriggerTargetArn))
		switch {
		case n == "":
			return refuse("it has no name")
		case seen[n]:
			return refuse("the name %s is used more than once", n)
		case !ok || a.Service != "sns":
			return refuse("the target of %s must be the ARN of an SNS topic", n)
		case len(t.TriggerEvents) == 0:
			return refuse("%s has no events", n)
		}
		for _, e := range t.TriggerEvents {
			if !oneOf(e, e.Values()) {
				return refuse("%s is no event", e)
			}
		}
		seen[n] = true
	}
	if len(g.TriggerConfigurations) > triggerLimit {
		return &types.TriggerTargetsLimitExceededException{Message: text("The maximum allowed number of triggers (%d) was exceeded.", triggerLimit)}
	}
	return nil
}
