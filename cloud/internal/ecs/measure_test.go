package ecs

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
)

// book notes what is published, as texts.
type book struct {
	mu    sync.Mutex
	lines []string
}

func (b *book) RecordCounts(namespace, name string, dims map[string]string, counts map[float64]float64, unit string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for v, n := range counts {
		b.lines = append(b.lines, fmt.Sprintf("%s %s %v %.1f×%.0f %s", namespace, name, dims, v, n, unit))
	}
}

// take returns what was published since it was last asked.
func (b *book) take() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.lines
	b.lines = nil
	return lines
}

// measuring lets the stage publish into a book.
func (s *stage) measuring(t *testing.T) (b *book, stop func()) {
	b = &book{}
	ctx, cancel := context.WithCancel(bg)
	done := make(chan error)
	go func() { done <- s.Measure(ctx, b) }()
	return b, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// The tasks reserve a quarter of a CPU and 512 MiB each.
func TestServicesPublishWhatTheirTasksUse(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.register("busy")
		s.create(rolling)
		b, stop := s.measuring(t)
		defer stop()
		s.stable()
		time.Sleep(2 * time.Minute)
		b.take()
		time.Sleep(time.Minute)
		got := b.take()
		const of = "map[ClusterName:c ServiceName:s]"
		if len(got) != 2 || got[0] != "AWS/ECS CPUUtilization "+of+" 50.0×2 Percent" || got[1] != "AWS/ECS MemoryUtilization "+of+" 25.0×2 Percent" {
			t.Errorf("in a minute %q", got)
		}
		s.update(&ecs.UpdateServiceInput{DesiredCount: aws.Int32(0)})
		time.Sleep(2 * time.Minute)
		b.take()
		time.Sleep(2 * time.Minute)
		if got := b.take(); len(got) != 0 {
			t.Errorf("without tasks %q", got)
		}
	})
}

func TestAScaledMinuteIsMeasuredOnce(t *testing.T) {
	playWith(t, func(o *Options) { o.Clock = clock.New(30) }, func(t *testing.T, s *stage) {
		s.register("busy")
		s.create(rolling)
		s.stable()
		b, stop := s.measuring(t)
		defer stop()
		time.Sleep(5 * time.Second)
		b.take()
		time.Sleep(20 * time.Second)
		if n := len(b.take()); n != 2*10 {
			t.Errorf("%d metrics in ten scaled minutes", n)
		}
	})
}

// What a driver does not measure, and what nothing is reserved of, is not published.
func TestWhatIsNotMeasuredIsNotPublished(t *testing.T) {
	play(t, func(t *testing.T, s *stage) {
		s.register("unmeasured")
		s.create(rolling)
		b, stop := s.measuring(t)
		defer stop()
		s.stable()
		time.Sleep(5 * time.Minute)
		if got := b.take(); len(got) != 0 {
			t.Errorf("%q", got)
		}
	})
}

func TestReservations(t *testing.T) {
	for _, c := range []struct {
		td           types.TaskDefinition
		cpus, memory float64
	}{
		{types.TaskDefinition{Cpu: aws.String("512"), Memory: aws.String("1024")}, 0.5, 1 << 30},
		{types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{
			{Cpu: 128, Memory: aws.Int32(100)}, {Cpu: 128, Memory: aws.Int32(100), MemoryReservation: aws.Int32(28)},
		}}, 0.25, 128 << 20},
		{types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{{}}}, 0, 0},
	} {
		if cpus, memory := reserved(c.td); cpus != c.cpus || memory != c.memory {
			t.Errorf("%v and %v of %+v", cpus, memory, c.td)
		}
	}
}
