package ecs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// caller is who a call is by, as createdBy and registeredBy tell it.
func (s *Service) caller(ctx context.Context) string {
	switch c := identity.From(ctx); {
	case c.RoleARN != "":
		return c.RoleARN
	case c.ARN != "":
		return c.ARN
	}
	return s.rootARN()
}

// CreateService makes a service with its first task set or deployment. The same request
// again returns the service that it made.
func (s *Service) CreateService(ctx context.Context, in *ecs.CreateServiceInput, _ ...func(*ecs.Options)) (*ecs.CreateServiceOutput, error) {
	v, err := s.newService(ctx, in)
	if err != nil {
		return nil, err
	}
	groups, err := s.groupsOf(ctx, in.LoadBalancers)
	if err != nil {
		return nil, err
	}
	var out types.Service
	err = s.Store.Update(func(tx *store.Tx) error {
		c, err := s.clusterFor(tx, in.Cluster)
		if err != nil {
			return err
		}
		v := v
		v.Cluster = c.Name
		if old, ok := s.t.services.Get(tx, v.key()); ok && old.Status != inactive {
			out, err = s.again(tx, old, v)
			return err
		}
		if v.Controller != types.DeploymentControllerTypeExternal {
			if err := s.resolve(tx, c, &v.Work, aws.ToString(in.TaskDefinition), groups); err != nil {
				return err
			}
		}
		s.forgetService(tx, v.key()) // the remains of a namesake
		if v.Controller != types.DeploymentControllerTypeExternal {
			s.firstSet(tx, v)
		}
		s.t.services.Put(tx, v.key(), v)
		out = s.describeService(tx, v)
		out.Tags = append([]types.Tag{}, v.Tags...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.engine.wake(last(*out.ClusterArn) + "/" + *out.ServiceName)
	return &ecs.CreateServiceOutput{Service: &out}, nil
}

// again answers a request to make a service that stands.
func (s *Service) again(tx *store.Tx, old, v service) (types.Service, error) {
	switch {
	case old.Status == draining:
		return types.Service{}, invalid("Unable to Start a service that is still Draining.")
	case (v.Token != "" && v.Token == old.Token) || v.Request == old.Request:
		return s.describeService(tx, old), nil
	}
	return types.Service{}, invalid("Creation of service was not idempotent.")
}

// resolve finds the task definition of a workload and checks that they fit together.
func (s *Service) resolve(tx *store.Tx, c cluster, w *workload, definition string, groups []elbtypes.TargetGroup) error {
	td, err := s.startable(tx, definition)
	if err != nil {
		return err
	}
	w.Definition = *td.TaskDefinitionArn
	if len(w.Strategy) == 0 && w.LaunchType == "" {
		if w.Strategy = c.Strategy; len(w.Strategy) == 0 {
			w.LaunchType = types.LaunchTypeEc2
		}
	}
	if err := s.checkStrategy(tx, c, w.Strategy); err != nil {
		return err
	}
	if w.Platform == "" && usesFargate(*w) {
		w.Platform = "LATEST"
	}
	if err := checkWorkload(*w, td); err != nil {
		return err
	}
	return checkTargetTypes(groups, td.NetworkMode)
}

// firstSet makes a service's primary task set, or first deployment.
func (s *Service) firstSet(tx *store.Tx, v service) {
	x := s.newSet(v, v.Work)
	x.Status, x.Scale = primary, 100
	if v.rolling() {
		s.beginRollout(tx, v, &x, nil)
	}
	s.t.sets.Put(tx, x.key(), x)
}

func (s *Service) newSet(v service, w workload) set {
	now := s.Clock.Now()
	return set{ID: "ecs-svc/" + ids.Digits(19), Service: v.key(), Work: w, Created: now, Updated: now, SteadyAt: now}
}

// newService reads a request into a row, with defaults, and refuses what no cluster and no
// task definition could make right.
func (s *Service) newService(ctx context.Context, in *ecs.CreateServiceInput) (service, error) {
	v := service{
		Name: aws.ToString(in.ServiceName), Status: active, Controller: types.DeploymentControllerTypeEcs, Scheduling: in.SchedulingStrategy,
		Desired: aws.ToInt32(in.DesiredCount), Grace: in.HealthCheckGracePeriodSeconds, Constraints: in.PlacementConstraints, Placement: in.PlacementStrategy,
		Propagate: in.PropagateTags, Managed: in.EnableECSManagedTags, Exec: in.EnableExecuteCommand, Rebalance: in.AvailabilityZoneRebalancing,
		Created: s.Clock.Now(), CreatedBy: s.caller(ctx), Token: aws.ToString(in.ClientToken), Request: digest(in),
		Work: workload{
			LaunchType: in.LaunchType, Strategy: in.CapacityProviderStrategy, Platform: aws.ToString(in.PlatformVersion), Network: in.NetworkConfiguration,
			Balancers: in.LoadBalancers, Registries: in.ServiceRegistries, Volumes: in.VolumeConfigurations, Connect: connect(in.ServiceConnectConfiguration),
		},
	}
	if in.DeploymentController != nil && in.DeploymentController.Type != "" {
		v.Controller = in.DeploymentController.Type
	}
	if v.Scheduling == "" {
		v.Scheduling = types.SchedulingStrategyReplica
	}
	if v.Rebalance == "" {
		v.Rebalance = types.AvailabilityZoneRebalancingDisabled
	}
	if v.Propagate == "" {
		v.Propagate = types.PropagateTagsNone
	}
	var err error
	if v.Tags, err = mergeTags(nil, in.Tags); err != nil {
		return v, err
	}
	if err := checkService(in, v); err != nil {
		return v, err
	}
	v.Config, err = v.configured(types.DeploymentConfiguration{}, in.DeploymentConfiguration)
	return v, err
}

func checkService(in *ecs.CreateServiceInput, v service) error {
	external := v.Controller == types.DeploymentControllerTypeExternal
	switch {
	case !nameForm.MatchString(v.Name):
		return invalid("Invalid service name.")
	case in.TaskDefinition == nil && !external:
		return invalid("TaskDefinition can not be blank.")
	case in.TaskDefinition != nil && external:
		return invalid("The task definition cannot be specified when the EXTERNAL deployment controller is used. Specify it when creating a task set.")
	case v.Scheduling == types.SchedulingStrategyDaemon && in.DesiredCount != nil:
		return invalid("The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again")
	case v.Scheduling == types.SchedulingStrategyDaemon && !v.rolling():
		return invalid("The daemon scheduling strategy is only supported with the ECS deployment controller.")
	case v.Scheduling == types.SchedulingStrategyDaemon && usesFargate(v.Work):
		return invalid("The daemon scheduling strategy is not supported with the Fargate launch type.")
	case v.Scheduling == types.SchedulingStrategyReplica && in.DesiredCount == nil && !external:
		return invalid("The desiredCount parameter is required when using the REPLICA scheduling strategy. Specify a desired count and try again.")
	case checkDesired(v.Desired) != nil:
		return checkDesired(v.Desired)
	case v.Grace != nil && len(in.LoadBalancers) == 0 && !external:
		return invalid("Health check grace period is only valid for services configured to use load balancers")
	case v.Controller == types.DeploymentControllerTypeCodeDeploy && len(in.LoadBalancers) != 1:
		return invalid("The CODE_DEPLOY deployment controller requires exactly one load balancer. Specify one target group and try again.")
	case external && (len(in.LoadBalancers) > 0 || in.NetworkConfiguration != nil || in.LaunchType != "" || in.PlatformVersion != nil):
		return invalid("Load balancers, network configuration, launch type and platform version cannot be specified when the EXTERNAL deployment controller is used. Specify them when creating a task set.")
	case !slices.Contains(v.Controller.Values(), v.Controller):
		return invalid("Unsupported deployment controller type: %s", v.Controller)
	}
	return nil
}

// serviceTasks is AWS's quota of tasks in a service, beyond which nothing here would end either.
const serviceTasks = 5000

func checkDesired(n int32) error {
	switch {
	case n < 0:
		return invalid("desiredCount cannot be less than 0.")
	case n > serviceTasks:
		return invalid("desiredCount cannot be greater than %d, the quota of tasks in a service.", serviceTasks)
	}
	return nil
}

// digest tells requests apart but for their client tokens.
func digest(in *ecs.CreateServiceInput) string {
	same := *in
	same.ClientToken = nil
	b, err := json.Marshal(same)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// connect drops the per-container settings, which are a union that rows cannot hold.
func connect(c *types.ServiceConnectConfiguration) *types.ServiceConnectConfiguration {
	if c == nil {
		return nil
	}
	kept := *c
	kept.ContainerConfigurations = nil
	return &kept
}
