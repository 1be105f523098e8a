package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/autopsy"
	"github.com/turnoutdev/turnout/internal/fault"
)

// HasService tells whether the service stands already.
func (p *Provisioner) HasService(ctx context.Context) (bool, error) {
	s, err := p.describe(ctx)
	return s != nil, err
}

func (p *Provisioner) describe(ctx context.Context) (*types.Service, error) {
	out, err := p.AWS.ECS().DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &p.Config.Cluster, Services: []string{p.Config.Service}})
	var none *types.ClusterNotFoundException
	if errors.As(err, &none) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for i := range out.Services {
		if aws.ToString(out.Services[i].Status) == "ACTIVE" {
			return &out.Services[i], nil
		}
	}
	return nil, nil
}

// Service makes the service with its first task definition, waits until its tasks are
// steady, and makes the CodeDeploy application and deployment group. Base comes first.
func (p *Provisioner) Service(ctx context.Context, taskDefinition string) error {
	if err := p.service(ctx, taskDefinition); err != nil {
		return fmt.Errorf("provision service: %w", err)
	}
	if err := p.application(ctx); err != nil {
		return fmt.Errorf("provision CodeDeploy application: %w", err)
	}
	if err := p.group(ctx); err != nil {
		return fmt.Errorf("provision deployment group: %w", err)
	}
	return p.steady(ctx, taskDefinition)
}

func (p *Provisioner) service(ctx context.Context, taskDefinition string) error {
	in, name := p.Config.Infrastructure, p.Config.Service
	s, err := p.describe(ctx)
	if err != nil {
		return err
	}
	if s != nil {
		if s.DeploymentController == nil || s.DeploymentController.Type != types.DeploymentControllerTypeCodeDeploy {
			return fault.New(fault.Usage, "an existing service's controller cannot be changed: delete the service or choose another name", "service %s is not deployed by CodeDeploy", name)
		}
		p.tell("service", name, false)
		return nil
	}
	spec, err := appspec.Read(p.Config.Path(p.Config.AppSpec))
	if err != nil {
		return err
	}
	_, err = p.AWS.ECS().CreateService(ctx, &ecs.CreateServiceInput{
		Cluster: &p.Config.Cluster, ServiceName: &name, TaskDefinition: &taskDefinition,
		DesiredCount:                  aws.Int32(int32(in.DesiredCount)),
		LaunchType:                    types.LaunchType(in.LaunchType),
		HealthCheckGracePeriodSeconds: seconds(in.HealthGrace),
		DeploymentController:          &types.DeploymentController{Type: types.DeploymentControllerTypeCodeDeploy},
		Tags:                          p.ecsTags(),
		LoadBalancers: []types.LoadBalancer{{
			TargetGroupArn: &p.groups[0], ContainerName: aws.String(spec.Container()), ContainerPort: aws.Int32(int32(spec.Port())),
		}},
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets: p.subnets, SecurityGroups: p.firewall, AssignPublicIp: types.AssignPublicIpEnabled,
		}},
	})
	if err != nil {
		return err
	}
	p.tell("service", name, true)
	return nil
}

func (p *Provisioner) application(ctx context.Context) error {
	name := p.Config.CodeDeploy.Application
	_, err := p.AWS.CodeDeploy().CreateApplication(ctx, &codedeploy.CreateApplicationInput{ApplicationName: &name, ComputePlatform: cdtypes.ComputePlatformEcs, Tags: p.deployTags()})
	var exists *cdtypes.ApplicationAlreadyExistsException
	if err != nil && !errors.As(err, &exists) {
		return err
	}
	p.tell("application", name, err == nil)
	return nil
}

