package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func parametersNamed(name string) *ssm.DescribeParametersInput {
	return &ssm.DescribeParametersInput{ParameterFilters: []ssmtypes.ParameterStringFilter{{
		Key: aws.String("Name"), Option: aws.String("Equals"), Values: []string{name},
	}}}
}

// balancer makes sure that the group's listener stands in front of the service, that its
// rules agree, and that the target groups suit the tasks.
func (e *examination) balancer(ctx context.Context) error {
	if e.Group == nil || e.Group.LoadBalancerInfo == nil || len(e.Group.LoadBalancerInfo.TargetGroupPairInfoList) == 0 {
		return nil
	}
	pair := e.Group.LoadBalancerInfo.TargetGroupPairInfoList[0]
	var names []string
	for _, g := range pair.TargetGroups {
		names = append(names, aws.ToString(g.Name))
	}
	groups, err := e.AWS.ELB().DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: names})
	if code(err, "TargetGroupNotFound") {
		e.found(Finding{Error, "load balancer", "a target group of the deployment group is gone: " + strings.Join(names, ", "), aws.ToString(e.Group.DeploymentGroupName), "CodeDeploy will fail the deployment", "correct the deployment group, or create it"})
		return nil
	}
	if err != nil {
		return err
	}
	ours := map[string]string{}
	for _, g := range groups.TargetGroups {
		ours[aws.ToString(g.TargetGroupArn)] = aws.ToString(g.TargetGroupName)
		e.targetGroup(g)
	}
	e.healthChecks(groups.TargetGroups)
	if pair.ProdTrafficRoute == nil || len(pair.ProdTrafficRoute.ListenerArns) == 0 {
		return nil
	}
	return e.listener(ctx, pair.ProdTrafficRoute.ListenerArns[0], ours)
}

func (e *examination) targetGroup(g elbtypes.TargetGroup) {
	where := "target group " + aws.ToString(g.TargetGroupName)
	if e.Definition.NetworkMode == ecstypes.NetworkModeAwsvpc && g.TargetType != elbtypes.TargetTypeEnumIp {
		e.found(Finding{Error, "load balancer", fmt.Sprintf("its target type is %s, tasks with awsvpc need ip", g.TargetType), where, "tasks cannot be registered", "create the target group with target type ip"})
	}
	if len(g.LoadBalancerArns) > 0 {
		return
	}
	if e.allAtOnce() && e.Service != nil && !deployed(e.Service) {
		e.found(Finding{Warning, "load balancer", "it stands behind no listener, and the first deployment by CodeDeploy is all at once", where, "no health check reaches its tasks before traffic does, and a broken image \"succeeds\"", "forward the listener to both target groups (weights 100 and 0), or use a canary the first time"})
		return
	}
	e.found(Finding{Note, "load balancer", "it stands behind no listener now", where, "health checks of a target group begin when a listener forwards to it: AllowTraffic may wait for them", ""})
}

// healthChecks makes sure that health checks ask a port that is there, and that both
// groups are asked the same: each is green in every second deployment.
func (e *examination) healthChecks(groups []elbtypes.TargetGroup) {
	for _, g := range groups {
		port := aws.ToString(g.HealthCheckPort)
		if port != "" && port != "traffic-port" && !e.exposes(port) {
			e.found(Finding{Error, "load balancer", "its health check asks port " + port + ", which no container exposes", "target group " + aws.ToString(g.TargetGroupName), "no task will ever be healthy, and the deployment ends after an hour", "set the health check's port to traffic-port, or add the port to portMappings"})
		}
	}
	if len(groups) != 2 {
		return
	}
	for _, v := range [][3]string{
		{"path", aws.ToString(groups[0].HealthCheckPath), aws.ToString(groups[1].HealthCheckPath)},
		{"port", aws.ToString(groups[0].HealthCheckPort), aws.ToString(groups[1].HealthCheckPort)},
		{"protocol", string(groups[0].HealthCheckProtocol), string(groups[1].HealthCheckProtocol)},
	} {
		if v[1] != v[2] {
			e.found(Finding{Warning, "load balancer", fmt.Sprintf("the health checks' %s differs: %s and %s", v[0], v[1], v[2]), "target groups " + aws.ToString(groups[0].TargetGroupName) + " and " + aws.ToString(groups[1].TargetGroupName), "each is green in every second deployment: what passes today may fail the next time", "give both target groups the same health check"})
		}
	}
}

// exposes tells whether a container of the task definition has a port.
func (e *examination) exposes(port string) bool {
	for _, c := range e.Definition.ContainerDefinitions {
		for _, p := range c.PortMappings {
			if fmt.Sprint(aws.ToInt32(p.ContainerPort)) == port || p.ContainerPortRange != nil {
				return true
			}
		}
	}
	return false
}

