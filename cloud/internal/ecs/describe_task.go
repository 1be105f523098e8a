package ecs

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/ecs/taskdef"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// fargateStorage is the ephemeral storage of a task that asks for none, in GiB.
const fargateStorage = 20

// describeTask describes a task without its tags.
func (s *Service) describeTask(tx *store.Tx, t task) types.Task {
	d, _ := s.definitionOf(tx, t.Definition)
	td, _ := taskdef.Override(d.TaskDefinition, t.Overrides) // was checked when the task was made
	st := t.State
	out := types.Task{
		TaskArn: aws.String(s.taskARN(t)), ClusterArn: aws.String(s.clusterARN(t.Cluster)), TaskDefinitionArn: aws.String(t.Definition),
		LastStatus: aws.String(t.lastStatus()), DesiredStatus: aws.String(t.Desired), Group: aws.String(t.Group), StartedBy: optional(t.StartedBy),
		LaunchType: t.LaunchType, CapacityProviderName: optional(t.Provider), PlatformVersion: optional(t.Platform),
		CreatedAt: aws.Time(t.Created), PullStartedAt: when(st.PullStartedAt), PullStoppedAt: when(st.PullStoppedAt), StartedAt: when(st.StartedAt),
		StoppingAt: when(st.StoppingAt), StoppedAt: when(st.StoppedAt), ExecutionStoppedAt: when(st.ExecutionEnded),
		HealthStatus: healthOr(st.Health), Cpu: td.Cpu, Memory: td.Memory, Version: t.Version, EnableExecuteCommand: t.Exec,
		Connectivity: types.ConnectivityConnected, ConnectivityAt: aws.Time(t.Created), Overrides: shownOverrides(t.Overrides, td),
		Attachments: []types.Attachment{}, Containers: []types.Container{}, InferenceAccelerators: []types.InferenceAccelerator{},
		Attributes: []types.Attribute{{Name: aws.String("ecs.cpu-architecture"), Value: aws.String(architecture(td))}},
		Tags:       []types.Tag{},
	}
	out.StopCode, out.StoppedReason = t.StopCode, optional(t.Reason)
	if t.stopped() || t.Reason == "" {
		out.StopCode, out.StoppedReason = st.StopCode, optional(st.StoppedReason)
	}
	if t.LaunchType == types.LaunchTypeFargate {
		size := int32(fargateStorage)
		if td.EphemeralStorage != nil {
			size = td.EphemeralStorage.SizeInGiB
		}
		out.PlatformFamily = aws.String(s.platform(tx, workload{Definition: t.Definition}))
		out.EphemeralStorage = &types.EphemeralStorage{SizeInGiB: size}
		out.FargateEphemeralStorage = &types.TaskEphemeralStorage{SizeInGiB: size}
	}
	if n := t.Network; n != nil {
		out.AvailabilityZone = aws.String(n.Zone)
		out.Attachments = append(out.Attachments, n.describe(st))
	}
	for _, c := range td.ContainerDefinitions {
		out.Containers = append(out.Containers, s.describeContainer(t, c))
	}
	return out
}

func healthOr(h types.HealthStatus) types.HealthStatus {
	if h == "" {
		return types.HealthStatusUnknown
	}
	return h
}

func architecture(td types.TaskDefinition) string {
	if p := td.RuntimePlatform; p != nil && p.CpuArchitecture == types.CPUArchitectureArm64 {
		return "arm64"
	}
	return "x86_64"
}

// shownOverrides name every container, as ECS does.
func shownOverrides(o *types.TaskOverride, td types.TaskDefinition) *types.TaskOverride {
	var out types.TaskOverride
	if o != nil {
		out = *o
	}
	all := out.ContainerOverrides
	out.ContainerOverrides = []types.ContainerOverride{}
	for _, c := range td.ContainerDefinitions {
		i := slices.IndexFunc(all, func(o types.ContainerOverride) bool { return aws.ToString(o.Name) == aws.ToString(c.Name) })
		if i >= 0 {
			out.ContainerOverrides = append(out.ContainerOverrides, all[i])
		} else {
			out.ContainerOverrides = append(out.ContainerOverrides, types.ContainerOverride{Name: c.Name})
		}
	}
	out.InferenceAcceleratorOverrides = orEmpty(out.InferenceAcceleratorOverrides)
	return &out
}

// describe shows a network interface as the attachment that it is.
func (n *attachment) describe(st agent.State) types.Attachment {
	out := types.Attachment{Id: aws.String(n.ID), Type: aws.String("ElasticNetworkInterface"), Status: aws.String("PRECREATED")}
	detail := func(name, value string) {
		out.Details = append(out.Details, types.KeyValuePair{Name: aws.String(name), Value: aws.String(value)})
	}
	detail("subnetId", n.Subnet)
	if !st.Addr.IsValid() {
		if st.Status == stopped {
			out.Status = aws.String("DELETED")
		}
		return out
	}
	out.Status = aws.String("ATTACHED")
	if st.Status == stopped {
		out.Status = aws.String("DELETED")
	}
	detail("networkInterfaceId", n.ENI)
	detail("macAddress", n.MAC)
	detail("privateIPv4Address", st.Addr.String())
	return out
}

func (s *Service) describeContainer(t task, c types.ContainerDefinition) types.Container {
	name := aws.ToString(c.Name)
	out := types.Container{
		Name: c.Name, Image: c.Image, TaskArn: aws.String(s.taskARN(t)), LastStatus: aws.String("PENDING"), HealthStatus: types.HealthStatusUnknown,
		ContainerArn: aws.String(s.Place.Of("ecs", "container/"+t.Cluster+"/"+t.ID+"/"+containerID(t.ID, name))),
		Cpu:          aws.String(strconv.Itoa(int(c.Cpu))), Memory: amount(c.Memory), MemoryReservation: amount(c.MemoryReservation),
		NetworkInterfaces: []types.NetworkInterface{}, NetworkBindings: []types.NetworkBinding{},
	}
	if t.stopped() {
		out.LastStatus = aws.String(stopped)
	}
	i := slices.IndexFunc(t.State.Containers, func(k agent.ContainerState) bool { return k.Name == name })
	if i >= 0 {
		k := t.State.Containers[i]
		out.LastStatus, out.ExitCode, out.Reason, out.HealthStatus = optional(k.Status), k.ExitCode, optional(k.Reason), healthOr(k.Health)
		out.RuntimeId, out.ImageDigest = optional(k.RuntimeID), optional(k.ImageDigest)
		if t.Exec {
			out.ManagedAgents = []types.ManagedAgent{execAgent(k)}
		}
	}
	if t.Network != nil && t.State.Addr.IsValid() {
		out.NetworkInterfaces = append(out.NetworkInterfaces, types.NetworkInterface{
			AttachmentId: aws.String(t.Network.ID), PrivateIpv4Address: aws.String(t.State.Addr.String()),
		})
	}
	return out
}

func amount(n *int32) *string {
	if n == nil {
		return nil
	}
	return aws.String(strconv.Itoa(int(*n)))
}

// containerID is the UUID in a container's ARN: always the same for the same container.
func containerID(task, name string) string {
	sum := sha256.Sum256([]byte(task + "/" + name))
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
