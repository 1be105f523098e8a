package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// manages tells whether the caller may manage task sets of a service.
func manages(ctx context.Context, v service) bool {
	c := identity.From(ctx)
	if v.Controller == types.DeploymentControllerTypeCodeDeploy {
		return c.Service == "codedeploy.amazonaws.com"
	}
	return v.Controller == types.DeploymentControllerTypeExternal
}

// maxSets is AWS's limit.
const maxSets = 5

func (s *Service) setsOf(tx *store.Tx, v service) []set {
	var out []set
	for _, x := range s.t.sets.All(tx, v.key()+"/") {
		out = append(out, x)
	}
	return out
}

func (s *Service) setOf(tx *store.Tx, v service, ref *string) (set, error) {
	x, ok := s.t.sets.Get(tx, v.key()+"/"+last(aws.ToString(ref)))
	if !ok {
		return set{}, errSet
	}
	return x, nil
}

// CreateTaskSet makes a task set. A repeated external id or token returns the same one.
func (s *Service) CreateTaskSet(ctx context.Context, in *ecs.CreateTaskSetInput, _ ...func(*ecs.Options)) (*ecs.CreateTaskSetOutput, error) {
	var out types.TaskSet
	err := s.Store.Update(func(tx *store.Tx) error {
		v, err := s.serviceOf(tx, in.Cluster, in.Service)
		if err != nil {
			return err
		}
		if v.Status != "ACTIVE" {
			return errServiceActive
		}
		if !manages(ctx, v) {
			return errExternal
		}
		sets := s.setsOf(tx, v)
		for _, x := range sets {
			if t := aws.ToString(in.ClientToken); t != "" && x.Token == t {
				out = s.describeSet(tx, v, x)
				return nil
			}
		}
		if len(sets) >= maxSets {
			return invalid("%d deployments exist on the service. Unable to create new TaskSet since this exceeds the maximum limit.", len(sets))
		}
		d, ok := s.definitionOf(tx, aws.ToString(in.TaskDefinition))
		if !ok {
			return client("TaskDefinition not found.")
		}
		if err := checkBalancers(in.LoadBalancers, d.TaskDefinition); err != nil {
			return err
		}
		now := s.Clock.Now()
		x := set{
			ID: "ecs-svc/" + ids.Digits(19), Service: v.key(), Status: "ACTIVE", Definition: aws.ToString(d.TaskDefinition.TaskDefinitionArn), Scale: 0,
			Balancers: in.LoadBalancers, Network: in.NetworkConfiguration, LaunchType: in.LaunchType, ExternalID: aws.ToString(in.ExternalId),
			Token: aws.ToString(in.ClientToken), Created: now, Updated: now, Tags: in.Tags,
		}
		if v.Controller == types.DeploymentControllerTypeCodeDeploy {
			x.StartedBy = "CODE_DEPLOY"
		}
		if in.Scale != nil {
			x.Scale = in.Scale.Value
		}
		if x.Network == nil {
			x.Network = v.Network
		}
		if x.LaunchType == "" {
			x.LaunchType = v.LaunchType
		}
		s.putSet(tx, x)
		out = s.describeSet(tx, v, x)
		return nil
	})
	s.poke()
	return &ecs.CreateTaskSetOutput{TaskSet: &out}, err
}

// changeSet changes a task set in place.
func (s *Service) changeSet(ctx context.Context, clusterRef, serviceRef, ref *string, f func(tx *store.Tx, v *service, x *set) error) (types.TaskSet, error) {
	var out types.TaskSet
	err := s.Store.Update(func(tx *store.Tx) error {
		v, err := s.serviceOf(tx, clusterRef, serviceRef)
		if err != nil {
			return err
		}
		if !manages(ctx, v) {
			return errExternal
		}
		x, err := s.setOf(tx, v, ref)
		if err != nil {
			return err
		}
		if err := f(tx, &v, &x); err != nil {
			return err
		}
		x.Updated = s.Clock.Now()
		s.putSet(tx, x)
		s.t.services.Put(tx, v.key(), v)
		out = s.describeSet(tx, v, x)
		return nil
	})
	s.poke()
	return out, err
}

// UpdateTaskSet changes the scale.
func (s *Service) UpdateTaskSet(ctx context.Context, in *ecs.UpdateTaskSetInput, _ ...func(*ecs.Options)) (*ecs.UpdateTaskSetOutput, error) {
	out, err := s.changeSet(ctx, in.Cluster, in.Service, in.TaskSet, func(_ *store.Tx, _ *service, x *set) error {
		x.Scale = in.Scale.Value
		return nil
	})
	return &ecs.UpdateTaskSetOutput{TaskSet: &out}, err
}

// DeleteTaskSet drains a task set.
func (s *Service) DeleteTaskSet(ctx context.Context, in *ecs.DeleteTaskSetInput, _ ...func(*ecs.Options)) (*ecs.DeleteTaskSetOutput, error) {
	out, err := s.changeSet(ctx, in.Cluster, in.Service, in.TaskSet, func(_ *store.Tx, _ *service, x *set) error {
		if x.Status == "PRIMARY" {
			return invalid("The task set cannot be deleted because it is the primary task set.")
		}
		if x.Scale != 0 && !aws.ToBool(in.Force) {
			return invalid("The task set cannot be deleted while it is scaled above 0.")
		}
		x.Status, x.Scale = "DRAINING", 0
		return nil
	})
	return &ecs.DeleteTaskSetOutput{TaskSet: &out}, err
}

// UpdateServicePrimaryTaskSet makes a task set the primary one.
func (s *Service) UpdateServicePrimaryTaskSet(ctx context.Context, in *ecs.UpdateServicePrimaryTaskSetInput, _ ...func(*ecs.Options)) (*ecs.UpdateServicePrimaryTaskSetOutput, error) {
	out, err := s.changeSet(ctx, in.Cluster, in.Service, in.PrimaryTaskSet, func(tx *store.Tx, v *service, x *set) error {
		for _, other := range s.setsOf(tx, *v) {
			if other.Status == "PRIMARY" && other.ID != x.ID {
				other.Status, other.Updated = "ACTIVE", s.Clock.Now()
				s.putSet(tx, other)
			}
		}
		x.Status = "PRIMARY"
		v.Definition, v.Balancers = x.Definition, x.Balancers
		return nil
	})
	return &ecs.UpdateServicePrimaryTaskSetOutput{TaskSet: &out}, err
}

// DescribeTaskSets describes the task sets of a service.
func (s *Service) DescribeTaskSets(ctx context.Context, in *ecs.DescribeTaskSetsInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskSetsOutput, error) {
	out := &ecs.DescribeTaskSetsOutput{TaskSets: []types.TaskSet{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		var v service
		if v, err = s.serviceOf(tx, in.Cluster, in.Service); err != nil {
			return
		}
		if !manages(ctx, v) {
			err = errExternal
			return
		}
		for _, x := range s.setsOf(tx, v) {
			out.TaskSets = append(out.TaskSets, s.describeSet(tx, v, x))
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