// listener holds the production listener against the service's primary task set.
func (e *examination) listener(ctx context.Context, listener string, ours map[string]string) error {
	ls, err := e.AWS.ELB().DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{listener}})
	if code(err, "ListenerNotFound") || (err == nil && len(ls.Listeners) == 0) {
		e.found(Finding{Error, "load balancer", "the production listener is gone", listener, "CodeDeploy will fail the deployment", "correct the deployment group"})
		return nil
	}
	if err != nil {
		return err
	}
	where := fmt.Sprintf("listener on port %d", aws.ToInt32(ls.Listeners[0].Port))
	primary, primaryName := e.primary(ours)
	live := weights(ls.Listeners[0].DefaultActions)
	if primary != "" && live[primary] == 0 {
		e.found(Finding{Error, "load balancer", "the listener does not forward to " + primaryName + ", where the service's primary task set is", where, "CodeDeploy fails with: the primary task set's target group must be behind the listener", "forward the listener's default action to " + primaryName})
	}
	rules, err := e.AWS.ELB().DescribeRules(ctx, &elb.DescribeRulesInput{ListenerArn: &listener})
	if err != nil {
		return err
	}
	for _, r := range rules.Rules {
		if aws.ToBool(r.IsDefault) {
			continue
		}
		w := weights(r.Actions)
		for group := range w {
			if ours[group] != "" && primary != "" && w[primary] == 0 {
				e.found(Finding{Error, "load balancer", "rule " + aws.ToString(r.Priority) + " forwards to " + ours[group] + " but not to " + primaryName, where, "CodeDeploy fails before any task set is made: the rule does not forward where the service runs", "forward the rule to " + primaryName + ", or remove it"})
				break
			}
		}
	}
	return nil
}

// primary is the target group of the service's primary task set.
func (e *examination) primary(ours map[string]string) (arn, name string) {
	if e.Service == nil {
		return "", ""
	}
	for _, s := range e.Service.TaskSets {
		if aws.ToString(s.Status) == "PRIMARY" && len(s.LoadBalancers) > 0 {
			arn = aws.ToString(s.LoadBalancers[0].TargetGroupArn)
		}
	}
	return arn, ours[arn]
}

// weights are the target groups of actions with what they get; a single group gets 1.
func weights(actions []elbtypes.Action) map[string]int32 {
	out := map[string]int32{}
	for _, a := range actions {
		if a.ForwardConfig != nil {
			for _, g := range a.ForwardConfig.TargetGroups {
				out[aws.ToString(g.TargetGroupArn)] += aws.ToInt32(g.Weight)
			}
			if len(a.ForwardConfig.TargetGroups) == 1 {
				out[aws.ToString(a.ForwardConfig.TargetGroups[0].TargetGroupArn)] = 1
			}
		} else if a.TargetGroupArn != nil {
			out[*a.TargetGroupArn] = 1
		}
	}
	return out
}

// allAtOnce tells whether traffic is to move in one step.
func (e *examination) allAtOnce() bool {
	config := e.Config
	if config == "" {
		config = aws.ToString(e.Group.DeploymentConfigName)
	}
	return strings.HasSuffix(config, "AllAtOnce")
}

// longWait is from when a wait is worth a note.
const longWait = 5 * time.Minute

// deployment looks at the group: another deployment, and long waits.
func (e *examination) deployment(ctx context.Context) error {
	g := e.Group
	if g == nil {
		return nil
	}
	where := "deployment group " + aws.ToString(g.DeploymentGroupName)
	e.waits(g, where)
	d := g.LastAttemptedDeployment
	if d == nil {
		return nil
	}
	switch d.Status {
	case cdtypes.DeploymentStatusSucceeded, cdtypes.DeploymentStatusFailed, cdtypes.DeploymentStatusStopped:
		return nil
	}
	by := ""
	if out, err := e.AWS.CodeDeploy().GetDeployment(ctx, &codedeploy.GetDeploymentInput{DeploymentId: d.DeploymentId}); err == nil {
		by = fmt.Sprintf(", created by %s at %s: %s", out.DeploymentInfo.Creator, aws.ToTime(out.DeploymentInfo.CreateTime).Local().Format(time.DateTime), aws.ToString(out.DeploymentInfo.Description))
	}
	e.found(Finding{Error, "deployment", fmt.Sprintf("deployment %s is still %s%s", aws.ToString(d.DeploymentId), d.Status, by), where, "CodeDeploy runs one deployment of a group at a time", "wait (--if-active wait), supersede it (--if-active supersede), or stop it"})
	return nil
}

// deployed tells whether CodeDeploy has made the service's primary task set.
func deployed(s *ecstypes.Service) bool {
	for _, t := range s.TaskSets {
		if strings.HasPrefix(aws.ToString(t.ExternalId), "d-") {
			return true
		}
	}
	return false
}

func (e *examination) waits(g *cdtypes.DeploymentGroupInfo, where string) {
	c := g.BlueGreenDeploymentConfiguration
	if c == nil {
		return
	}
	if o := c.TerminateBlueInstancesOnDeploymentSuccess; o != nil && e.Waits {
		if d := time.Duration(o.TerminationWaitTimeInMinutes) * time.Minute; d >= longWait {
			e.found(Finding{Note, "deployment", fmt.Sprintf("the old tasks are kept for %s after traffic has moved", d), where, "a job that waits for the very end pays for these minutes", "--wait-until shifted ends when traffic has moved"})
		}
	}
	if o := c.DeploymentReadyOption; o != nil && o.ActionOnTimeout == cdtypes.DeploymentReadyActionStopDeployment {
		e.found(Finding{Note, "deployment", fmt.Sprintf("traffic waits up to %d minutes for `turnout continue`", o.WaitTimeInMinutes), where, "without it the deployment stops", "continue it by hand, or configure gates"})
	}
}
