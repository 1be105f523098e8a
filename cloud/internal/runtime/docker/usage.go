package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

var errExited = errors.New("the container has exited")

// Usage implements runtime.Meter.
func (p *process) Usage(ctx context.Context) (runtime.Usage, error) {
	select {
	case <-p.done: // the engine would answer with zeros
		return runtime.Usage{}, fmt.Errorf("usage of container %s: %w", p.id, errExited)
	default:
	}
	got, err := p.engine.ContainerStats(ctx, p.id, client.ContainerStatsOptions{})
	if err != nil {
		return runtime.Usage{}, fmt.Errorf("usage of container %s: %w", p.id, err)
	}
	defer got.Body.Close()
	var s container.StatsResponse
	if err := json.NewDecoder(got.Body).Decode(&s); err != nil {
		return runtime.Usage{}, fmt.Errorf("usage of container %s: %w", p.id, err)
	}
	return runtime.Usage{CPU: time.Duration(s.CPUStats.CPUUsage.TotalUsage), Memory: held(s.MemoryStats)}, nil
}

// held is a container's memory without the page cache that the kernel would give back at
// once: what docker stats tells. The name is that of cgroups version 1 or 2.
func held(m container.MemoryStats) int64 {
	for _, name := range []string{"total_inactive_file", "inactive_file"} {
		if cache, ok := m.Stats[name]; ok && cache < m.Usage {
			return int64(m.Usage - cache)
		}
	}
	return int64(m.Usage)
}