// group makes the deployment group. A role that was made a moment ago is not yet known
// everywhere in AWS: that one refusal is retried.
func (p *Provisioner) group(ctx context.Context) error {
	name := p.Config.CodeDeploy.Group
	for try := 0; ; try++ {
		_, err := p.AWS.CodeDeploy().CreateDeploymentGroup(ctx, p.groupInput())
		var exists *cdtypes.DeploymentGroupAlreadyExistsException
		var role *cdtypes.InvalidRoleException
		switch {
		case err == nil || errors.As(err, &exists):
			p.tell("deployment group", name, err == nil)
			return nil
		case !errors.As(err, &role) || try == 6:
			return err
		}
		select {
		case <-time.After(time.Duration(try+1) * time.Second):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (p *Provisioner) groupInput() *codedeploy.CreateDeploymentGroupInput {
	in, cd := p.Config.Infrastructure, p.Config.CodeDeploy
	route := &cdtypes.TargetGroupPairInfo{
		TargetGroups:     []cdtypes.TargetGroupInfo{{Name: &in.TargetGroups[0]}, {Name: &in.TargetGroups[1]}},
		ProdTrafficRoute: &cdtypes.TrafficRoute{ListenerArns: []string{p.listener}},
	}
	if p.testListener != "" {
		route.TestTrafficRoute = &cdtypes.TrafficRoute{ListenerArns: []string{p.testListener}}
	}
	ready := &cdtypes.DeploymentReadyOption{ActionOnTimeout: cdtypes.DeploymentReadyActionContinueDeployment}
	if in.ReadyWait > 0 {
		ready.ActionOnTimeout = cdtypes.DeploymentReadyActionStopDeployment
		ready.WaitTimeInMinutes = int32(in.ReadyWait / time.Minute)
	}
	var events []cdtypes.AutoRollbackEvent
	for _, e := range in.Rollback {
		events = append(events, cdtypes.AutoRollbackEvent(e))
	}
	return &codedeploy.CreateDeploymentGroupInput{
		ApplicationName: &cd.Application, DeploymentGroupName: &cd.Group, ServiceRoleArn: &p.deployRole,
		DeploymentConfigName: &in.DeploymentConfig, Tags: p.deployTags(),
		DeploymentStyle: &cdtypes.DeploymentStyle{
			DeploymentType: cdtypes.DeploymentTypeBlueGreen, DeploymentOption: cdtypes.DeploymentOptionWithTrafficControl,
		},
		BlueGreenDeploymentConfiguration: &cdtypes.BlueGreenDeploymentConfiguration{
			DeploymentReadyOption: ready,
			TerminateBlueInstancesOnDeploymentSuccess: &cdtypes.BlueInstanceTerminationOption{
				Action: cdtypes.InstanceActionTerminate, TerminationWaitTimeInMinutes: int32(in.TerminationWait / time.Minute),
			},
		},
		AutoRollbackConfiguration: &cdtypes.AutoRollbackConfiguration{Enabled: len(events) > 0, Events: events},
		LoadBalancerInfo:          &cdtypes.LoadBalancerInfo{TargetGroupPairInfoList: []cdtypes.TargetGroupPairInfo{*route}},
		EcsServices:               []cdtypes.ECSService{{ClusterName: &p.Config.Cluster, ServiceName: &p.Config.Service}},
	}
}

// Unsteady is a service whose tasks keep ending, with the reasons.
type Unsteady struct{ Report *autopsy.Report }

func (e *Unsteady) Error() string { return "the service's tasks keep ending" }

// enough is how many ended tasks are a pattern.
const enough = 3

// steady waits until the primary task set is steady, and gives up early when its tasks
// keep ending. The SDK's services-stable waiter never succeeds for a service that
// CodeDeploy deploys.
func (p *Provisioner) steady(ctx context.Context, taskDefinition string) error {
	deadline := time.After(15 * time.Minute)
	for wait := 50 * time.Millisecond; ; wait = min(wait*3/2, 3*time.Second) {
		s, err := p.describe(ctx)
		if err != nil {
			return err
		}
		if s != nil {
			for _, set := range s.TaskSets {
				if aws.ToString(set.Status) == "PRIMARY" && set.StabilityStatus == types.StabilityStatusSteadyState {
					return nil
				}
			}
		}
		if err := p.refused(s); err != nil {
			return err
		}
		if err := p.ended(ctx, taskDefinition); err != nil {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-deadline:
			return fault.New(fault.TimedOut, "`aws ecs describe-services` shows the service's events", "service %s did not become steady%s", p.Config.Service, newest(s))
		}
	}
}

// refused looks for a role that ECS cannot take on: no task starts then, so none ends. In
// AWS it may be that the role is only not known everywhere yet.
func (p *Provisioner) refused(s *types.Service) error {
	if !p.AWS.Local || s == nil || s.RunningCount+s.PendingCount > 0 {
		return nil
	}
	for _, e := range s.Events {
		if text := aws.ToString(e.Message); strings.Contains(text, "unable to assume the role") {
			return fault.New(fault.Deployment, "the role must exist in the cloud's account (`turnout up --account`) and its trust policy must let ecs-tasks.amazonaws.com assume it", "%s", text)
		}
	}
	return nil
}

// ended looks for a pattern among the service's stopped tasks.
func (p *Provisioner) ended(ctx context.Context, taskDefinition string) error {
	l, err := p.AWS.ECS().ListTasks(ctx, &ecs.ListTasksInput{Cluster: &p.Config.Cluster, ServiceName: &p.Config.Service, DesiredStatus: types.DesiredStatusStopped})
	if err != nil || len(l.TaskArns) < enough {
		return err
	}
	rep := autopsy.Perform(ctx, p.AWS, autopsy.Subject{Cluster: p.Config.Cluster, Service: p.Config.Service, TaskDefinition: taskDefinition})
	n := 0
	for _, t := range rep.Tasks {
		if t.Reason != "" {
			n++
		}
	}
	if n < enough {
		return nil // of an earlier revision
	}
	return &fault.Error{Code: fault.Deployment, Hint: "mend it and run this again: what was made stays and is used", Err: &Unsteady{rep}}
}

func newest(s *types.Service) string {
	if s == nil || len(s.Events) == 0 {
		return ""
	}
	return ": " + aws.ToString(s.Events[0].Message)
}
