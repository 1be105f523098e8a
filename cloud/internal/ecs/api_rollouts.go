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

const maxDescribedRollouts = 20

func (s *Service) rolloutARN(r rollout) string {
	return s.Place.Of("ecs", "service-deployment/"+r.Service+"/"+r.ID)
}

func (s *Service) revisionARN(service, id string) string {
	return s.Place.Of("ecs", "service-revision/"+service+"/"+id)
}

// describeCurrent adds what is rolled out now to a service's description.
func (s *Service) describeCurrent(tx *store.Tx, v service, out *types.Service, counts map[string]tally) {
	for _, x := range s.setsOf(tx, v.key()) {
		r, ok := s.t.rollouts.Get(tx, v.key()+"/"+x.Rollout)
		if !ok {
			continue
		}
		if x.Status == primary && !r.over() {
			out.CurrentServiceDeployment = aws.String(s.rolloutARN(r))
		}
		n := counts[x.ID]
		out.CurrentServiceRevisions = append(out.CurrentServiceRevisions, types.ServiceCurrentRevisionSummary{
			Arn: aws.String(s.revisionARN(v.key(), r.Target)), RequestedTaskCount: int32(deploymentCount(v, x, n)), RunningTaskCount: n.running, PendingTaskCount: n.pending,
		})
	}
}

// rolloutsOf are a service's deployments, newest first.
func (s *Service) rolloutsOf(tx *store.Tx, key string) []rollout {
	var all []rollout
	for _, r := range s.t.rollouts.All(tx, key+"/") {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b rollout) int { return b.Created.Compare(a.Created) })
	return all
}

