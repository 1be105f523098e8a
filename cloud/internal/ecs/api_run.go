package ecs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/ecs/taskdef"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxRun = 10
	// remember is how long a client token answers with the tasks that it started.
	remember = 24 * time.Hour
)

// run remembers which tasks a client token started, under the token.
type run struct {
	Request string    `json:"request"` // digest
	Tasks   []string  `json:"tasks"`   // keys
	At      time.Time `json:"at"`
}

// RunTask starts tasks that belong to no service.
func (s *Service) RunTask(ctx context.Context, in *ecs.RunTaskInput, _ ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	n := int(aws.ToInt32(or(in.Count, 1)))
	switch {
	case n > maxRun:
		return nil, invalid("count cannot be greater than %d.", maxRun)
	case n < 1:
		return nil, invalid("count cannot be less than 1.")
	}
	out := &ecs.RunTaskOutput{Tasks: []types.Task{}, Failures: []types.Failure{}}
	if err := s.checkRun(ctx, in); err != nil {
		return nil, err
	}
	var begun []task
	err := s.Store.Update(func(tx *store.Tx) error {
		tasks, old, err := s.remembered(tx, in)
		if err != nil {
			return err
		}
		if !old {
			if tasks, err = s.prepare(ctx, tx, in, n); err != nil {
				return err
			}
			begun = tasks
		}
		for _, t := range tasks {
			d := s.describeTask(tx, t)
			d.Tags = append([]types.Tag{}, t.Tags...)
			out.Tasks = append(out.Tasks, d)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, t := range begun {
		s.engine.begin(t)
	}
	return out, nil
}

func or[T any](v *T, otherwise T) *T {
	if v == nil {
		return &otherwise
	}
	return v
}

// remembered are the tasks that the request's client token started earlier.
func (s *Service) remembered(tx *store.Tx, in *ecs.RunTaskInput) ([]task, bool, error) {
	r, ok := s.t.runs.Get(tx, aws.ToString(in.ClientToken))
	if !ok || in.ClientToken == nil {
		return nil, false, nil
	}
	var out []task
	for _, key := range r.Tasks {
		if t, ok := s.t.tasks.Get(tx, key); ok {
			out = append(out, t)
		}
	}
	if r.Request != runDigest(in) {
		c := &types.ConflictException{Message: aws.String("The request conflicts with an earlier one that had the same client token.")}
		for _, t := range out {
			c.ResourceIds = append(c.ResourceIds, s.taskARN(t))
		}
		return nil, false, c
	}
	return out, true, nil
}

func runDigest(in *ecs.RunTaskInput) string {
	b, err := json.Marshal(in)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// prepare stores the tasks that a request asks for.
func (s *Service) prepare(ctx context.Context, tx *store.Tx, in *ecs.RunTaskInput, n int) ([]task, error) {
	c, err := s.clusterFor(tx, in.Cluster)
	if err != nil {
		return nil, err
	}
	w := workload{LaunchType: in.LaunchType, Strategy: in.CapacityProviderStrategy, Platform: aws.ToString(in.PlatformVersion), Network: in.NetworkConfiguration}
	if err := s.resolve(tx, c, &w, aws.ToString(in.TaskDefinition), nil); err != nil {
		return nil, err
	}
	d, _ := s.definitionOf(tx, w.Definition)
	if _, err := taskdef.Override(d.TaskDefinition, in.Overrides); err != nil {
		return nil, err
	}
	tags, err := mergeTags(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	switch in.PropagateTags {
	case types.PropagateTagsTaskDefinition:
		tags = propagated(tags, d.Tags)
	case types.PropagateTagsService:
		return nil, invalid("Tags can only be propagated from a service to the tasks of that service.")
	}
	if in.EnableECSManagedTags {
		tags = propagated(tags, managedTags(c.Name, ""))
	}
	group := aws.ToString(in.Group)
	if group == "" {
		group = "family:" + *d.TaskDefinition.Family
	}
	var out []task
	for i := range n {
		t := s.newTask(c.Name, w, i)
		t.Group, t.StartedBy, t.Overrides, t.Exec, t.Tags, t.Volumes = group, aws.ToString(in.StartedBy), in.Overrides, in.EnableExecuteCommand, tags, in.VolumeConfigurations
		s.t.tasks.Put(tx, t.key(), t)
		out = append(out, t)
	}
	if in.ClientToken != nil {
		r := run{Request: runDigest(in), At: s.Clock.Now()}
		for _, t := range out {
			r.Tasks = append(r.Tasks, t.key())
		}
		s.t.runs.Put(tx, *in.ClientToken, r)
	}
	return out, nil
}

// newTask is the nth new task of a workload, in the cluster.
func (s *Service) newTask(cluster string, w workload, n int) task {
	t := task{
		ID: ids.Hex(32), Cluster: cluster, Definition: w.Definition, Desired: running, LaunchType: w.LaunchType, Created: s.Clock.Now(),
		State: agent.State{Status: provisioning, Health: types.HealthStatusUnknown}, Version: 1,
	}
	if p := platformVersion(w); p != nil {
		t.Platform = *p
	}
	if len(w.Strategy) > 0 {
		t.Provider = chosen(w.Strategy, n)
		t.LaunchType = types.LaunchTypeEc2
		if slices.Contains(fargates, t.Provider) {
			t.LaunchType = types.LaunchTypeFargate
		}
	}
	if w.Network != nil && w.Network.AwsvpcConfiguration != nil {
		t.Network = &attachment{ID: ids.UUID(), ENI: "eni-" + ids.Hex(17), MAC: macAddress(), Zone: s.Place.Region + "a"}
		if subnets := w.Network.AwsvpcConfiguration.Subnets; len(subnets) > 0 {
			t.Network.Subnet = subnets[n%len(subnets)]
			t.Network.Zone = s.Place.Region + string(rune('a'+n%min(len(subnets), 6)))
		}
	}
	return t
}

func macAddress() string {
	h := ids.Hex(10)
	return "02:" + h[:2] + ":" + h[2:4] + ":" + h[4:6] + ":" + h[6:8] + ":" + h[8:]
}

// chosen is the capacity provider of a strategy for the nth task: its base first, then by
// the weights.
func chosen(items []types.CapacityProviderStrategyItem, n int) string {
	total := 0
	for _, i := range items {
		if n < int(i.Base) {
			return last(aws.ToString(i.CapacityProvider))
		}
		n -= int(i.Base)
		total += int(i.Weight)
	}
	at := n % max(total, 1)
	for _, i := range items {
		if at < int(i.Weight) {
			return last(aws.ToString(i.CapacityProvider))
		}
		at -= int(i.Weight)
	}
	return last(aws.ToString(items[0].CapacityProvider))
}

// propagated adds tags whose keys are not there yet.
func propagated(tags, more []types.Tag) []types.Tag {
	out := slices.Clone(tags)
	for _, m := range more {
		if !slices.ContainsFunc(out, func(t types.Tag) bool { return aws.ToString(t.Key) == aws.ToString(m.Key) }) {
			out = append(out, m)
		}
	}
	return out
}

func managedTags(cluster, service string) []types.Tag {
	out := []types.Tag{{Key: aws.String("aws:ecs:clusterName"), Value: aws.String(cluster)}}
	if service != "" {
		out = append(out, types.Tag{Key: aws.String("aws:ecs:serviceName"), Value: aws.String(service)})
	}
	return out
}
