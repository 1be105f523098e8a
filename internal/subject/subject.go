// Package subject finds what an operator's verb is about: a service, what deploys it, and
// the deployment that is under way.
package subject

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/locate"
	"github.com/turnoutdev/turnout/internal/run"
)

// Subject is a service as it was found.
type Subject struct {
	AWS              *awsclient.Clients
	Config           *config.Config
	Cluster, Service string
	Info             ecstypes.Service
	Group            *cdtypes.DeploymentGroupInfo // nil unless CodeDeploy deploys the service
	NoGroup          error                        // why Group is nil although it should not be
}

// Find reads the service that conf names and, where CodeDeploy deploys it, looks for its
// deployment group; report hears when that takes many calls. A group that is not found is
// no error yet: many verbs can do without.
func Find(ctx context.Context, a *awsclient.Clients, conf *config.Config, report run.Reporter) (*Subject, error) {
	s := &Subject{AWS: a, Config: conf, Cluster: conf.Cluster, Service: conf.Service}
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	if s.Controller() != ecstypes.DeploymentControllerTypeCodeDeploy {
		return s, nil
	}
	// A deployment that is active is the subject here, no reason to refuse.
	r := &run.Run{Config: conf, AWS: a, Report: report, Options: run.Options{IfActive: run.Wait}}
	if err := (locate.Stage{}).Check(ctx, r); err != nil {
		if context.Cause(ctx) != nil {
			return nil, err
		}
		s.NoGroup = err
	}
	s.Group = r.Group
	return s, nil
}

// Refresh reads the service again.
func (s *Subject) Refresh(ctx context.Context) error {
	out, err := s.AWS.ECS().DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &s.Cluster, Services: []string{s.Service}})
	var none *ecstypes.ClusterNotFoundException
	if errors.As(err, &none) {
		return fault.New(fault.Usage, "name it with --cluster or in turnout.yml; --region and --profile choose where to look", "cluster %s: %w", s.Cluster, err)
	}
	if err != nil {
		return err
	}
	if len(out.Services) == 0 || aws.ToString(out.Services[0].Status) == "INACTIVE" {
		return fault.New(fault.Usage, "name it with --service and --cluster or in turnout.yml; --region and --profile choose where to look",
			"there is no service %s in cluster %s (region %s)", s.Service, s.Cluster, s.AWS.Region)
	}
	s.Info = out.Services[0]
	return nil
}

// Controller is what deploys the service.
func (s *Subject) Controller() ecstypes.DeploymentControllerType {
	if c := s.Info.DeploymentController; c != nil && c.Type != "" {
		return c.Type
	}
	return ecstypes.DeploymentControllerTypeEcs
}

// Rolling tells whether ECS itself deploys the service.
func (s *Subject) Rolling() bool { return s.Controller() == ecstypes.DeploymentControllerTypeEcs }

// NeedGroup tells why there is no deployment group to act on, nil if there is one.
func (s *Subject) NeedGroup() error {
	switch {
	case s.Group != nil:
		return nil
	case s.NoGroup != nil:
		return s.NoGroup
	}
	return fault.New(fault.Usage, "services with the controllers CODE_DEPLOY and ECS are deployed", "service %s has the deployment controller %s", s.Service, s.Controller())
}

// running are the statuses of a CodeDeploy deployment that has not ended.
var running = []cdtypes.DeploymentStatus{
	cdtypes.DeploymentStatusCreated, cdtypes.DeploymentStatusQueued, cdtypes.DeploymentStatusInProgress,
	cdtypes.DeploymentStatusBaking, cdtypes.DeploymentStatusReady,
}

// Active is the id of the deployment that is under way (d-… of CodeDeploy, ecs-svc/… of
// ECS), or "". For a rolling service it is as fresh as Info.
func (s *Subject) Active(ctx context.Context) (string, error) {
	if s.Rolling() {
		if d := s.Primary(); d != nil && d.RolloutState == ecstypes.DeploymentRolloutStateInProgress {
			return aws.ToString(d.Id), nil
		}
		return "", nil
	}
	if err := s.NeedGroup(); err != nil {
		return "", err
	}
	out, err := s.AWS.CodeDeploy().ListDeployments(ctx, &codedeploy.ListDeploymentsInput{
		ApplicationName: s.Group.ApplicationName, DeploymentGroupName: s.Group.DeploymentGroupName, IncludeOnlyStatuses: running,
	})
	if err != nil || len(out.Deployments) == 0 {
		return "", err
	}
	return out.Deployments[0], nil
}

// Primary is what a rolling service goes to.
func (s *Subject) Primary() *ecstypes.Deployment {
	for i := range s.Info.Deployments {
		if aws.ToString(s.Info.Deployments[i].Status) == "PRIMARY" {
			return &s.Info.Deployments[i]
		}
	}
	return nil
}

// TaskDefinition is the ARN of the revision that serves: that of the primary task set, of
// the primary deployment, or what the service itself names.
func (s *Subject) TaskDefinition() string {
	for _, t := range s.Info.TaskSets {
		if aws.ToString(t.Status) == "PRIMARY" {
			return aws.ToString(t.TaskDefinition)
		}
	}
	if d := s.Primary(); d != nil && d.TaskDefinition != nil {
		return *d.TaskDefinition
	}
	return aws.ToString(s.Info.TaskDefinition)
}

// Live is the ARN of the target group of what is primary, "" without a load balancer.
func (s *Subject) Live() string { return aws.ToString(s.Behind().TargetGroupArn) }

// Behind says which container and port of what is primary stand behind the load balancer;
// it is empty without one.
func (s *Subject) Behind() ecstypes.LoadBalancer {
	balancers := s.Info.LoadBalancers
	for _, t := range s.Info.TaskSets {
		if aws.ToString(t.Status) == "PRIMARY" {
			balancers = t.LoadBalancers
		}
	}
	if len(balancers) == 0 {
		return ecstypes.LoadBalancer{}
	}
	return balancers[0]
}

// TargetGroups are the ARNs of the service's target groups, of its task sets and
// deployments too, each once.
func (s *Subject) TargetGroups() []string {
	seen := map[string]bool{}
	var out []string
	add := func(all []ecstypes.LoadBalancer) {
		for _, l := range all {
			if arn := aws.ToString(l.TargetGroupArn); arn != "" && !seen[arn] {
				seen[arn], out = true, append(out, arn)
			}
		}
	}
	for _, t := range s.Info.TaskSets {
		add(t.LoadBalancers)
	}
	add(s.Info.LoadBalancers)
	return out
}

// Last is the name at the end of an ARN, or the name itself.
func Last(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
