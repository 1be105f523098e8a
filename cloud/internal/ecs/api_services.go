package ecs

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) serviceARN(v service) string {
	return s.Place.Of("ecs", "service/"+v.Cluster+"/"+v.Name)
}

func (s *Service) serviceOf(tx *store.Tx, clusterRef, ref *string) (service, error) {
	c, err := s.clusterOf(tx, clusterRef)
	if err != nil {
		return service{}, err
	}
	v, ok := s.t.services.Get(tx, c.Name+"/"+last(aws.ToString(ref)))
	if !ok {
		return service{}, errService
	}
	return v, nil
}

// CreateService makes a service with its first task set.
func (s *Service) CreateService(ctx context.Context, in *ecs.CreateServiceInput, _ ...func(*ecs.Options)) (*ecs.CreateServiceOutput, error) {
	v := service{
		Name: aws.ToString(in.ServiceName), Status: "ACTIVE", Controller: types.DeploymentControllerTypeEcs, Desired: aws.ToInt32(in.DesiredCount),
		Grace: aws.ToInt32(in.HealthCheckGracePeriodSeconds), Balancers: in.LoadBalancers, Network: in.NetworkConfiguration, LaunchType: in.LaunchType,
		Config: in.DeploymentConfiguration, Propagate: in.PropagateTags, Managed: in.EnableECSManagedTags, Tags: in.Tags, Created: s.Clock.Now(),
		CreatedBy: identity.From(ctx).ARN, Token: aws.ToString(in.ClientToken),
	}
	if in.DeploymentController != nil {
		v.Controller = in.DeploymentController.Type
	}
	if err := s.checkService(ctx, in, &v); err != nil {
		return nil, err
	}
	var out types.Service
	err := s.Store.Update(func(tx *store.Tx) error {
		c, err := s.clusterOf(tx, in.Cluster)
		if err != nil {
			return err
		}
		v.Cluster = c.Name
		if old, ok := s.t.services.Get(tx, v.key()); ok && old.Status != "INACTIVE" {
			if v.Token != "" && old.Token == v.Token {
				out = s.describe(tx, old)
				return nil
			}
			return invalid("Creation of service was not idempotent.")
		}
		if v.Controller != types.DeploymentControllerTypeExternal {
			d, ok := s.definitionOf(tx, aws.ToString(in.TaskDefinition))
			if !ok {
				return client("TaskDefinition not found.")
			}
			if err := checkBalancers(v.Balancers, d.TaskDefinition); err != nil {
				return err
			}
			v.Definition = aws.ToString(d.TaskDefinition.TaskDefinitionArn)
			s.putSet(tx, set{ID: "ecs-svc/" + ids.Digits(19), Service: v.key(), Status: "PRIMARY", Definition: v.Definition, Scale: 100, Balancers: v.Balancers, Network: v.Network, LaunchType: v.LaunchType, Created: v.Created, Updated: v.Created})
		}
		s.t.services.Put(tx, v.key(), v)
		out = s.describe(tx, v)
		return nil
	})
	s.poke()
	return &ecs.CreateServiceOutput{Service: &out}, err
}

func (s *Service) putSet(tx *store.Tx, x set) { s.t.sets.Put(tx, x.Service+"/"+last(x.ID), x) }

func (s *Service) checkService(ctx context.Context, in *ecs.CreateServiceInput, v *service) error {
	if !nameForm.MatchString(v.Name) {
		return invalid("Invalid service name.")
	}
	if in.DesiredCount == nil && in.SchedulingStrategy != types.SchedulingStrategyDaemon {
		return invalid("The desiredCount parameter is required when creating a service with the REPLICA scheduling strategy.")
	}
	if v.LaunchType == "" && len(in.CapacityProviderStrategy) == 0 {
		v.LaunchType = types.LaunchTypeEc2
	}
	if v.Controller == types.DeploymentControllerTypeCodeDeploy {
		if v.Config != nil && v.Config.Alarms != nil {
			return invalid("Alarm based rollback feature is only supported with ECS deployment controller. Update to ECS deployment controller and try again.")
		}
		if len(v.Balancers) != 1 {
			return invalid("CODE_DEPLOY deployment controller requires exactly one load balancer.")
		}
	}
	for _, b := range v.Balancers {
		out, err := s.Targets.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{TargetGroupArns: []string{aws.ToString(b.TargetGroupArn)}})
		if err != nil {
			return invalid("The target group %s does not exist.", aws.ToString(b.TargetGroupArn))
		}
		if len(out.TargetGroups) == 0 || len(out.TargetGroups[0].LoadBalancerArns) == 0 {
			return invalid("The target group with targetGroupArn %s does not have an associated load balancer.", aws.ToString(b.TargetGroupArn))
		}
	}
	return nil
}

// checkBalancers checks that containers and ports of load balancers are defined.
func checkBalancers(bs []types.LoadBalancer, td types.TaskDefinition) error {
	for _, b := range bs {
		found := false
		for _, c := range td.ContainerDefinitions {
			if aws.ToString(c.Name) != aws.ToString(b.ContainerName) {
				continue
			}
			found = true
			has := false
			for _, p := range c.PortMappings {
				has = has || aws.ToInt32(p.ContainerPort) == aws.ToInt32(b.ContainerPort)
			}
			if !has {
				return invalid("The container %s did not have a container port %d defined.", aws.ToString(b.ContainerName), aws.ToInt32(b.ContainerPort))
			}
		}
		if !found {
			return invalid("The container %s does not exist in the task definition.", aws.ToString(b.ContainerName))
		}
	}
	return nil
}

