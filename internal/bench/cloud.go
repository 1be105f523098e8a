package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/localcloud"
)

// Load on the local cloud.
const (
	clients = 16
	during  = 3 * time.Second
)

// cloud measures how soon a local cloud answers, and how much.
func (b *bench) cloud(ctx context.Context) error {
	up := Figure{Name: "turnout up, until it answers", Runs: b.Runs}
	var took []time.Duration
	for range b.Runs - 1 {
		d, stop, _, err := b.up(ctx)
		if err != nil {
			return err
		}
		took = append(took, d)
		if err := stop(); err != nil {
			return err
		}
	}
	d, stop, h, err := b.up(ctx)
	if err != nil {
		return err
	}
	took = append(took, d)
	up.spread(took)
	b.add(up)
	f, err := load(ctx, h)
	if serr := stop(); err == nil {
		err = serr
	}
	if err != nil {
		return err
	}
	b.add(f)
	return nil
}

// up starts a local cloud and waits until its handle stands and it answers.
func (b *bench) up(ctx context.Context) (time.Duration, func() error, *localcloud.Handle, error) {
	state := filepath.Join(b.dir, "cloud")
	cmd := exec.CommandContext(ctx, b.Self, "up", "--state", state, "--ephemeral", "--listen", "127.0.0.1:0", "--driver", "fake", "--quiet")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, nil, nil, err
	}
	stop := func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		return cmd.Wait()
	}
	for {
		h, err := localcloud.Read(state)
		if err == nil && h.PID == cmd.Process.Pid {
			return time.Since(began), stop, h, nil
		}
		if time.Since(began) > 30*time.Second || ctx.Err() != nil {
			_ = stop() // the error is the wait's
			return 0, nil, nil, fmt.Errorf("the local cloud did not come up: %w", err)
		}
		time.Sleep(time.Millisecond)
	}
}

// load asks for a service from several clients at once, for as long as during.
func load(ctx context.Context, h *localcloud.Handle) (Figure, error) {
	f := Figure{Name: fmt.Sprintf("local cloud, DescribeClusters from %d clients", clients), Runs: 1}
	a, err := awsclient.New(ctx, awsclient.Options{Region: h.Region, Endpoint: h.Endpoint, AccessKeyID: h.AccessKeyID, SecretAccessKey: h.SecretAccessKey})
	if err != nil {
		return f, err
	}
	client := a.ECS()
	if _, err := client.CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: aws.String("demo")}); err != nil {
		return f, err
	}
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	var wg sync.WaitGroup
	end := time.Now().Add(during)
	for range clients {
		wg.Go(func() {
			var mine []time.Duration
			for time.Now().Before(end) {
				began := time.Now()
				if _, err := client.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{"demo"}}); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
					return
				}
				mine = append(mine, time.Since(began))
			}
			mu.Lock()
			all = append(all, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	if failed != nil || len(all) == 0 {
		return f, fmt.Errorf("ask the local cloud: %w", failed)
	}
	slices.Sort(all)
	f.spread(all)
	f.Calls, f.Rate, f.P99 = len(all), float64(len(all))/during.Seconds(), all[len(all)*99/100]
	return f, nil
}
