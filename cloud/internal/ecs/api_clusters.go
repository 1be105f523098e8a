package ecs

import (
	"context"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var nameForm = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,255}$`)

func (s *Service) clusterARN(name string) string { return s.Place.Of("ecs", "cluster/"+name) }

// clusterOf resolves a name or ARN; none means default.
func (s *Service) clusterOf(tx *store.Tx, ref *string) (cluster, error) {
	name := last(aws.ToString(ref))
	if name == "" {
		name = "default"
	}
	c, ok := s.t.clusters.Get(tx, name)
	if !ok || c.Status != "ACTIVE" {
		return cluster{}, errCluster
	}
	return c, nil
}

func (s *Service) describeCluster(tx *store.Tx, c cluster) types.Cluster {
	out := types.Cluster{
		ClusterName: aws.String(c.Name), ClusterArn: aws.String(s.clusterARN(c.Name)), Status: aws.String(c.Status), Tags: c.Tags, Settings: c.Settings,
		CapacityProviders: []string{}, DefaultCapacityProviderStrategy: []types.CapacityProviderStrategyItem{}, Statistics: []types.KeyValuePair{},
	}
	for range s.active(tx, c.Name) {
		out.ActiveServicesCount++
	}
	for _, t := range s.t.tasks.All(tx, c.Name+"/") {
		switch {
		case t.State.Status == "RUNNING":
			out.RunningTasksCount++
		case !t.stopped() && t.Desired == "RUNNING":
			out.PendingTasksCount++
		}
	}
	return out
}

func (s *Service) active(tx *store.Tx, cluster string) []service {
	var out []service
	for _, v := range s.t.services.All(tx, cluster+"/") {
		if v.Status == "ACTIVE" {
			out = append(out, v)
		}
	}
	return out
}

// CreateCluster makes a cluster; one that exists is returned.
func (s *Service) CreateCluster(_ context.Context, in *ecs.CreateClusterInput, _ ...func(*ecs.Options)) (*ecs.CreateClusterOutput, error) {
	name := aws.ToString(in.ClusterName)
	if name == "" {
		name = "default"
	}
	if !nameForm.MatchString(name) {
		return nil, invalid("Invalid cluster name.")
	}
	var out types.Cluster
	err := s.Store.Update(func(tx *store.Tx) error {
		c, ok := s.t.clusters.Get(tx, name)
		if !ok || c.Status != "ACTIVE" {
			c = cluster{Name: name, Status: "ACTIVE", Tags: in.Tags, Settings: in.Settings}
			s.t.clusters.Put(tx, name, c)
		}
		out = s.describeCluster(tx, c)
		return nil
	})
	return &ecs.CreateClusterOutput{Cluster: &out}, err
}

// DescribeClusters describes clusters by name or ARN.
func (s *Service) DescribeClusters(_ context.Context, in *ecs.DescribeClustersInput, _ ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	names := in.Clusters
	if len(names) == 0 {
		names = []string{"default"}
	}
	out := &ecs.DescribeClustersOutput{Clusters: []types.Cluster{}, Failures: []types.Failure{}}
	s.Store.View(func(tx *store.Tx) {
		for _, n := range names {
			c, ok := s.t.clusters.Get(tx, last(n))
			if !ok {
				out.Failures = append(out.Failures, types.Failure{Arn: aws.String(s.clusterARN(last(n))), Reason: aws.String("MISSING")})
				continue
			}
			out.Clusters = append(out.Clusters, s.describeCluster(tx, c))
		}
	})
	return out, nil
}

// ListClusters lists cluster ARNs.
func (s *Service) ListClusters(context.Context, *ecs.ListClustersInput, ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	out := &ecs.ListClustersOutput{ClusterArns: []string{}}
	s.Store.View(func(tx *store.Tx) {
		for _, c := range s.t.clusters.All(tx, "") {
			if c.Status == "ACTIVE" {
				out.ClusterArns = append(out.ClusterArns, s.clusterARN(c.Name))
			}
		}
	})
	return out, nil
}

// DeleteCluster makes an empty cluster INACTIVE.
func (s *Service) DeleteCluster(_ context.Context, in *ecs.DeleteClusterInput, _ ...func(*ecs.Options)) (*ecs.DeleteClusterOutput, error) {
	var out types.Cluster
	err := s.Store.Update(func(tx *store.Tx) error {
		c, err := s.clusterOf(tx, in.Cluster)
		if err != nil {
			return err
		}
		if len(s.active(tx, c.Name)) > 0 {
			return &types.ClusterContainsServicesException{Message: aws.String("The Cluster cannot be deleted while Services are active.")}
		}
		c.Status = "INACTIVE"
		s.t.clusters.Put(tx, c.Name, c)
		out = s.describeCluster(tx, c)
		return nil
	})
	return &ecs.DeleteClusterOutput{Cluster: &out}, err
}
