package ecs

import (
	"context"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// UpdateService changes a service. Under the ECS controller, what concerns its tasks
// begins a new deployment; under the others, it is refused.
func (s *Service) UpdateService(ctx context.Context, in *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	groups, looked := []elbtypes.TargetGroup(nil), error(nil)
	if len(in.LoadBalancers) > 0 {
		groups, looked = s.groupsOf(ctx, in.LoadBalancers)
	}
	var out types.Service
	var key string
	err := s.Store.Update(func(tx *store.Tx) error {
		v, err := s.serviceOf(tx, in.Cluster, in.Service)
		if err != nil {
			return err
		}
		if v.Status != active {
			return errServiceActive
		}
		if err := refused(in, v); err != nil {
			return err
		}
		if looked != nil {
			return looked
		}
		if err := s.applyUpdate(tx, &v, in, groups); err != nil {
			return err
		}
		s.t.services.Put(tx, v.key(), v)
		out, key = s.describeService(tx, v), v.key()
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.engine.wake(key)
	return &ecs.UpdateServiceOutput{Service: &out}, nil
}

// refused is the error for a change that the service's deployment controller does not
// leave to ECS. That nothing would change by it does not help.
func refused(in *ecs.UpdateServiceInput, v service) error {
	if c := in.DeploymentController; c != nil && c.Type != "" && c.Type != v.Controller {
		return unsupported("The deployment controller of a service cannot be changed. Create another service.")
	}
	if v.rolling() {
		return nil
	}
	where := " on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
	if v.Controller == types.DeploymentControllerTypeExternal {
		where = " on services with an EXTERNAL deployment controller. Use CreateTaskSet to deploy changes."
	}
	for _, c := range []struct {
		what  string
		given bool
	}{
		{"task definition", in.TaskDefinition != nil},
		{"network parameters", in.NetworkConfiguration != nil},
		{"load balancers", in.LoadBalancers != nil},
		{"platform version", in.PlatformVersion != nil},
		{"capacity provider strategy", in.CapacityProviderStrategy != nil},
		{"service registries", in.ServiceRegistries != nil},
		{"volume configurations", in.VolumeConfigurations != nil},
		{"Service Connect configuration", in.ServiceConnectConfiguration != nil},
	} {
		if c.given {
			return invalid("Unable to update %s%s", c.what, where)
		}
	}
	if in.ForceNewDeployment {
		return invalid("Cannot force a new deployment%s", where)
	}
	return nil
}

func (s *Service) applyUpdate(tx *store.Tx, v *service, in *ecs.UpdateServiceInput, groups []elbtypes.TargetGroup) (err error) {
	if v.Config, err = v.configured(v.Config, in.DeploymentConfiguration); err != nil {
		return err
	}
	if in.DesiredCount != nil {
		if v.Scheduling == types.SchedulingStrategyDaemon {
			return invalid("The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again")
		}
		if err := checkDesired(*in.DesiredCount); err != nil {
			return err
		}
		v.Desired = *in.DesiredCount
	}
	if in.HealthCheckGracePeriodSeconds != nil {
		v.Grace = in.HealthCheckGracePeriodSeconds
	}
	assign(&v.Managed, in.EnableECSManagedTags)
	assign(&v.Exec, in.EnableExecuteCommand)
	if in.PropagateTags != "" {
		v.Propagate = in.PropagateTags
	}
	if in.AvailabilityZoneRebalancing != "" {
		v.Rebalance = in.AvailabilityZoneRebalancing
	}
	if in.PlacementConstraints != nil {
		v.Constraints = in.PlacementConstraints
	}
	if in.PlacementStrategy != nil {
		v.Placement = in.PlacementStrategy
	}
	if !v.rolling() {
		return nil
	}
	if v.Grace != nil && len(v.Work.Balancers) == 0 && len(in.LoadBalancers) == 0 {
		return invalid("Health check grace period is only valid for services configured to use load balancers")
	}
	return s.roll(tx, v, in, groups)
}

func assign[T any](at *T, v *T) {
	if v != nil {
		*at = *v
	}
}

// roll begins a deployment if the tasks are to be others than now.
func (s *Service) roll(tx *store.Tx, v *service, in *ecs.UpdateServiceInput, groups []elbtypes.TargetGroup) error {
	w := v.Work
	if in.NetworkConfiguration != nil {
		w.Network = in.NetworkConfiguration
	}
	if in.LoadBalancers != nil {
		w.Balancers = in.LoadBalancers
	}
	if in.ServiceRegistries != nil {
		w.Registries = in.ServiceRegistries
	}
	if in.VolumeConfigurations != nil {
		w.Volumes = in.VolumeConfigurations
	}
	if in.ServiceConnectConfiguration != nil {
		w.Connect = connect(in.ServiceConnectConfiguration)
	}
	if in.CapacityProviderStrategy != nil {
		w.Strategy, w.LaunchType = in.CapacityProviderStrategy, ""
	}
	assign(&w.Platform, in.PlatformVersion)
	if in.TaskDefinition == nil && !in.ForceNewDeployment && reflect.DeepEqual(w, v.Work) {
		return s.checkExec(tx, in, w.Definition)
	}
	c, _ := s.t.clusters.Get(tx, v.Cluster)
	if err := s.resolveAgain(tx, c, &w, in.TaskDefinition, groups); err != nil {
		return err
	}
	if err := s.checkExec(tx, in, w.Definition); err != nil {
		return err
	}
	if !in.ForceNewDeployment && reflect.DeepEqual(w, v.Work) {
		return nil
	}
	v.Work = w
	s.deploy(tx, *v)
	return nil
}

// resolveAgain is resolve for a service that stands: the task definition that it has may
// be INACTIVE by now.
func (s *Service) resolveAgain(tx *store.Tx, c cluster, w *workload, definition *string, groups []elbtypes.TargetGroup) error {
	if definition != nil {
		return s.resolve(tx, c, w, *definition, groups)
	}
	if err := s.checkStrategy(tx, c, w.Strategy); err != nil {
		return err
	}
	d, ok := s.definitionOf(tx, w.Definition)
	if !ok {
		return errDefinition
	}
	if err := checkWorkload(*w, d.TaskDefinition); err != nil {
		return err
	}
	return checkTargetTypes(groups, d.TaskDefinition.NetworkMode)
}

func (s *Service) checkExec(tx *store.Tx, in *ecs.UpdateServiceInput, definition string) error {
	if !aws.ToBool(in.EnableExecuteCommand) {
		return nil
	}
	if d, ok := s.definitionOf(tx, definition); ok && d.TaskDefinition.TaskRoleArn == nil {
		return invalid("The service couldn't be updated because a valid taskRoleArn is not being used. Specify a valid task role in your task definition and try again.")
	}
	return nil
}

// deploy makes the service's workload its primary deployment; those before it go when it
// is steady.
func (s *Service) deploy(tx *store.Tx, v service) {
	sets := s.setsOf(tx, v.key())
	for _, x := range sets {
		if x.Status != primary {
			continue
		}
		x.Status, x.Updated = active, s.Clock.Now()
		if x.State == types.DeploymentRolloutStateInProgress {
			s.changeRollout(tx, x, func(r *rollout) {
				r.end(types.ServiceDeploymentStatusStopped, "A new service deployment was started.", s.Clock.Now())
			})
		}
		s.t.sets.Put(tx, x.key(), x)
	}
	x := s.newSet(v, v.Work)
	x.Status, x.Scale = primary, 100
	s.beginRollout(tx, v, &x, sets)
	s.t.sets.Put(tx, x.key(), x)
}
