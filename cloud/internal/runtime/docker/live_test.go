package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/testkit"
)

// live makes a driver on this machine's engine.
func live(t *testing.T) *Driver {
	t.Helper()
	if err := Available(t.Context()); err != nil {
		testkit.NeedOrSkip(t, "needs a Docker engine: "+err.Error())
	}
	d, err := New(t.Context(), Options{State: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

func TestPauseContainerSleeps(t *testing.T) {
	d := live(t)
	s, err := d.Create(t.Context(), runtime.SandboxSpec{ID: "pause-test"})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	b := s.(*sandbox)
	if err := isPause(b.pid); err != nil {
		t.Error(err)
	}
	t.Log(b.addr, b.pid)
	_ = errors.Is
	_ = fmt.Sprint
	_ = io.EOF
	_ = net.Dial
	_ = netip.Addr{}
	_ = os.Args
	_ = filepath.Join
	_ = name.NewTag
	_ = v1.Config{}
	_ = mutate.Config
	start := time.Now()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Log("close", time.Since(start))
}
