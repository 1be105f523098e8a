package ecs

import (
	"math"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// wanted is how many tasks a set should have.
func wanted(v service, x set) int32 {
	if v.Status != "ACTIVE" || x.Status == "DRAINING" {
		return 0
	}
	return int32(math.Ceil(float64(v.Desired) * x.Scale / 100))
}

func (s *Service) count(tx *store.Tx, v service, x set) (running, pending int32) {
	for _, t := range s.t.tasks.All(tx, v.Cluster+"/") {
		if t.Service != v.key() || t.Set != x.ID || t.stopped() {
			continue
		}
		switch {
		case t.State.Status == "RUNNING" && t.Desired == "RUNNING":
			running++
		case t.Desired == "RUNNING":
			pending++
		}
	}
	return running, pending
}

func (s *Service) describe(tx *store.Tx, v service) types.Service {
	out := types.Service{
		ServiceName: aws.String(v.Name), ServiceArn: aws.String(s.serviceARN(v)), ClusterArn: aws.String(s.clusterARN(v.Cluster)), Status: aws.String(v.Status),
		DesiredCount: v.Desired, DeploymentController: &types.DeploymentController{Type: v.Controller}, DeploymentConfiguration: v.Config,
		LoadBalancers: v.Balancers, NetworkConfiguration: v.Network, LaunchType: v.LaunchType, TaskDefinition: aws.String(v.Definition),
		SchedulingStrategy: types.SchedulingStrategyReplica, HealthCheckGracePeriodSeconds: aws.Int32(v.Grace), CreatedAt: aws.Time(v.Created), CreatedBy: aws.String(v.CreatedBy),
		EnableECSManagedTags: v.Managed, PropagateTags: v.Propagate, Events: v.Events, Tags: v.Tags, Deployments: []types.Deployment{},
		PlacementConstraints: []types.PlacementConstraint{}, PlacementStrategy: []types.PlacementStrategy{}, ServiceRegistries: []types.ServiceRegistry{},
	}
	if out.DeploymentConfiguration == nil {
		out.DeploymentConfiguration = &types.DeploymentConfiguration{MaximumPercent: aws.Int32(200), MinimumHealthyPercent: aws.Int32(100)}
	}
	if v.LaunchType == types.LaunchTypeFargate {
		out.PlatformVersion, out.PlatformFamily = aws.String("LATEST"), aws.String("Linux")
	}
	for _, x := range s.t.sets.All(tx, v.key()+"/") {
		ts := s.describeSet(tx, v, x)
		out.RunningCount += ts.RunningCount
		out.PendingCount += ts.PendingCount
		if v.Controller == types.DeploymentControllerTypeEcs {
			out.Deployments = append(out.Deployments, deployment(ts))
			continue
		}
		out.TaskSets = append(out.TaskSets, ts)
		if x.Status == "PRIMARY" {
			out.TaskDefinition, out.LoadBalancers, out.NetworkConfiguration = ts.TaskDefinition, x.Balancers, x.Network
		}
	}
	return out
}

func deployment(t types.TaskSet) types.Deployment {
	state := types.DeploymentRolloutStateInProgress
	if t.StabilityStatus == types.StabilityStatusSteadyState {
		state = types.DeploymentRolloutStateCompleted
	}
	return types.Deployment{
		Id: t.Id, Status: t.Status, TaskDefinition: t.TaskDefinition, DesiredCount: t.ComputedDesiredCount, RunningCount: t.RunningCount, PendingCount: t.PendingCount,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, LaunchType: t.LaunchType, NetworkConfiguration: t.NetworkConfiguration, RolloutState: state,
	}
}

func (s *Service) describeSet(tx *store.Tx, v service, x set) types.TaskSet {
	running, pending := s.count(tx, v, x)
	out := types.TaskSet{
		Id: aws.String(x.ID), TaskSetArn: aws.String(s.Place.Of("ecs", "task-set/"+v.Cluster+"/"+v.Name+"/"+x.ID)), ServiceArn: aws.String(s.serviceARN(v)),
		ClusterArn: aws.String(s.clusterARN(v.Cluster)), Status: aws.String(x.Status), TaskDefinition: aws.String(x.Definition),
		ComputedDesiredCount: wanted(v, x), RunningCount: running, PendingCount: pending, CreatedAt: aws.Time(x.Created), UpdatedAt: aws.Time(x.Updated),
		LaunchType: x.LaunchType, LoadBalancers: x.Balancers, NetworkConfiguration: x.Network, Scale: &types.Scale{Unit: types.ScaleUnitPercent, Value: x.Scale},
		StabilityStatus: types.StabilityStatusStabilizing, StabilityStatusAt: aws.Time(x.SteadyAt), ServiceRegistries: []types.ServiceRegistry{}, Tags: x.Tags,
	}
	if x.Steady {
		out.StabilityStatus = types.StabilityStatusSteadyState
	}
	if x.ExternalID != "" {
		out.ExternalId = aws.String(x.ExternalID)
	}
	if x.StartedBy != "" {
		out.StartedBy = aws.String(x.StartedBy)
	}
	if x.LaunchType == types.LaunchTypeFargate {
		out.PlatformVersion, out.PlatformFamily = aws.String("1.4.0"), aws.String("Linux")
	}
	return out
}
