package docker

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// minShares is the smallest weight that engines take.
const minShares = 2

// options turn a container's spec into what the engine takes.
func (s *sandbox) options(spec runtime.ContainerSpec) (client.ContainerCreateOptions, error) {
	config := &container.Config{
		Image:        spec.Image,
		Entrypoint:   spec.Entrypoint,
		Cmd:          spec.Cmd,
		Env:          spec.Env,
		WorkingDir:   spec.WorkingDir,
		User:         spec.User,
		Labels:       s.labels(spec.Name, spec.Labels),
		AttachStdout: true,
		AttachStderr: true,
		// Health checks are the agent's; ECS does not use the image's.
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	host := &container.HostConfig{
		NetworkMode:    container.NetworkMode("container:" + s.pauseID),
		LogConfig:      container.LogConfig{Type: "none"},
		ReadonlyRootfs: spec.ReadonlyRoot,
		Privileged:     spec.Privileged,
		CapAdd:         spec.CapAdd,
		CapDrop:        spec.CapDrop,
		Sysctls:        spec.Sysctls,
		ShmSize:        s.spec.ShmSize,
		Mounts:         mounts(spec.Mounts),
		Tmpfs:          tmpfs(spec.Tmpfs),
		Resources:      resources(spec),
		Init:           &spec.Init,
	}
	hosts, err := s.hostsFile(spec)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	host.Mounts = append(host.Mounts, hosts...)
	return client.ContainerCreateOptions{Name: s.name(spec.Name), Config: config, HostConfig: host}, nil
}

func resources(spec runtime.ContainerSpec) container.Resources {
	r := container.Resources{
		Memory:            spec.MemoryBytes,
		MemorySwap:        spec.MemoryBytes, // as much as memory: none
		MemoryReservation: spec.MemoryReservation,
	}
	if spec.CPUShares > 0 {
		r.CPUShares = max(spec.CPUShares, minShares)
	}
	for _, u := range spec.Ulimits {
		r.Ulimits = append(r.Ulimits, &container.Ulimit{Name: u.Name, Soft: u.Soft, Hard: u.Hard})
	}
	return r
}

func mounts(ms []runtime.Mount) []mount.Mount {
	var out []mount.Mount
	for _, m := range ms {
		out = append(out, mount.Mount{Type: mount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly})
	}
	return out
}

func tmpfs(sizes map[string]int64) map[string]string {
	out := map[string]string{}
	for path, size := range sizes {
		out[path] = fmt.Sprintf("size=%d", size)
	}
	return out
}

// hostsFile is the mount of a container's own /etc/hosts if it declares hosts. The engine
// takes extra hosts for the pause container only, whose file all others share.
func (s *sandbox) hostsFile(spec runtime.ContainerSpec) ([]mount.Mount, error) {
	if len(spec.ExtraHosts) == 0 {
		return nil, nil
	}
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	fmt.Fprintf(&b, "%s\t%s\n", s.addr, hostname(s.spec))
	for _, name := range slices.Sorted(maps.Keys(spec.ExtraHosts)) {
		fmt.Fprintf(&b, "%s\t%s\n", spec.ExtraHosts[name], name)
	}
	path := filepath.Join(s.folder(), spec.Name+".hosts")
	if err := os.MkdirAll(s.folder(), 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return nil, err
	}
	return []mount.Mount{{Type: mount.TypeBind, Source: path, Target: "/etc/hosts"}}, nil
}

// folder holds files that the sandbox's containers mount.
func (s *sandbox) folder() string {
	return filepath.Join(s.driver.files(), s.spec.ID)
}

// runnable refuses an image that is built for another architecture than the engine's,
// unless the machine emulates it; the engine itself would start it and let it fail with
// a riddle in the log. Whether an engine elsewhere emulates it cannot be known.
func (s *sandbox) runnable(ctx context.Context, spec runtime.ContainerSpec) error {
	if !s.driver.info.direct {
		return nil
	}
	got, err := s.driver.engine.ImageInspect(ctx, spec.Image)
	if err != nil {
		return createError(spec, err)
	}
	if got.Architecture == "" || got.Architecture == s.driver.info.arch || runtime.Emulated(got.Architecture) {
		return nil
	}
	program := strings.Join(slices.Concat(spec.Entrypoint, spec.Cmd), " ")
	if program == "" && got.Config != nil {
		program = strings.Join(slices.Concat(got.Config.Entrypoint, got.Config.Cmd), " ")
	}
	return &runtime.StartError{Reason: fmt.Sprintf("exec %s: exec format error: the image is built for linux/%s, this machine is linux/%s", program, got.Architecture, s.driver.info.arch)}
}
