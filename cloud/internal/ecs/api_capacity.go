package ecs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Capacity providers that every account has.
var fargates = []string{"FARGATE", "FARGATE_SPOT"}

// provider finds a capacity provider by name or ARN.
func (s *Service) provider(tx *store.Tx, ref string) (types.CapacityProvider, bool) {
	name, err := s.resource("capacity-provider", ref)
	if err != nil {
		return types.CapacityProvider{}, false
	}
	if slices.Contains(fargates, name) {
		return types.CapacityProvider{
			Name: &name, CapacityProviderArn: aws.String(s.Place.Of("ecs", "capacity-provider/"+name)),
			Status: types.CapacityProviderStatusActive, Type: types.CapacityProviderType(name),
		}, true
	}
	return s.t.providers.Get(tx, name)
}

func (s *Service) checkProviders(tx *store.Tx, names []string) error {
	for _, n := range names {
		if p, ok := s.provider(tx, n); !ok || p.Status != types.CapacityProviderStatusActive {
			return invalid("The specified capacity provider '%s' was not found. Specify a valid name or ARN and try again.", n)
		}
	}
	return nil
}

// checkStrategy holds a strategy against the cluster's capacity providers.
func (s *Service) checkStrategy(tx *store.Tx, c cluster, items []types.CapacityProviderStrategyItem) error {
	bases, weight := 0, int32(0)
	for _, i := range items {
		name := last(aws.ToString(i.CapacityProvider))
		if err := s.checkProviders(tx, []string{name}); err != nil {
			return err
		}
		if !slices.Contains(c.Providers, name) {
			return invalid("The capacity provider '%s' was not associated with the cluster. Associate the capacity provider with the cluster and try again.", name)
		}
		if i.Base > 0 {
			bases++
		}
		weight += i.Weight
	}
	switch {
	case bases > 1:
		return invalid("The capacity provider strategy cannot contain more than one capacity provider with a base.")
	case len(items) > 0 && weight == 0:
		return invalid("The capacity provider strategy must contain at least one capacity provider with a weight greater than 0.")
	}
	return nil
}

// PutClusterCapacityProviders replaces a cluster's capacity providers and default strategy.
func (s *Service) PutClusterCapacityProviders(_ context.Context, in *ecs.PutClusterCapacityProvidersInput, _ ...func(*ecs.Options)) (*ecs.PutClusterCapacityProvidersOutput, error) {
	c, err := s.changeCluster(in.Cluster, func(tx *store.Tx, c *cluster) error {
		if err := s.checkProviders(tx, in.CapacityProviders); err != nil {
			return err
		}
		for _, old := range c.Providers {
			if !slices.Contains(in.CapacityProviders, old) && s.inUse(tx, c.Name, old) {
				return &types.ResourceInUseException{Message: aws.String("The specified capacity provider is in use and cannot be removed.")}
			}
		}
		c.Providers, c.Strategy = in.CapacityProviders, in.DefaultCapacityProviderStrategy
		return s.checkStrategy(tx, *c, c.Strategy)
	})
	return &ecs.PutClusterCapacityProvidersOutput{Cluster: c}, err
}

// inUse tells whether a service of the cluster places tasks by the capacity provider.
func (s *Service) inUse(tx *store.Tx, cluster, provider string) bool {
	for _, v := range s.t.services.All(tx, cluster+"/") {
		for _, i := range v.Work.Strategy {
			if v.Status == active && aws.ToString(i.CapacityProvider) == provider {
				return true
			}
		}
	}
	return false
}

