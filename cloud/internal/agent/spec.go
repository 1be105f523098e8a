package agent

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

const mebibyte = 1 << 20

// sandboxSpec is what the task's containers share.
func (t *task) sandboxSpec() runtime.SandboxSpec {
	s := runtime.SandboxSpec{
		ID:       t.spec.ID,
		Labels:   t.labels(),
		Services: t.spec.Services,
	}
	for _, c := range t.containers {
		for _, p := range c.def.PortMappings {
			if p.Protocol != types.TransportProtocolUdp && p.ContainerPort != nil {
				s.Ports = append(s.Ports, uint16(*p.ContainerPort))
			}
		}
		if l := c.def.LinuxParameters; l != nil {
			s.ShmSize = max(s.ShmSize, int64(aws.ToInt32(l.SharedMemorySize))*mebibyte)
		}
		if s.Hostname == "" {
			s.Hostname = aws.ToString(c.def.Hostname)
		}
	}
	return s
}

// labels are those that ECS's agent gives every container of a task.
func (t *task) labels() map[string]string {
	return map[string]string{
		"com.amazonaws.ecs.cluster":                 t.spec.Cluster,
		"com.amazonaws.ecs.task-arn":                t.spec.ARN,
		"com.amazonaws.ecs.task-definition-family":  aws.ToString(t.spec.Definition.Family),
		"com.amazonaws.ecs.task-definition-version": strconv.Itoa(int(t.spec.Definition.Revision)),
	}
}

// containerSpec turns a container definition into what the driver takes.
func (t *task) containerSpec(c *container) (runtime.ContainerSpec, error) {
	d := c.def
	mounts, err := t.mounts(d, nil)
	if err != nil {
		return runtime.ContainerSpec{}, err
	}
	s := runtime.ContainerSpec{
		Name:              c.runName(),
		Image:             c.image.ID,
		Entrypoint:        d.EntryPoint,
		Cmd:               d.Command,
		Env:               t.environment(c),
		WorkingDir:        aws.ToString(d.WorkingDirectory),
		User:              aws.ToString(d.User),
		Mounts:            mounts,
		MemoryBytes:       t.memory(d),
		MemoryReservation: int64(aws.ToInt32(d.MemoryReservation)) * mebibyte,
		CPUShares:         int64(d.Cpu),
		ReadonlyRoot:      aws.ToBool(d.ReadonlyRootFilesystem),
		Privileged:        aws.ToBool(d.Privileged),
		Sysctls:           map[string]string{},
		ExtraHosts:        extraHosts(d),
		Labels:            t.labels(),
		LogPath:           t.logs[c.name].path,
	}
	for _, u := range d.Ulimits {
		s.Ulimits = append(s.Ulimits, runtime.Ulimit{Name: string(u.Name), Soft: int64(u.SoftLimit), Hard: int64(u.HardLimit)})
	}
	for _, v := range d.SystemControls {
		s.Sysctls[aws.ToString(v.Namespace)] = aws.ToString(v.Value)
	}
	for k, v := range d.DockerLabels {
		s.Labels[k] = v
	}
	s.Labels["com.amazonaws.ecs.container-name"] = c.name
	setLinux(&s, d.LinuxParameters)
	return s, nil
}

func setLinux(s *runtime.ContainerSpec, l *types.LinuxParameters) {
	if l == nil {
		return
	}
	s.Init = aws.ToBool(l.InitProcessEnabled)
	if l.Capabilities != nil {
		s.CapAdd, s.CapDrop = l.Capabilities.Add, l.Capabilities.Drop
	}
	for _, t := range l.Tmpfs {
		if s.Tmpfs == nil {
			s.Tmpfs = map[string]int64{}
		}
		s.Tmpfs[aws.ToString(t.ContainerPath)] = int64(t.Size) * mebibyte
	}
}

// memory is the container's hard limit in bytes: its own, else the task's, else none.
func (t *task) memory(d types.ContainerDefinition) int64 {
	if d.Memory != nil {
		return int64(*d.Memory) * mebibyte
	}
	return taskMemory(aws.ToString(t.spec.Definition.Memory))
}

// taskMemory reads a task's memory in bytes: MiB as "512", or "0.5 GB"; 0 for none.
func taskMemory(s string) int64 {
	unit := float64(mebibyte)
	number, gigabytes := strings.CutSuffix(strings.ToUpper(strings.TrimSpace(s)), "GB")
	if gigabytes {
		unit *= 1024
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil || n < 0 {
		return 0
	}
	return int64(n * unit)
}

// extraHosts are the declared ones, and the names of linked containers, which share the
// task's network.
func extraHosts(d types.ContainerDefinition) map[string]string {
	hosts := map[string]string{}
	for _, l := range d.Links {
		name, alias, ok := strings.Cut(l, ":")
		if !ok {
			alias = name
		}
		hosts[alias], hosts[name] = "127.0.0.1", "127.0.0.1"
	}
	for _, h := range d.ExtraHosts {
		hosts[aws.ToString(h.Hostname)] = aws.ToString(h.IpAddress)
	}
	return hosts
}

// metadataID is the name of a container in metadata URIs, as on Fargate.
func (t *task) metadataID(c *container) string {
	for i, other := range t.containers {
		if other == c {
			return fmt.Sprintf("%s-%d", t.spec.ID, i)
		}
	}
	return t.spec.ID
}
