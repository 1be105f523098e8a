package ecs

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxSets     = 5
	codeDeploy  = "codedeploy.amazonaws.com"
	startedByCD = "CODE_DEPLOY"
)

// managesSets tells whether the caller may manage the task sets of a service: anybody's
// are those of an EXTERNAL controller; those of CODE_DEPLOY are CodeDeploy's alone, which
// acts for itself or in a session of a role that it assumed.
func managesSets(ctx context.Context, v service) bool {
	if v.Controller == types.DeploymentControllerTypeCodeDeploy {
		return identity.From(ctx).Service == codeDeploy
	}
	return v.Controller == types.DeploymentControllerTypeExternal
}

// managed finds a service whose task sets the caller manages.
func (s *Service) managed(ctx context.Context, tx *store.Tx, cluster, ref *string) (service, error) {
	v, err := s.serviceOf(tx, cluster, ref)
	switch {
	case err != nil:
		return v, err
	case !managesSets(ctx, v):
		return v, errExternal
	case v.Status != active:
		return v, errServiceActive
	}
	return v, nil
}

// setOf finds a task set of a service by id or ARN.
func (s *Service) setOf(tx *store.Tx, v service, ref string) (set, error) {
	x, ok := s.t.sets.Get(tx, v.key()+"/"+last(ref))
	if !ok {
		return set{}, errSet
	}
	return x, nil
}

