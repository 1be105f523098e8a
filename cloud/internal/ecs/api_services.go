package ecs

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxDescribedServices = 10
	maxListedServices    = 100
)

// DescribeServices describes up to ten services of a cluster.
func (s *Service) DescribeServices(_ context.Context, in *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if len(in.Services) == 0 {
		return nil, invalid("Services cannot be empty.")
	}
	if len(in.Services) > maxDescribedServices {
		return nil, invalid("Services cannot have more than %d elements.", maxDescribedServices)
	}
	out := &ecs.DescribeServicesOutput{Services: []types.Service{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		var c cluster
		if c, err = s.clusterOf(tx, in.Cluster); err != nil {
			return
		}
		for _, ref := range in.Services {
			var v service
			v, err = s.serviceIn(tx, c, ref)
			switch {
			case err == nil:
				d := s.describeService(tx, v)
				d.Tags = shown(v.Tags, in.Include)
				out.Services = append(out.Services, d)
			case errors.Is(err, errService):
				out.Failures = append(out.Failures, missing(s.Place.Of("ecs", "service/"+c.Name+"/"+last(ref))))
				err = nil
			default:
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ListServices lists the ARNs of services that are not INACTIVE.
func (s *Service) ListServices(_ context.Context, in *ecs.ListServicesInput, _ ...func(*ecs.Options)) (*ecs.ListServicesOutput, error) {
	var all []string
	var err error
	s.Store.View(func(tx *store.Tx) {
		var c cluster
		if c, err = s.clusterOf(tx, in.Cluster); err != nil {
			return
		}
		for _, v := range s.t.services.All(tx, c.Name+"/") {
			if v.Status != inactive && (in.LaunchType == "" || v.Work.LaunchType == in.LaunchType) &&
				(in.SchedulingStrategy == "" || v.Scheduling == in.SchedulingStrategy) {
				all = append(all, s.serviceARN(v))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	size := in.MaxResults
	if size == nil {
		size = aws.Int32(10)
	}
	part, next, err := paged(all, in.NextToken, size, maxListedServices)
	if err != nil {
		return nil, err
	}
	return &ecs.ListServicesOutput{ServiceArns: part, NextToken: next}, nil
}

// ListServicesByNamespace lists the services that Service Connect puts into a namespace.
func (s *Service) ListServicesByNamespace(_ context.Context, in *ecs.ListServicesByNamespaceInput, _ ...func(*ecs.Options)) (*ecs.ListServicesByNamespaceOutput, error) {
	want := last(aws.ToString(in.Namespace))
	var all []string
	s.Store.View(func(tx *store.Tx) {
		for _, v := range s.t.services.All(tx, "") {
			if n := v.Work.Connect; v.Status == active && n != nil && last(aws.ToString(n.Namespace)) == want {
				all = append(all, s.serviceARN(v))
			}
		}
	})
	part, next, err := paged(all, in.NextToken, in.MaxResults, maxListedServices)
	if err != nil {
		return nil, err
	}
	return &ecs.ListServicesByNamespaceOutput{ServiceArns: part, NextToken: next}, nil
}

// DeleteService drains a service: its tasks leave their target groups and stop, then it is
// INACTIVE.
func (s *Service) DeleteService(_ context.Context, in *ecs.DeleteServiceInput, _ ...func(*ecs.Options)) (*ecs.DeleteServiceOutput, error) {
	var out types.Service
	var key string
	err := s.Store.Update(func(tx *store.Tx) error {
		v, err := s.serviceOf(tx, in.Cluster, in.Service)
		switch {
		case err != nil:
			return err
		case v.Status == inactive:
			return errService
		case v.Status == active && !aws.ToBool(in.Force):
			if err := s.checkDeletable(tx, v); err != nil {
				return err
			}
		}
		v.Status, v.Desired = draining, 0
		for _, x := range s.setsOf(tx, v.key()) {
			x.Status, x.Scale, x.Updated = draining, 0, s.Clock.Now()
			s.t.sets.Put(tx, x.key(), x)
		}
		s.t.services.Put(tx, v.key(), v)
		out, key = s.describeService(tx, v), v.key()
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.engine.wake(key)
	return &ecs.DeleteServiceOutput{Service: &out}, nil
}

func (s *Service) checkDeletable(tx *store.Tx, v service) error {
	if v.Scheduling == types.SchedulingStrategyDaemon {
		return nil
	}
	sets := s.setsOf(tx, v.key())
	switch {
	case v.Desired > 0 && (v.rolling() || len(sets) > 0):
		return invalid("The service cannot be stopped while it is scaled above 0.")
	case v.rolling() && len(sets) > 1:
		return invalid("The service cannot be stopped while deployments are active.")
	case v.Controller == types.DeploymentControllerTypeExternal && len(sets) > 0:
		return invalid("The service cannot be stopped while it has task sets. Delete them first, or use force.")
	}
	return nil
}

// forgetService deletes all that hangs on a service's key, but for its tasks.
func (s *Service) forgetService(tx *store.Tx, key string) {
	s.t.services.Delete(tx, key)
	deleteAll(tx, s.t.sets, key)
	deleteAll(tx, s.t.events, key)
	deleteAll(tx, s.t.rollouts, key)
	deleteAll(tx, s.t.revisions, key)
}

func deleteAll[T any](tx *store.Tx, t store.Table[T], key string) {
	for k := range t.All(tx, key+"/") {
		t.Delete(tx, k)
	}
}

// when is nil for a time that has not come.
func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
