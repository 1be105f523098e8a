// Package locate is the stage that finds out what is deployed to: which controller the
// service has and, for CodeDeploy, which application and deployment group. It does its
// work as a check, before any stage has run, and makes few calls: one when the group is
// configured, two or three when it has to be found.
package locate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

// Stage locates the service.
type Stage struct{}

func (Stage) String() string { return "locate" }

// Check finds the service, its controller and its deployment group.
func (Stage) Check(ctx context.Context, r *run.Run) error {
	if r.Group != nil || r.Service != nil {
		return nil
	}
	if r.Config.CodeDeploy.Named {
		return named(ctx, r)
	}
	s, err := service(ctx, r)
	if err != nil {
		return err
	}
	r.Service = &s
	switch controller(s) {
	case ecstypes.DeploymentControllerTypeCodeDeploy:
		r.Facts.Controller = run.CodeDeploy
		return discover(ctx, r)
	case ecstypes.DeploymentControllerTypeEcs:
		r.Facts.Controller, r.Facts.Previous = run.Rolling, aws.ToString(s.TaskDefinition)
		return rolling(s)
	}
	return fault.New(fault.Usage, "services with the controllers CODE_DEPLOY and ECS are deployed", "service %s has the deployment controller %s", r.Config.Service, controller(s))
}

// Run tells what Check found.
func (s Stage) Run(ctx context.Context, r *run.Run) (string, error) {
	if err := s.Check(ctx, r); err != nil {
		return "", err
	}
	if r.Facts.Controller == run.Rolling {
		return fmt.Sprintf("service %s in cluster %s, rolling", r.Config.Service, r.Config.Cluster), nil
	}
	return fmt.Sprintf("service %s in cluster %s, by CodeDeploy %s/%s", r.Config.Service, r.Config.Cluster, r.Facts.Application, r.Facts.Group), nil
}

func service(ctx context.Context, r *run.Run) (ecstypes.Service, error) {
	out, err := r.AWS.ECS().DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &r.Config.Cluster, Services: []string{r.Config.Service}})
	var none *ecstypes.ClusterNotFoundException
	if errors.As(err, &none) {
		return ecstypes.Service{}, fault.New(fault.Usage, "set cluster in turnout.yml, or make it with `turnout provision`", "cluster %s: %w", r.Config.Cluster, err)
	}
	if err != nil {
		return ecstypes.Service{}, err
	}
	if len(out.Services) == 0 || aws.ToString(out.Services[0].Status) == "INACTIVE" {
		return ecstypes.Service{}, fault.New(fault.Usage, "set service and cluster in turnout.yml, or make it with `turnout provision`", "there is no service %s in cluster %s (region %s)", r.Config.Service, r.Config.Cluster, r.AWS.Region)
	}
	return out.Services[0], nil
}

func controller(s ecstypes.Service) ecstypes.DeploymentControllerType {
	if s.DeploymentController == nil || s.DeploymentController.Type == "" {
		return ecstypes.DeploymentControllerTypeEcs
	}
	return s.DeploymentController.Type
}

// rolling refuses ECS's own blue/green for now: it is another state machine.
func rolling(s ecstypes.Service) error {
	if c := s.DeploymentConfiguration; c != nil && c.Strategy != "" && c.Strategy != ecstypes.DeploymentStrategyRolling {
		return fault.New(fault.Usage, "services with the strategy ROLLING and those of CodeDeploy are deployed", "service %s has the deployment strategy %s", aws.ToString(s.ServiceName), c.Strategy)
	}
	return nil
}

// named reads the group that the configuration names. That it deploys this very service
// is certain then, and the service itself need not be read.
func named(ctx context.Context, r *run.Run) error {
	cd := r.Config.CodeDeploy
	g, err := group(ctx, r, cd.Application, cd.Group)
	if err != nil {
		return missing(err)
	}
	if i := slices.IndexFunc(g.EcsServices, func(s types.ECSService) bool { return deploys(s, r) }); i < 0 {
		return fault.New(fault.Usage, "correct service, cluster, codedeploy.application or codedeploy.group in turnout.yml", "deployment group %s of %s deploys %s, not %s/%s", cd.Group, cd.Application, services(g), r.Config.Cluster, r.Config.Service)
	}
	r.Facts.Controller = run.CodeDeploy
	return found(r, g)
}

func deploys(s types.ECSService, r *run.Run) bool {
	return last(aws.ToString(s.ClusterName)) == last(r.Config.Cluster) && last(aws.ToString(s.ServiceName)) == last(r.Config.Service)
}

// last is the name in an ARN, or the name itself.
func last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

func services(g *types.DeploymentGroupInfo) string {
	var out []string
	for _, s := range g.EcsServices {
		out = append(out, last(aws.ToString(s.ClusterName))+"/"+last(aws.ToString(s.ServiceName)))
	}
	if len(out) == 0 {
		return "no ECS service"
	}
	return strings.Join(out, ", ")
}

func missing(err error) error {
	var noApp *types.ApplicationDoesNotExistException
	var noGroup *types.DeploymentGroupDoesNotExistException
	if errors.As(err, &noApp) || errors.As(err, &noGroup) {
		return fault.New(fault.Usage, "set codedeploy.application and codedeploy.group, or make them with `turnout provision`", "%w", err)
	}
	return err
}

func group(ctx context.Context, r *run.Run, application, name string) (*types.DeploymentGroupInfo, error) {
	out, err := r.AWS.CodeDeploy().GetDeploymentGroup(ctx, &codedeploy.GetDeploymentGroupInput{ApplicationName: &application, DeploymentGroupName: &name})
	if err != nil {
		return nil, err
	}
	return out.DeploymentGroupInfo, nil
}

// found notes the group, and refuses a second deployment beside an active one early.
func found(r *run.Run, g *types.DeploymentGroupInfo) error {
	r.Group = g
	r.Facts.Application, r.Facts.Group = aws.ToString(g.ApplicationName), aws.ToString(g.DeploymentGroupName)
	if id := Active(g); id != "" && r.Facts.DeploymentID == "" && (r.Options.IfActive == "" || r.Options.IfActive == run.Refuse) {
		return fault.New(fault.Failed, "wait for it (`turnout watch "+id+"`, or --if-active wait), or end it (`turnout stop "+id+"`, or --if-active supersede)",
			"deployment %s of group %s is still %s", id, r.Facts.Group, g.LastAttemptedDeployment.Status)
	}
	return nil
}

// Active is the id of the group's deployment that has not ended, or "".
func Active(g *types.DeploymentGroupInfo) string {
	if d := g.LastAttemptedDeployment; d != nil {
		switch d.Status {
		case types.DeploymentStatusSucceeded, types.DeploymentStatusFailed, types.DeploymentStatusStopped:
		default:
			return aws.ToString(d.DeploymentId)
		}
	}
	return ""
}
