package ecs

import (
	"cmp"
	"math"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// serviceRole is the service-linked role by which ECS registers targets.
const serviceRole = "role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"

// fargateVersion is what LATEST means.
const fargateVersion = "1.4.0"

// setsOf are a service's sets: the primary first, then newest first.
func (s *Service) setsOf(tx *store.Tx, key string) []set {
	var out []set
	for _, x := range s.t.sets.All(tx, key+"/") {
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b set) int {
		if (a.Status == primary) != (b.Status == primary) {
			return cmp.Compare(rank(a), rank(b))
		}
		return b.Created.Compare(a.Created)
	})
	return out
}

func rank(x set) int {
	if x.Status == primary {
		return 0
	}
	return 1
}

// wanted is how many tasks a set should have.
func wanted(v service, x set) int {
	if v.Status != active || x.Status == draining || v.Scheduling == types.SchedulingStrategyDaemon {
		return 0 // a daemon runs once on each container instance, of which there are none
	}
	if v.rolling() && x.Status != primary {
		return 0
	}
	return int(math.Ceil(float64(v.Desired) * x.Scale / 100))
}

// tally is how many tasks run, and how many are on the way.
type tally struct{ running, pending int32 }

// tallies counts a service's tasks by set.
func (s *Service) tallies(tx *store.Tx, v service) map[string]tally {
	out := map[string]tally{}
	for _, t := range s.t.tasks.All(tx, v.Cluster+"/") {
		if t.Service != v.key() || t.stopped() {
			continue
		}
		n := out[t.Set]
		switch {
		case t.running():
			n.running++
		case t.alive():
			n.pending++
		}
		out[t.Set] = n
	}
	return out
}

// describeService describes a service without its tags.
func (s *Service) describeService(tx *store.Tx, v service) types.Service {
	config := v.Config
	out := types.Service{
		ServiceName: aws.String(v.Name), ServiceArn: aws.String(s.serviceARN(v)), ClusterArn: aws.String(s.clusterARN(v.Cluster)), Status: aws.String(v.Status),
		DesiredCount: v.Desired, DeploymentController: &types.DeploymentController{Type: v.Controller}, DeploymentConfiguration: &config,
		SchedulingStrategy: v.Scheduling, HealthCheckGracePeriodSeconds: v.Grace, CreatedAt: aws.Time(v.Created), CreatedBy: aws.String(v.CreatedBy),
		EnableECSManagedTags: v.Managed, EnableExecuteCommand: v.Exec, PropagateTags: v.Propagate, AvailabilityZoneRebalancing: v.Rebalance,
		Events: s.eventsOf(tx, v.key()), Deployments: []types.Deployment{}, PlacementConstraints: orEmpty(v.Constraints), PlacementStrategy: orEmpty(v.Placement),
		LoadBalancers: orEmpty(v.Work.Balancers), ServiceRegistries: orEmpty(v.Work.Registries), NetworkConfiguration: v.Work.Network,
		LaunchType: v.Work.LaunchType, CapacityProviderStrategy: v.Work.Strategy, TaskDefinition: optional(v.Work.Definition), PlatformVersion: optional(v.Work.Platform),
		ResourceManagementType: types.ResourceManagementTypeCustomer,
	}
	if usesFargate(v.Work) {
		out.PlatformFamily = aws.String(s.platform(tx, v.Work))
	}
	if len(v.Work.Balancers) > 0 {
		out.RoleArn = aws.String(s.Place.Global("iam", serviceRole))
		fill(&out.HealthCheckGracePeriodSeconds, 0)
	}
	counts := s.tallies(tx, v)
	for _, x := range s.setsOf(tx, v.key()) {
		n := counts[x.ID]
		out.RunningCount += n.running
		out.PendingCount += n.pending
		if v.rolling() {
			out.Deployments = append(out.Deployments, s.describeDeployment(tx, v, x, n))
		} else {
			out.TaskSets = append(out.TaskSets, s.describeSet(tx, v, x, n))
		}
	}
	if v.rolling() {
		s.describeCurrent(tx, v, &out, counts)
	}
	return out
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// platform is the operating system family of a workload's tasks.
func (s *Service) platform(tx *store.Tx, w workload) string {
	d, _ := s.definitionOf(tx, w.Definition)
	if p := d.TaskDefinition.RuntimePlatform; p != nil && p.OperatingSystemFamily != "" && p.OperatingSystemFamily != types.OSFamilyLinux {
		return string(p.OperatingSystemFamily)
	}
	return "Linux"
}

func platformVersion(w workload) *string {
	if !usesFargate(w) {
		return nil
	}
	if w.Platform == "" || w.Platform == "LATEST" {
		return aws.String(fargateVersion)
	}
	return &w.Platform
}

func (s *Service) describeSet(tx *store.Tx, v service, x set, n tally) types.TaskSet {
	out := types.TaskSet{
		Id: aws.String(x.ID), TaskSetArn: aws.String(s.setARN(x)), ServiceArn: aws.String(s.serviceARN(v)), ClusterArn: aws.String(s.clusterARN(v.Cluster)),
		Status: aws.String(x.Status), TaskDefinition: aws.String(x.Work.Definition), ComputedDesiredCount: int32(wanted(v, x)),
		RunningCount: n.running, PendingCount: n.pending, CreatedAt: aws.Time(x.Created), UpdatedAt: aws.Time(x.Updated),
		LaunchType: x.Work.LaunchType, CapacityProviderStrategy: x.Work.Strategy, PlatformVersion: platformVersion(x.Work),
		LoadBalancers: orEmpty(x.Work.Balancers), ServiceRegistries: orEmpty(x.Work.Registries), NetworkConfiguration: x.Work.Network,
		Scale:           &types.Scale{Unit: types.ScaleUnitPercent, Value: x.Scale},
		StabilityStatus: types.StabilityStatusStabilizing, StabilityStatusAt: aws.Time(x.SteadyAt),
		ExternalId: optional(x.ExternalID), StartedBy: optional(x.StartedBy),
	}
	if x.Steady {
		out.StabilityStatus = types.StabilityStatusSteadyState
	}
	if usesFargate(x.Work) {
		out.PlatformFamily = aws.String(s.platform(tx, x.Work))
	}
	return out
}

func (s *Service) describeDeployment(tx *store.Tx, v service, x set, n tally) types.Deployment {
	out := types.Deployment{
		Id: aws.String(x.ID), Status: aws.String(x.Status), TaskDefinition: aws.String(x.Work.Definition), DesiredCount: int32(deploymentCount(v, x, n)),
		RunningCount: n.running, PendingCount: n.pending, FailedTasks: x.Failed, CreatedAt: aws.Time(x.Created), UpdatedAt: aws.Time(x.Updated),
		LaunchType: x.Work.LaunchType, CapacityProviderStrategy: x.Work.Strategy, PlatformVersion: platformVersion(x.Work), NetworkConfiguration: x.Work.Network,
		RolloutState: x.State, RolloutStateReason: optional(x.Reason), ServiceConnectConfiguration: x.Work.Connect, VolumeConfigurations: x.Work.Volumes,
	}
	if usesFargate(x.Work) {
		out.PlatformFamily = aws.String(s.platform(tx, x.Work))
	}
	return out
}

// deploymentCount is what a deployment's desired count says: the primary's is the
// service's, one that goes has as many as are left, one that failed starts no more.
func deploymentCount(v service, x set, n tally) int {
	switch {
	case x.State == types.DeploymentRolloutStateFailed:
		return 0
	case x.Status == primary:
		return wanted(v, x)
	case x.Status == draining:
		return 0
	}
	return int(n.running + n.pending)
}
