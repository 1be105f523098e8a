package docker

import (
	"net/netip"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// onPaper is a sandbox of a driver without an engine.
func onPaper(t *testing.T, direct bool) *sandbox {
	return &sandbox{
		driver:  &Driver{folder: t.TempDir(), state: "state", process: "process", info: engineInfo{direct: direct}},
		spec:    runtime.SandboxSpec{ID: "0123456789abcdef", ShmSize: 7, Ports: []uint16{9000}},
		addr:    netip.MustParseAddr("172.17.0.9"),
		pauseID: "p",
	}
}

func TestContainerOptions(t *testing.T) {
	got, err := onPaper(t, true).options(runtime.ContainerSpec{
		Name: "app", Image: "sha256:i", Entrypoint: []string{"/e"}, Cmd: []string{"c"}, Env: []string{"A=b"},
		WorkingDir: "/w", User: "1:2", Labels: map[string]string{"team": "blue", labelState: "forged"},
		Mounts: []runtime.Mount{{Source: "/s", Target: "/t", ReadOnly: true}}, Tmpfs: map[string]int64{"/x": 9},
		MemoryBytes: 64, MemoryReservation: 32, CPUShares: 1, ReadonlyRoot: true, Privileged: true, Init: true,
		CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"CHOWN"}, Sysctls: map[string]string{"net.a": "1"},
		Ulimits: []runtime.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}},
	})
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	wantConfig := &container.Config{
		Image: "sha256:i", Entrypoint: []string{"/e"}, Cmd: []string{"c"}, Env: []string{"A=b"}, WorkingDir: "/w", User: "1:2",
		AttachStdout: true, AttachStderr: true, Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		Labels: map[string]string{"team": "blue", labelState: "state", labelProcess: "process", labelSandbox: "0123456789abcdef", labelContainer: "app"},
	}
	wantHost := &container.HostConfig{
		NetworkMode: "container:p", LogConfig: container.LogConfig{Type: "none"}, ReadonlyRootfs: true, Privileged: true,
		CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"CHOWN"}, Sysctls: map[string]string{"net.a": "1"}, ShmSize: 7,
		Mounts: []mount.Mount{{Type: mount.TypeBind, Source: "/s", Target: "/t", ReadOnly: true}},
		Tmpfs:  map[string]string{"/x": "size=9"}, Init: &yes,
		Resources: container.Resources{Memory: 64, MemorySwap: 64, MemoryReservation: 32, CPUShares: 2, Ulimits: []*container.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}}},
	}
	if d := cmp.Diff(wantConfig, got.Config); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(wantHost, got.HostConfig); d != "" {
		t.Error(d)
	}
	if got.Name != "turnout-0123456789abcdef-app-proc" {
		t.Error(got.Name)
	}
}

func TestExtraHostsGetAFileOfTheirOwn(t *testing.T) {
	got, err := onPaper(t, true).options(runtime.ContainerSpec{Name: "app", ExtraHosts: map[string]string{"db": "10.0.0.2", "cache": "10.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	m := got.HostConfig.Mounts
	if len(m) != 1 || m[0].Target != "/etc/hosts" {
		t.Fatalf("mounts %+v", m)
	}
	text, err := os.ReadFile(m[0].Source)
	if err != nil {
		t.Fatal(err)
	}
	want := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n172.17.0.9\t0123456789ab\n10.0.0.1\tcache\n10.0.0.2\tdb\n"
	if string(text) != want {
		t.Errorf("got %q", text)
	}
}

func TestPortsArePublishedOnlyWhereTheBridgeIsOutOfReach(t *testing.T) {
	port := network.MustParsePort("9000/tcp")
	near := onPaper(t, true).pauseOptions("pause")
	if near.HostConfig.PortBindings != nil || near.Config.Hostname != "0123456789ab" {
		t.Errorf("near: %+v", near.HostConfig.PortBindings)
	}
	far := onPaper(t, false).pauseOptions("pause")
	want := network.PortMap{port: {{HostIP: netip.MustParseAddr("127.0.0.1")}}}
	if d := cmp.Diff(want, far.HostConfig.PortBindings, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b network.Port) bool { return a == b })); d != "" {
		t.Error(d)
	}
}
