package docker

import (
	"context"
	"os"
	"testing"

	"github.com/moby/moby/client"
	"go.uber.org/goleak"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/drivertest"
	"github.com/turnoutdev/turnout/testkit"
)

var factory = drivertest.Factory{
	New: func(dir string) (runtime.Driver, error) {
		return New(context.Background(), Options{State: dir})
	},
	Leftovers: leftovers,
	Many:      12, // the engine takes its time
}

func TestMain(m *testing.M) {
	MaybeReaper()
	if dir := os.Getenv(holdEnv); dir != "" {
		holdSandbox(dir)
	}
	drivertest.Main(m, factory, func() error { return goleak.Find() })
}

func TestDriver(t *testing.T) {
	needEngine(t)
	drivertest.Run(t, factory)
}

func needEngine(t *testing.T) {
	t.Helper()
	if err := Available(t.Context()); err != nil {
		testkit.NeedOrSkip(t, "needs a Docker engine: "+err.Error())
	}
}

// leftovers names the containers that the engine still has of sandboxes.
func leftovers(_ string, ids []string) []string {
	engine, err := connect()
	if err != nil {
		return []string{err.Error()}
	}
	defer engine.Close()
	var left []string
	for _, id := range ids {
		found, err := engine.ContainerList(context.Background(), client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelSandbox+"="+id)})
		if err != nil {
			return []string{err.Error()}
		}
		for _, c := range found.Items {
			left = append(left, c.Names...)
		}
	}
	return left
}