// ListServiceDeployments lists a service's deployments, newest first.
func (s *Service) ListServiceDeployments(_ context.Context, in *ecs.ListServiceDeploymentsInput, _ ...func(*ecs.Options)) (*ecs.ListServiceDeploymentsOutput, error) {
	found := map[string]rollout{}
	var all []string
	var err error
	s.Store.View(func(tx *store.Tx) {
		var v service
		if v, err = s.serviceOf(tx, in.Cluster, in.Service); err != nil {
			return
		}
		if !v.rolling() {
			err = unsupported("Service deployments are only supported with the ECS deployment controller.")
			return
		}
		for _, r := range s.rolloutsOf(tx, v.key()) {
			if asked(in, r) {
				all = append(all, s.rolloutARN(r))
				found[s.rolloutARN(r)] = r
			}
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := paged(all, in.NextToken, in.MaxResults, maxListed)
	if err != nil {
		return nil, err
	}
	out := &ecs.ListServiceDeploymentsOutput{ServiceDeployments: []types.ServiceDeploymentBrief{}, NextToken: next}
	for _, ref := range part {
		out.ServiceDeployments = append(out.ServiceDeployments, s.brief(found[ref]))
	}
	return out, nil
}

func asked(in *ecs.ListServiceDeploymentsInput, r rollout) bool {
	if c := in.CreatedAt; c != nil && (c.After != nil && r.Created.Before(*c.After) || c.Before != nil && r.Created.After(*c.Before)) {
		return false
	}
	return len(in.Status) == 0 || slices.Contains(in.Status, r.Status)
}

func (s *Service) brief(r rollout) types.ServiceDeploymentBrief {
	cluster, _, _ := strings.Cut(r.Service, "/")
	return types.ServiceDeploymentBrief{
		ServiceDeploymentArn: aws.String(s.rolloutARN(r)), ServiceArn: aws.String(s.Place.Of("ecs", "service/"+r.Service)), ClusterArn: aws.String(s.clusterARN(cluster)),
		Status: r.Status, StatusReason: optional(r.Reason), CreatedAt: aws.Time(r.Created), StartedAt: aws.Time(r.Created), FinishedAt: when(r.Finished),
		TargetServiceRevisionArn: aws.String(s.revisionARN(r.Service, r.Target)),
	}
}

// DescribeServiceDeployments describes service deployments by ARN.
func (s *Service) DescribeServiceDeployments(_ context.Context, in *ecs.DescribeServiceDeploymentsInput, _ ...func(*ecs.Options)) (*ecs.DescribeServiceDeploymentsOutput, error) {
	if n := len(in.ServiceDeploymentArns); n == 0 || n > maxDescribedRollouts {
		return nil, invalid("ServiceDeploymentArns must contain between 1 and %d elements.", maxDescribedRollouts)
	}
	out := &ecs.DescribeServiceDeploymentsOutput{ServiceDeployments: []types.ServiceDeployment{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		for _, ref := range in.ServiceDeploymentArns {
			var key string
			if key, err = s.resource("service-deployment", ref); err != nil {
				return
			}
			if r, ok := s.t.rollouts.Get(tx, key); ok {
				out.ServiceDeployments = append(out.ServiceDeployments, s.describeRollout(tx, r))
			} else {
				out.Failures = append(out.Failures, missing(ref))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) describeRollout(tx *store.Tx, r rollout) types.ServiceDeployment {
	b, config := s.brief(r), r.Config
	out := types.ServiceDeployment{
		ServiceDeploymentArn: b.ServiceDeploymentArn, ServiceArn: b.ServiceArn, ClusterArn: b.ClusterArn, Status: r.Status, StatusReason: b.StatusReason,
		CreatedAt: b.CreatedAt, StartedAt: b.StartedAt, FinishedAt: b.FinishedAt, StoppedAt: when(r.Stopped), UpdatedAt: aws.Time(r.Updated),
		DeploymentConfiguration: &config, Rollback: r.Rollback, SourceServiceRevisions: []types.ServiceRevisionSummary{},
		DeploymentCircuitBreaker: &types.ServiceDeploymentCircuitBreaker{Status: r.Breaker, FailureCount: r.Failed, Threshold: r.Limit},
		Alarms:                   r.describeAlarms(),
		TargetServiceRevision:    &types.ServiceRevisionSummary{Arn: b.TargetServiceRevisionArn},
	}
	for _, id := range r.Sources {
		out.SourceServiceRevisions = append(out.SourceServiceRevisions, types.ServiceRevisionSummary{Arn: aws.String(s.revisionARN(r.Service, id))})
	}
	v, ok := s.t.services.Get(tx, r.Service)
	if !ok {
		return out
	}
	counts := s.tallies(tx, v)
	for _, x := range s.setsOf(tx, r.Service) {
		n := counts[x.ID]
		if x.Rollout == r.ID && r.Rollback == nil {
			t := out.TargetServiceRevision
			t.RequestedTaskCount, t.RunningTaskCount, t.PendingTaskCount = int32(deploymentCount(v, x, n)), n.running, n.pending
			out.DeploymentCircuitBreaker.FailureCount = x.Failed
		}
	}
	return out
}

// DescribeServiceRevisions describes service revisions by ARN.
func (s *Service) DescribeServiceRevisions(_ context.Context, in *ecs.DescribeServiceRevisionsInput, _ ...func(*ecs.Options)) (*ecs.DescribeServiceRevisionsOutput, error) {
	if n := len(in.ServiceRevisionArns); n == 0 || n > maxDescribedRollouts {
		return nil, invalid("ServiceRevisionArns must contain between 1 and %d elements.", maxDescribedRollouts)
	}
	out := &ecs.DescribeServiceRevisionsOutput{ServiceRevisions: []types.ServiceRevision{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		for _, ref := range in.ServiceRevisionArns {
			var key string
			if key, err = s.resource("service-revision", ref); err != nil {
				return
			}
			if r, ok := s.t.revisions.Get(tx, key); ok {
				out.ServiceRevisions = append(out.ServiceRevisions, s.describeRevision(tx, r))
			} else {
				out.Failures = append(out.Failures, missing(ref))
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) describeRevision(tx *store.Tx, r revision) types.ServiceRevision {
	cluster, _, _ := strings.Cut(r.Service, "/")
	out := types.ServiceRevision{
		ServiceRevisionArn: aws.String(s.revisionARN(r.Service, r.ID)), ServiceArn: aws.String(s.Place.Of("ecs", "service/"+r.Service)), ClusterArn: aws.String(s.clusterARN(cluster)),
		CreatedAt: aws.Time(r.Created), TaskDefinition: aws.String(r.Work.Definition), LaunchType: r.Work.LaunchType, CapacityProviderStrategy: r.Work.Strategy,
		PlatformVersion: platformVersion(r.Work), NetworkConfiguration: r.Work.Network, LoadBalancers: orEmpty(r.Work.Balancers),
		ServiceRegistries: orEmpty(r.Work.Registries), ServiceConnectConfiguration: r.Work.Connect, VolumeConfigurations: r.Work.Volumes, ContainerImages: []types.ContainerImage{},
	}
	if usesFargate(r.Work) {
		out.PlatformFamily = aws.String(s.platform(tx, r.Work))
	}
	d, _ := s.definitionOf(tx, r.Work.Definition)
	for _, c := range d.TaskDefinition.ContainerDefinitions {
		out.ContainerImages = append(out.ContainerImages, types.ContainerImage{ContainerName: c.Name, Image: c.Image})
	}
	return out
}

// StopServiceDeployment ends a deployment that is in progress: by going back to the last
// completed one, or with ABORT by leaving all as it stands.
func (s *Service) StopServiceDeployment(_ context.Context, in *ecs.StopServiceDeploymentInput, _ ...func(*ecs.Options)) (*ecs.StopServiceDeploymentOutput, error) {
	const why = "Service deployment was stopped by the user."
	key, err := s.resource("service-deployment", aws.ToString(in.ServiceDeploymentArn))
	if err != nil {
		return nil, err
	}
	var r rollout
	err = s.Store.Update(func(tx *store.Tx) error {
		var ok bool
		if r, ok = s.t.rollouts.Get(tx, key); !ok {
			return errDeployment
		}
		x, there := s.t.sets.Get(tx, r.Service+"/"+last(r.Set))
		v, known := s.t.services.Get(tx, r.Service)
		if r.Status != types.ServiceDeploymentStatusInProgress || !there || !known || x.Status != primary {
			return &types.ConflictException{Message: aws.String("The service deployment is not in a state in which it can be stopped.")}
		}
		x.State, x.Reason, x.Updated = types.DeploymentRolloutStateFailed, why, s.Clock.Now()
		if in.StopType == types.StopServiceDeploymentStopTypeAbort || !s.rollBack(tx, &v, x, s.setsOf(tx, v.key()), "ECS deployment stopped", why) {
			s.changeRollout(tx, x, func(r *rollout) { r.end(types.ServiceDeploymentStatusStopped, why, s.Clock.Now()) })
			s.t.sets.Put(tx, x.key(), x)
		}
		s.t.services.Put(tx, v.key(), v)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.engine.wake(r.Service)
	return &ecs.StopServiceDeploymentOutput{ServiceDeploymentArn: in.ServiceDeploymentArn}, nil
}
