package ecs

import (
	"context"
	"sort"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func (s *Service) taskARN(t task) string {
	return s.Place.Of("ecs", "task/"+t.Cluster+"/"+t.ID)
}

// ListTasks lists task ARNs.
func (s *Service) ListTasks(_ context.Context, in *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	out := &ecs.ListTasksOutput{TaskArns: []string{}}
	want := string(in.DesiredStatus)
	if want == "" {
		want = "RUNNING"
	}
	var err error
	s.Store.View(func(tx *store.Tx) {
		var c cluster
		if c, err = s.clusterOf(tx, in.Cluster); err != nil {
			return
		}
		var found []task
		for _, t := range s.t.tasks.All(tx, c.Name+"/") {
			if t.Desired != want || (in.ServiceName != nil && t.Service != c.Name+"/"+last(*in.ServiceName)) ||
				(in.StartedBy != nil && t.StartedBy != *in.StartedBy) || (in.Family != nil && !strings.HasPrefix(last(t.Definition), *in.Family+":")) {
				continue
			}
			found = append(found, t)
		}
		sort.Slice(found, func(i, j int) bool { return found[i].Created.After(found[j].Created) })
		for _, t := range found {
			out.TaskArns = append(out.TaskArns, s.taskARN(t))
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DescribeTasks describes tasks by id or ARN.
func (s *Service) DescribeTasks(_ context.Context, in *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if len(in.Tasks) == 0 {
		return nil, invalid("Tasks cannot be empty.")
	}
	out := &ecs.DescribeTasksOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		var c cluster
		if c, err = s.clusterOf(tx, in.Cluster); err != nil {
			return
		}
		for _, ref := range in.Tasks {
			t, ok := s.t.tasks.Get(tx, c.Name+"/"+last(ref))
			if !ok {
				out.Failures = append(out.Failures, types.Failure{Arn: aws.String(ref), Reason: aws.String("MISSING")})
				continue
			}
			out.Tasks = append(out.Tasks, s.describeTask(t))
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// StopTask stops a task.
func (s *Service) StopTask(_ context.Context, in *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	var out types.Task
	err := s.Store.Update(func(tx *store.Tx) error {
		c, err := s.clusterOf(tx, in.Cluster)
		if err != nil {
			return err
		}
		t, ok := s.t.tasks.Get(tx, c.Name+"/"+last(aws.ToString(in.Task)))
		if !ok {
			return invalid("The referenced task was not found.")
		}
		if t.Desired == "RUNNING" {
			reason := aws.ToString(in.Reason)
			if reason == "" {
				reason = "Task stopped by user"
			}
			t.Desired, t.StopCode, t.Reason = "STOPPED", types.TaskStopCodeUserInitiated, reason
			s.t.tasks.Put(tx, t.key(), t)
		}
		out = s.describeTask(t)
		return nil
	})
	s.poke()
	return &ecs.StopTaskOutput{Task: &out}, err
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *Service) describeTask(t task) types.Task {
	st := t.State
	out := types.Task{
		TaskArn: aws.String(s.taskARN(t)), ClusterArn: aws.String(s.clusterARN(t.Cluster)), TaskDefinitionArn: aws.String(t.Definition),
		LastStatus: aws.String(st.Status), DesiredStatus: aws.String(t.Desired), Group: aws.String(t.Group), LaunchType: t.LaunchType,
		CreatedAt: aws.Time(t.Created), PullStartedAt: when(st.PullStartedAt), PullStoppedAt: when(st.PullStoppedAt), StartedAt: when(st.StartedAt),
		StoppingAt: when(st.StoppingAt), StoppedAt: when(st.StoppedAt), ExecutionStoppedAt: when(st.ExecutionEnded), HealthStatus: st.Health,
		StopCode: st.StopCode, Overrides: t.Overrides, Version: 1, Connectivity: types.ConnectivityConnected, Tags: t.Tags, Containers: []types.Container{},
		Attachments: []types.Attachment{},
	}
	if st.Health == "" {
		out.HealthStatus = types.HealthStatusUnknown
	}
	if t.StartedBy != "" {
		out.StartedBy = aws.String(t.StartedBy)
	}
	if st.StoppedReason != "" {
		out.StoppedReason = aws.String(st.StoppedReason)
	} else if t.Reason != "" {
		out.StoppedReason, out.StopCode = aws.String(t.Reason), t.StopCode
	}
	if st.Addr.IsValid() {
		out.Attachments = append(out.Attachments, types.Attachment{
			Id: aws.String(t.ENI), Type: aws.String("ElasticNetworkInterface"), Status: aws.String("ATTACHED"),
			Details: []types.KeyValuePair{
				{Name: aws.String("subnetId"), Value: aws.String(t.Subnet)}, {Name: aws.String("networkInterfaceId"), Value: aws.String("eni-" + t.ID[:17])},
				{Name: aws.String("privateIPv4Address"), Value: aws.String(st.Addr.String())},
			},
		})
	}
	for _, c := range st.Containers {
		out.Containers = append(out.Containers, s.describeContainer(t, st, c))
	}
	return out
}

func (s *Service) describeContainer(t task, st agent.State, c agent.ContainerState) types.Container {
	out := types.Container{
		Name: aws.String(c.Name), LastStatus: aws.String(c.Status), HealthStatus: c.Health, ExitCode: c.ExitCode, Image: aws.String(c.Image),
		TaskArn: aws.String(s.taskARN(t)), ContainerArn: aws.String(s.Place.Of("ecs", "container/"+t.Cluster+"/"+t.ID+"/"+c.Name)),
		NetworkInterfaces: []types.NetworkInterface{}, NetworkBindings: []types.NetworkBinding{},
	}
	if c.Health == "" {
		out.HealthStatus = types.HealthStatusUnknown
	}
	if c.Reason != "" {
		out.Reason = aws.String(c.Reason)
	}
	if c.ImageDigest != "" {
		out.ImageDigest = aws.String(c.ImageDigest)
	}
	if c.RuntimeID != "" {
		out.RuntimeId = aws.String(c.RuntimeID)
	}
	if st.Addr.IsValid() {
		out.NetworkInterfaces = append(out.NetworkInterfaces, types.NetworkInterface{AttachmentId: aws.String(t.ENI), PrivateIpv4Address: aws.String(st.Addr.String())})
	}
	return out
}