// DescribeServices describes up to ten services.
func (s *Service) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if len(in.Services) == 0 {
		return nil, invalid("Services cannot be empty.")
	}
	if len(in.Services) > 10 {
		return nil, invalid("Services list cannot exceed 10.")
	}
	out := &ecs.DescribeServicesOutput{Services: []types.Service{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		for i := range in.Services {
			v, verr := s.serviceOf(tx, in.Cluster, &in.Services[i])
			var none *types.ServiceNotFoundException
			switch {
			case errors.As(verr, &none):
				arn := in.Services[i]
				out.Failures = append(out.Failures, types.Failure{Arn: &arn, Reason: aws.String("MISSING")})
			case verr != nil:
				err = verr
				return
			default:
				out.Services = append(out.Services, s.describe(tx, v))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// UpdateService changes what the controller allows.
func (s *Service) UpdateService(_ context.Context, in *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	var out types.Service
	err := s.Store.Update(func(tx *store.Tx) error {
		v, err := s.serviceOf(tx, in.Cluster, in.Service)
		if err != nil {
			return err
		}
		if v.Status != "ACTIVE" {
			return errServiceActive
		}
		if err := refused(in, v); err != nil {
			return err
		}
		if in.DesiredCount != nil {
			v.Desired = *in.DesiredCount
		}
		if in.HealthCheckGracePeriodSeconds != nil {
			v.Grace = *in.HealthCheckGracePeriodSeconds
		}
		if in.DeploymentConfiguration != nil {
			v.Config = in.DeploymentConfiguration
		}
		if v.Controller == types.DeploymentControllerTypeEcs && (in.TaskDefinition != nil || in.ForceNewDeployment) {
			if err := s.roll(tx, &v, in); err != nil {
				return err
			}
		}
		s.t.services.Put(tx, v.key(), v)
		out = s.describe(tx, v)
		return nil
	})
	s.poke()
	return &ecs.UpdateServiceOutput{Service: &out}, err
}

func refused(in *ecs.UpdateServiceInput, v service) error {
	if v.Controller != types.DeploymentControllerTypeCodeDeploy {
		return nil
	}
	const use = " on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
	switch {
	case in.TaskDefinition != nil:
		return invalid("Unable to update task definition%s", use)
	case in.NetworkConfiguration != nil:
		return invalid("Unable to update network parameters%s", use)
	case in.LoadBalancers != nil:
		return invalid("Unable to update load balancers%s", use)
	case in.ForceNewDeployment:
		return invalid("Cannot force a new deployment%s", use)
	}
	return nil
}

// roll begins a rolling deployment: a new primary set; the old ones go when it is steady.
func (s *Service) roll(tx *store.Tx, v *service, in *ecs.UpdateServiceInput) error {
	ref := v.Definition
	if in.TaskDefinition != nil {
		ref = *in.TaskDefinition
	}
	d, ok := s.definitionOf(tx, ref)
	if !ok {
		return client("TaskDefinition not found.")
	}
	v.Definition = aws.ToString(d.TaskDefinition.TaskDefinitionArn)
	for _, x := range s.t.sets.All(tx, v.key()+"/") {
		if x.Status == "PRIMARY" {
			x.Status = "ACTIVE"
			s.putSet(tx, x)
		}
	}
	now := s.Clock.Now()
	s.putSet(tx, set{ID: "ecs-svc/" + ids.Digits(19), Service: v.key(), Status: "PRIMARY", Definition: v.Definition, Scale: 100, Balancers: v.Balancers, Network: v.Network, LaunchType: v.LaunchType, Created: now, Updated: now})
	return nil
}

// DeleteService drains a service.
func (s *Service) DeleteService(_ context.Context, in *ecs.DeleteServiceInput, _ ...func(*ecs.Options)) (*ecs.DeleteServiceOutput, error) {
	var out types.Service
	err := s.Store.Update(func(tx *store.Tx) error {
		v, err := s.serviceOf(tx, in.Cluster, in.Service)
		if err != nil {
			return err
		}
		if v.Desired > 0 && !aws.ToBool(in.Force) {
			return invalid("The service cannot be stopped while it is scaled above 0.")
		}
		v.Status = "DRAINING"
		for _, x := range s.t.sets.All(tx, v.key()+"/") {
			x.Status = "DRAINING"
			s.putSet(tx, x)
		}
		s.t.services.Put(tx, v.key(), v)
		out = s.describe(tx, v)
		return nil
	})
	s.poke()
	return &ecs.DeleteServiceOutput{Service: &out}, err
}

// ListServices lists ARNs.
func (s *Service) ListServices(_ context.Context, in *ecs.ListServicesInput, _ ...func(*ecs.Options)) (*ecs.ListServicesOutput, error) {
	out := &ecs.ListServicesOutput{ServiceArns: []string{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		var c cluster
		if c, err = s.clusterOf(tx, in.Cluster); err != nil {
			return
		}
		for _, v := range s.active(tx, c.Name) {
			out.ServiceArns = append(out.ServiceArns, s.serviceARN(v))
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) event(v *service, format string, args ...any) {
	m := fmt.Sprintf(format, args...)
	v.Events = append([]types.ServiceEvent{{Id: aws.String(ids.UUID()), CreatedAt: aws.Time(s.Clock.Now()), Message: &m}}, v.Events...)
	v.Events = v.Events[:min(len(v.Events), 100)]
}
