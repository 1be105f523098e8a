package ecs

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Metrics takes in measurements: how often each value of a metric was seen.
type Metrics interface {
	RecordCounts(namespace, name string, dims map[string]string, counts map[float64]float64, unit string)
}

// answerWithin bounds how long one task may take to tell what it uses.
const answerWithin = 5 * time.Second

// meter publishes what the tasks of services use, in percent of what they reserve. It
// remembers what they had spent when it last looked.
type meter struct {
	*Service
	to   Metrics
	seen map[string]spent // by task id
}

type spent struct {
	cpu time.Duration
	at  time.Time
}

// Measure publishes AWS/ECS's metrics of services, every minute of the cloud's time and a
// second at least, until ctx ends. It looks in the middle of a minute, so that none goes
// without.
func (s *Service) Measure(ctx context.Context, to Metrics) error {
	m := &meter{Service: s, to: to, seen: map[string]spent{}}
	width := max(int64(s.Clock.Scale(time.Minute)/time.Second), 1)
	for {
		now := s.Clock.Now()
		middle := time.Unix(now.Unix()/width*width, 0).Add(time.Duration(width) * time.Second / 2)
		if !middle.After(now) {
			middle = middle.Add(time.Duration(width) * time.Second)
		}
		timer := time.NewTimer(middle.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
			m.publish(ctx)
		}
	}
}

// measured is a task that runs, with what it reserves.
type measured struct {
	task
	cpu    float64 // CPUs
	memory float64 // bytes
}

// running are the tasks of services that run.
func (m *meter) running() []measured {
	var all []measured
	m.Store.View(func(tx *store.Tx) {
		for _, t := range m.t.tasks.All(tx, "") {
			if t.Service == "" || t.lastStatus() != running {
				continue
			}
			if d, ok := m.definitionOf(tx, t.Definition); ok {
				cpu, memory := reserved(d.TaskDefinition)
				all = append(all, measured{t, cpu, memory})
			}
		}
	})
	return all
}

// reserved is what a task reserves, by itself or by its containers; 0 is nothing.
func reserved(td types.TaskDefinition) (cpus, bytes float64) {
	units, mebibytes := number(td.Cpu), number(td.Memory)
	var ofContainers, held float64
	for _, c := range td.ContainerDefinitions {
		ofContainers += float64(c.Cpu)
		if c.MemoryReservation != nil {
			held += float64(*c.MemoryReservation)
		} else {
			held += float64(aws.ToInt32(c.Memory))
		}
	}
	if units == 0 {
		units = ofContainers
	}
	if mebibytes == 0 {
		mebibytes = held
	}
	return units / 1024, mebibytes * (1 << 20)
}

func number(s *string) float64 {
	n, err := strconv.ParseFloat(aws.ToString(s), 64)
	if err != nil { // checked at registration: there is none
		return 0
	}
	return n
}

// utilization is that of a service's tasks, counted.
type utilization struct{ cpu, memory map[float64]float64 }

// publish measures all tasks, and publishes what their services use.
func (m *meter) publish(ctx context.Context) {
	services := map[string]*utilization{}
	seen := map[string]spent{}
	for _, t := range m.running() {
		u, ok := m.usage(ctx, t.ID)
		if !ok {
			continue
		}
		p := services[t.Service]
		if p == nil {
			p = &utilization{map[float64]float64{}, map[float64]float64{}}
			services[t.Service] = p
		}
		now := spent{u.CPU, m.Clock.Now()}
		seen[t.ID] = now
		if was, known := m.seen[t.ID]; known && t.cpu > 0 && now.at.After(was.at) {
			used := max(now.cpu-was.cpu, 0) // less than before after a container's restart
			p.cpu[100*used.Seconds()/now.at.Sub(was.at).Seconds()/t.cpu]++
		}
		if t.memory > 0 {
			p.memory[100*float64(u.Memory)/t.memory]++
		}
	}
	m.seen = seen
	for _, key := range slices.Sorted(maps.Keys(services)) {
		m.record(key, "CPUUtilization", services[key].cpu)
		m.record(key, "MemoryUtilization", services[key].memory)
	}
}

// usage asks a task that was begun; what ends meanwhile, or is not measured, is left out.
func (m *meter) usage(ctx context.Context, id string) (runtime.Usage, bool) {
	t := m.engine.task(id)
	if t == nil {
		return runtime.Usage{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	u, err := t.Usage(ctx)
	if err != nil {
		m.Log.Debug("measure a task", "task", id, "error", err)
	}
	return u, err == nil
}

func (m *meter) record(key, name string, values map[float64]float64) {
	if len(values) == 0 {
		return
	}
	cluster, service, _ := strings.Cut(key, "/")
	dims := map[string]string{"ClusterName": cluster, "ServiceName": service}
	m.to.RecordCounts("AWS/ECS", name, dims, values, "Percent")
}
