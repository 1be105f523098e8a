package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxDescribed = 100
	maxListed    = 100
)

// CreateCluster makes a cluster. One that exists is returned as it is.
func (s *Service) CreateCluster(_ context.Context, in *ecs.CreateClusterInput, _ ...func(*ecs.Options)) (*ecs.CreateClusterOutput, error) {
	name := aws.ToString(in.ClusterName)
	if name == "" {
		name = defaultCluster
	}
	if !nameForm.MatchString(name) {
		return nil, invalid("Invalid cluster name.")
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	var out types.Cluster
	err = s.Store.Update(func(tx *store.Tx) error {
		c, ok := s.t.clusters.Get(tx, name)
		if !ok || c.Status != active {
			c = cluster{
				Name: name, Status: active, Tags: tags, Settings: in.Settings, Configuration: in.Configuration,
				Providers: in.CapacityProviders, Strategy: in.DefaultCapacityProviderStrategy,
			}
			if in.ServiceConnectDefaults != nil {
				c.Namespace = aws.ToString(in.ServiceConnectDefaults.Namespace)
			}
			if err := s.checkStrategy(tx, c, c.Strategy); err != nil {
				return err
			}
			if err := s.checkProviders(tx, c.Providers); err != nil {
				return err
			}
			s.t.clusters.Put(tx, name, c)
		}
		out = s.describeCluster(tx, c, everything)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &ecs.CreateClusterOutput{Cluster: &out}, nil
}

// DescribeClusters describes clusters by name or ARN, default when none is named.
func (s *Service) DescribeClusters(_ context.Context, in *ecs.DescribeClustersInput, _ ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	refs := in.Clusters
	if len(refs) == 0 {
		refs = []string{defaultCluster}
	}
	if len(refs) > maxDescribed {
		return nil, invalid("Clusters cannot have more than %d elements.", maxDescribed)
	}
	out := &ecs.DescribeClustersOutput{Clusters: []types.Cluster{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		for i := range refs {
			var name string
			if name, err = s.clusterName(&refs[i]); err != nil {
				return
			}
			if c, ok := s.t.clusters.Get(tx, name); ok {
				out.Clusters = append(out.Clusters, s.describeCluster(tx, c, in.Include))
			} else {
				out.Failures = append(out.Failures, missing(s.clusterARN(name)))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func missing(arn string) types.Failure {
	return types.Failure{Arn: &arn, Reason: aws.String("MISSING")}
}

// ListClusters lists the ARNs of ACTIVE clusters.
func (s *Service) ListClusters(_ context.Context, in *ecs.ListClustersInput, _ ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	var all []string
	s.Store.View(func(tx *store.Tx) {
		for name, c := range s.t.clusters.All(tx, "") {
			if c.Status == active {
				all = append(all, s.clusterARN(name))
			}
		}
	})
	part, next, err := paged(all, in.NextToken, in.MaxResults, maxListed)
	if err != nil {
		return nil, err
	}
	return &ecs.ListClustersOutput{ClusterArns: part, NextToken: next}, nil
}

// changeCluster changes a stored cluster and returns its description.
func (s *Service) changeCluster(ref *string, f func(*store.Tx, *cluster) error) (*types.Cluster, error) {
	var out types.Cluster
	err := s.Store.Update(func(tx *store.Tx) error {
		c, err := s.clusterOf(tx, ref)
		if err != nil {
			return err
		}
		if err := f(tx, &c); err != nil {
			return err
		}
		s.t.clusters.Put(tx, c.Name, c)
		out = s.describeCluster(tx, c, everything)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// DeleteCluster makes an empty cluster INACTIVE.
func (s *Service) DeleteCluster(_ context.Context, in *ecs.DeleteClusterInput, _ ...func(*ecs.Options)) (*ecs.DeleteClusterOutput, error) {
	c, err := s.changeCluster(in.Cluster, func(tx *store.Tx, c *cluster) error {
		for _, v := range s.t.services.All(tx, c.Name+"/") {
			if v.Status != inactive {
				return &types.ClusterContainsServicesException{Message: aws.String("The Cluster cannot be deleted while Services are active.")}
			}
		}
		for _, t := range s.t.tasks.All(tx, c.Name+"/") {
			if !t.stopped() {
				return &types.ClusterContainsTasksException{Message: aws.String("The Cluster cannot be deleted while Tasks are active.")}
			}
		}
		c.Status = inactive
		return nil
	})
	return &ecs.DeleteClusterOutput{Cluster: c}, err
}

// UpdateCluster changes settings, configuration and the Service Connect default.
func (s *Service) UpdateCluster(_ context.Context, in *ecs.UpdateClusterInput, _ ...func(*ecs.Options)) (*ecs.UpdateClusterOutput, error) {
	c, err := s.changeCluster(in.Cluster, func(_ *store.Tx, c *cluster) error {
		c.Settings = withSettings(c.Settings, in.Settings)
		if in.Configuration != nil {
			c.Configuration = in.Configuration
		}
		if in.ServiceConnectDefaults != nil {
			c.Namespace = aws.ToString(in.ServiceConnectDefaults.Namespace)
		}
		return nil
	})
	return &ecs.UpdateClusterOutput{Cluster: c}, err
}

// UpdateClusterSettings changes settings.
func (s *Service) UpdateClusterSettings(_ context.Context, in *ecs.UpdateClusterSettingsInput, _ ...func(*ecs.Options)) (*ecs.UpdateClusterSettingsOutput, error) {
	c, err := s.changeCluster(in.Cluster, func(_ *store.Tx, c *cluster) error {
		c.Settings = withSettings(c.Settings, in.Settings)
		return nil
	})
	return &ecs.UpdateClusterSettingsOutput{Cluster: c}, err
}

func withSettings(old, changed []types.ClusterSetting) []types.ClusterSetting {
	out := append([]types.ClusterSetting{}, changed...)
	for _, o := range old {
		kept := true
		for _, c := range changed {
			kept = kept && c.Name != o.Name
		}
		if kept {
			out = append(out, o)
		}
	}
	return out
}
