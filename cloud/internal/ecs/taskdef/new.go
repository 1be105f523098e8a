package taskdef

import (
	"encoding/json"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/regex"
)

const (
	maxBytes      = 65536
	maxContainers = 10
)

var name = regex.New(`^[a-zA-Z0-9_-]{1,255}$`)

// New returns the task definition that in describes, with ECS's defaults filled in, or the
// ClientException with which ECS refuses it. Revision, ARN, status and times are left to
// the caller.
func New(in *ecs.RegisterTaskDefinitionInput) (types.TaskDefinition, error) {
	td := types.TaskDefinition{
		Family: in.Family, ContainerDefinitions: slices.Clone(in.ContainerDefinitions), Cpu: in.Cpu, Memory: in.Memory,
		EnableFaultInjection: in.EnableFaultInjection, EphemeralStorage: in.EphemeralStorage, ExecutionRoleArn: optional(in.ExecutionRoleArn),
		InferenceAccelerators: in.InferenceAccelerators, IpcMode: in.IpcMode, NetworkMode: in.NetworkMode, PidMode: in.PidMode,
		PlacementConstraints: in.PlacementConstraints, ProxyConfiguration: in.ProxyConfiguration, RuntimePlatform: in.RuntimePlatform,
		RequiresCompatibilities: in.RequiresCompatibilities, TaskRoleArn: optional(in.TaskRoleArn), Volumes: in.Volumes,
	}
	if err := checkWhole(&td); err != nil {
		return types.TaskDefinition{}, err
	}
	if err := normalize(&td); err != nil {
		return types.TaskDefinition{}, err
	}
	complete(&td)
	for _, check := range []func(*types.TaskDefinition) error{checkContainers, checkDependencies, checkVolumes, checkFargate} {
		if err := check(&td); err != nil {
			return types.TaskDefinition{}, err
		}
	}
	td.Compatibilities = compatibilities(&td)
	td.RequiresAttributes = attributes(&td)
	return td, nil
}

// optional is nil for an empty text, which ECS takes for none.
func optional(s *string) *string {
	if aws.ToString(s) == "" {
		return nil
	}
	return s
}

func checkWhole(td *types.TaskDefinition) error {
	if !name.MatchString(aws.ToString(td.Family)) {
		return refuse("Family contains invalid characters.")
	}
	if len(td.ContainerDefinitions) == 0 {
		return refuse("Container list cannot be empty.")
	}
	if len(td.ContainerDefinitions) > maxContainers {
		return refuse("Too many containers: a task definition can have at most %d.", maxContainers)
	}
	if n := length(td); n > maxBytes {
		return refuse("Actual length: '%d'. Max allowed length is '%d' bytes.", n, maxBytes)
	}
	return nil
}

// length is about that of the client's document, which has no nulls.
func length(td *types.TaskDefinition) int {
	var v any
	b, _ := json.Marshal(td.ContainerDefinitions) // text, numbers and lists: never fails
	_ = json.Unmarshal(b, &v)
	b, _ = json.Marshal(withoutNulls(v))
	return len(b)
}

func withoutNulls(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e = withoutNulls(e); e == nil {
				delete(v, k)
			}
		}
	case []any:
		for _, e := range v {
			withoutNulls(e)
		}
	}
	return v
}

// complete sets what ECS echoes where the author left something out.
func complete(td *types.TaskDefinition) {
	if td.NetworkMode == "" {
		td.NetworkMode = types.NetworkModeBridge
	}
	td.Volumes = orEmpty(td.Volumes)
	td.PlacementConstraints = orEmpty(td.PlacementConstraints)
	for i := range td.ContainerDefinitions {
		completeContainer(&td.ContainerDefinitions[i], td.NetworkMode)
	}
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func completeContainer(c *types.ContainerDefinition, mode types.NetworkMode) {
	if c.Essential == nil {
		c.Essential = aws.Bool(true)
	}
	c.PortMappings = slices.Clone(orEmpty(c.PortMappings))
	for i := range c.PortMappings {
		completePort(&c.PortMappings[i], mode)
	}
	c.Environment = orEmpty(c.Environment)
	c.MountPoints = orEmpty(c.MountPoints)
	c.VolumesFrom = orEmpty(c.VolumesFrom)
	c.SystemControls = orEmpty(c.SystemControls)
	c.ResourceRequirements = slices.Clone(c.ResourceRequirements)
	for i := range c.ResourceRequirements {
		c.ResourceRequirements[i].SharingStrategy = nil
	}
	if h := c.HealthCheck; h != nil {
		c.HealthCheck = &types.HealthCheck{
			Command: h.Command, StartPeriod: h.StartPeriod,
			Interval: or(h.Interval, 30), Timeout: or(h.Timeout, 5), Retries: or(h.Retries, 3),
		}
	}
}

func or(n *int32, otherwise int32) *int32 {
	if n == nil {
		return aws.Int32(otherwise)
	}
	return n
}

func completePort(p *types.PortMapping, mode types.NetworkMode) {
	if p.Protocol == "" {
		p.Protocol = types.TransportProtocolTcp
	}
	if p.ContainerPortRange != nil {
		return
	}
	own := mode == types.NetworkModeAwsvpc || mode == types.NetworkModeHost
	if aws.ToInt32(p.HostPort) == 0 {
		p.HostPort = aws.Int32(0)
		if own {
			p.HostPort = p.ContainerPort
		}
	}
}