// CreateCapacityProvider records a capacity provider.
func (s *Service) CreateCapacityProvider(_ context.Context, in *ecs.CreateCapacityProviderInput, _ ...func(*ecs.Options)) (*ecs.CreateCapacityProviderOutput, error) {
	name := aws.ToString(in.Name)
	for _, prefix := range []string{"aws", "ecs", "fargate"} {
		if strings.HasPrefix(strings.ToLower(name), prefix) || !nameForm.MatchString(name) {
			return nil, invalid("The specified capacity provider name is invalid. Up to 255 characters are allowed, including letters (upper and lowercase), numbers, underscores, and hyphens. The name cannot be prefixed with \"aws\", \"ecs\", or \"fargate\". Specify a valid name and try again.")
		}
	}
	if in.AutoScalingGroupProvider == nil {
		return nil, unsupported("Only capacity providers of Auto Scaling groups are supported.")
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	p := types.CapacityProvider{
		Name: &name, CapacityProviderArn: aws.String(s.Place.Of("ecs", "capacity-provider/"+name)), Tags: tags,
		Status: types.CapacityProviderStatusActive, AutoScalingGroupProvider: in.AutoScalingGroupProvider, Type: types.CapacityProviderTypeEc2Autoscaling,
	}
	err = s.Store.Update(func(tx *store.Tx) error {
		if old, ok := s.t.providers.Get(tx, name); ok && old.Status == types.CapacityProviderStatusActive {
			return invalid("The specified capacity provider already exists. To change the configuration of an existing capacity provider, update the capacity provider.")
		}
		s.t.providers.Put(tx, name, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecs.CreateCapacityProviderOutput{CapacityProvider: &p}, nil
}

func (s *Service) changeProvider(ref string, f func(*store.Tx, *types.CapacityProvider) error) (*types.CapacityProvider, error) {
	var p types.CapacityProvider
	err := s.Store.Update(func(tx *store.Tx) error {
		var ok bool
		p, ok = s.provider(tx, ref)
		if !ok || p.Status != types.CapacityProviderStatusActive {
			return invalid("The specified capacity provider does not exist. Specify a valid name or ARN and try again.")
		}
		if slices.Contains(fargates, *p.Name) {
			return invalid("The capacity providers FARGATE and FARGATE_SPOT are reserved and cannot be changed or deleted.")
		}
		if err := f(tx, &p); err != nil {
			return err
		}
		s.t.providers.Put(tx, *p.Name, p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &p, nil
}

// UpdateCapacityProvider changes a recorded capacity provider.
func (s *Service) UpdateCapacityProvider(_ context.Context, in *ecs.UpdateCapacityProviderInput, _ ...func(*ecs.Options)) (*ecs.UpdateCapacityProviderOutput, error) {
	p, err := s.changeProvider(aws.ToString(in.Name), func(_ *store.Tx, p *types.CapacityProvider) error {
		u := in.AutoScalingGroupProvider
		if u == nil {
			return invalid("Specify the settings of the Auto Scaling group provider that are to change.")
		}
		changed := *p.AutoScalingGroupProvider
		if u.ManagedScaling != nil {
			changed.ManagedScaling = u.ManagedScaling
		}
		if u.ManagedDraining != "" {
			changed.ManagedDraining = u.ManagedDraining
		}
		if u.ManagedTerminationProtection != "" {
			changed.ManagedTerminationProtection = u.ManagedTerminationProtection
		}
		p.AutoScalingGroupProvider, p.UpdateStatus = &changed, types.CapacityProviderUpdateStatusUpdateComplete
		return nil
	})
	return &ecs.UpdateCapacityProviderOutput{CapacityProvider: p}, err
}

// DeleteCapacityProvider makes a recorded capacity provider INACTIVE.
func (s *Service) DeleteCapacityProvider(_ context.Context, in *ecs.DeleteCapacityProviderInput, _ ...func(*ecs.Options)) (*ecs.DeleteCapacityProviderOutput, error) {
	p, err := s.changeProvider(aws.ToString(in.CapacityProvider), func(tx *store.Tx, p *types.CapacityProvider) error {
		for _, c := range s.t.clusters.All(tx, "") {
			if c.Status == active && slices.Contains(c.Providers, *p.Name) {
				return client("The capacity provider cannot be deleted because it is associated with cluster: %s. Remove the capacity provider from the cluster and try again.", c.Name)
			}
		}
		p.Status, p.UpdateStatus = types.CapacityProviderStatusInactive, types.CapacityProviderUpdateStatusDeleteComplete
		return nil
	})
	return &ecs.DeleteCapacityProviderOutput{CapacityProvider: p}, err
}

// DescribeCapacityProviders describes capacity providers, all when none is named.
func (s *Service) DescribeCapacityProviders(_ context.Context, in *ecs.DescribeCapacityProvidersInput, _ ...func(*ecs.Options)) (*ecs.DescribeCapacityProvidersOutput, error) {
	out := &ecs.DescribeCapacityProvidersOutput{CapacityProviders: []types.CapacityProvider{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		names := in.CapacityProviders
		if len(names) == 0 {
			names = slices.Clone(fargates)
			for n := range s.t.providers.All(tx, "") {
				names = append(names, n)
			}
			if names, out.NextToken, err = paged(names, in.NextToken, in.MaxResults, 10); err != nil {
				return
			}
		}
		for _, n := range names {
			p, ok := s.provider(tx, n)
			if !ok {
				out.Failures = append(out.Failures, missing(s.Place.Of("ecs", "capacity-provider/"+last(n))))
				continue
			}
			p.Tags = append([]types.Tag{}, shown(p.Tags, in.Include)...)
			out.CapacityProviders = append(out.CapacityProviders, p)
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