// CreateTaskSet makes a task set. A repeated client token returns the same one.
func (s *Service) CreateTaskSet(ctx context.Context, in *ecs.CreateTaskSetInput, _ ...func(*ecs.Options)) (*ecs.CreateTaskSetOutput, error) {
	scale, err := scaleOf(in.Scale)
	if err != nil {
		return nil, err
	}
	groups, looked := s.groupsOf(ctx, in.LoadBalancers)
	var out types.TaskSet
	var key string
	err = s.Store.Update(func(tx *store.Tx) error {
		v, err := s.managed(ctx, tx, in.Cluster, in.Service)
		if err != nil {
			return err
		}
		key = v.key()
		sets := s.setsOf(tx, key)
		if i := slices.IndexFunc(sets, func(x set) bool { return in.ClientToken != nil && x.Token == *in.ClientToken }); i >= 0 {
			out = s.describeOne(tx, v, sets[i])
			return nil
		}
		if len(sets) >= maxSets {
			return invalid("%d deployments exist on the service. Unable to create new TaskSet since this exceeds the maximum limit.", len(sets))
		}
		if looked != nil {
			return looked
		}
		x := s.newSet(v, inherited(in, v))
		c, _ := s.t.clusters.Get(tx, v.Cluster)
		if err := s.resolve(tx, c, &x.Work, aws.ToString(in.TaskDefinition), groups); err != nil {
			return err
		}
		x.Status, x.Scale, x.ExternalID, x.Token = active, scale, aws.ToString(in.ExternalId), aws.ToString(in.ClientToken)
		if x.Tags, err = mergeTags(nil, in.Tags); err != nil {
			return err
		}
		if v.Controller == types.DeploymentControllerTypeCodeDeploy {
			x.StartedBy = startedByCD
		}
		s.t.sets.Put(tx, x.key(), x)
		out = s.describeOne(tx, v, x)
		out.Tags = append([]types.Tag{}, x.Tags...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.engine.wake(key)
	return &ecs.CreateTaskSetOutput{TaskSet: &out}, nil
}

// inherited is a new task set's workload: CodeDeploy's have the service's where the
// appspec says nothing.
func inherited(in *ecs.CreateTaskSetInput, v service) workload {
	w := workload{
		LaunchType: in.LaunchType, Strategy: in.CapacityProviderStrategy, Platform: aws.ToString(in.PlatformVersion),
		Network: in.NetworkConfiguration, Balancers: in.LoadBalancers, Registries: in.ServiceRegistries,
	}
	if v.Controller != types.DeploymentControllerTypeCodeDeploy {
		return w
	}
	if w.LaunchType == "" && len(w.Strategy) == 0 {
		w.LaunchType, w.Strategy = v.Work.LaunchType, v.Work.Strategy
	}
	if w.Network == nil {
		w.Network = v.Work.Network
	}
	if w.Registries == nil {
		w.Registries = v.Work.Registries
	}
	return w
}

func scaleOf(in *types.Scale) (float64, error) {
	if in == nil {
		return 0, nil
	}
	if in.Value < 0 || in.Value > 100 {
		return 0, invalid("The scale value must be between 0 and 100.")
	}
	return in.Value, nil
}

// describeOne describes a set with its counts.
func (s *Service) describeOne(tx *store.Tx, v service, x set) types.TaskSet {
	return s.describeSet(tx, v, x, s.tallies(tx, v)[x.ID])
}

// changeSet changes a stored task set and returns its description.
func (s *Service) changeSet(ctx context.Context, clusterRef, serviceRef, ref *string, f func(tx *store.Tx, v *service, x *set) error) (*types.TaskSet, error) {
	var out types.TaskSet
	var key string
	err := s.Store.Update(func(tx *store.Tx) error {
		v, err := s.managed(ctx, tx, clusterRef, serviceRef)
		if err != nil {
			return err
		}
		x, err := s.setOf(tx, v, aws.ToString(ref))
		if err != nil {
			return err
		}
		if err := f(tx, &v, &x); err != nil {
			return err
		}
		x.Updated = s.Clock.Now()
		s.t.sets.Put(tx, x.key(), x)
		s.t.services.Put(tx, v.key(), v)
		out, key = s.describeOne(tx, v, x), v.key()
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.engine.wake(key)
	return &out, nil
}

// UpdateTaskSet changes a task set's scale.
func (s *Service) UpdateTaskSet(ctx context.Context, in *ecs.UpdateTaskSetInput, _ ...func(*ecs.Options)) (*ecs.UpdateTaskSetOutput, error) {
	if in.Scale == nil {
		return nil, invalid("Scale can not be blank.")
	}
	scale, err := scaleOf(in.Scale)
	if err != nil {
		return nil, err
	}
	x, err := s.changeSet(ctx, in.Cluster, in.Service, in.TaskSet, func(_ *store.Tx, _ *service, x *set) error {
		if x.Status == draining {
			return invalid("The task set cannot be updated because it is being deleted.")
		}
		x.Scale = scale
		return nil
	})
	return &ecs.UpdateTaskSetOutput{TaskSet: x}, err
}

// DeleteTaskSet drains a task set. That again is no error while it lasts.
func (s *Service) DeleteTaskSet(ctx context.Context, in *ecs.DeleteTaskSetInput, _ ...func(*ecs.Options)) (*ecs.DeleteTaskSetOutput, error) {
	x, err := s.changeSet(ctx, in.Cluster, in.Service, in.TaskSet, func(_ *store.Tx, _ *service, x *set) error {
		switch {
		case x.Status == primary:
			return invalid("The task set cannot be deleted because it is the primary task set of the service.")
		case x.Scale != 0 && !aws.ToBool(in.Force):
			return invalid("The task set cannot be deleted while it is scaled above 0.")
		}
		x.Status, x.Scale = draining, 0
		return nil
	})
	return &ecs.DeleteTaskSetOutput{TaskSet: x}, err
}

// UpdateServicePrimaryTaskSet makes a task set the primary one; the service shows what it
// is made of.
func (s *Service) UpdateServicePrimaryTaskSet(ctx context.Context, in *ecs.UpdateServicePrimaryTaskSetInput, _ ...func(*ecs.Options)) (*ecs.UpdateServicePrimaryTaskSetOutput, error) {
	x, err := s.changeSet(ctx, in.Cluster, in.Service, in.PrimaryTaskSet, func(tx *store.Tx, v *service, x *set) error {
		if x.Status == draining {
			return invalid("The task set cannot be the primary one because it is being deleted.")
		}
		for _, other := range s.setsOf(tx, v.key()) {
			if other.Status == primary && other.ID != x.ID {
				other.Status, other.Updated = active, s.Clock.Now()
				s.t.sets.Put(tx, other.key(), other)
			}
		}
		x.Status, v.Work = primary, x.Work
		return nil
	})
	return &ecs.UpdateServicePrimaryTaskSetOutput{TaskSet: x}, err
}

// DescribeTaskSets describes task sets of a service, all when none is named.
func (s *Service) DescribeTaskSets(ctx context.Context, in *ecs.DescribeTaskSetsInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskSetsOutput, error) {
	out := &ecs.DescribeTaskSetsOutput{TaskSets: []types.TaskSet{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		var v service
		if v, err = s.managed(ctx, tx, in.Cluster, in.Service); err != nil {
			return
		}
		sets := s.setsOf(tx, v.key())
		if len(in.TaskSets) > 0 {
			sets = nil
			for _, ref := range in.TaskSets {
				x, err := s.setOf(tx, v, ref)
				if err != nil {
					out.Failures = append(out.Failures, missing(s.setARN(set{Service: v.key(), ID: "ecs-svc/" + last(ref)})))
					continue
				}
				sets = append(sets, x)
			}
		}
		for _, x := range sets {
			d := s.describeOne(tx, v, x)
			d.Tags = shown(x.Tags, in.Include)
			out.TaskSets = append(out.TaskSets, d)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
