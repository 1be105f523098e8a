package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

var loopback = netip.MustParseAddr("127.0.0.1")

// errClosed is why nothing can be made any more.
var errClosed = errors.New("it is closed")

// sandbox is a pause container and those that joined its network.
type sandbox struct {
	driver   *Driver
	spec     runtime.SandboxSpec
	pauseID  string
	pid      int // of the pause container, as the engine's machine numbers it
	addr     netip.Addr
	ports    map[uint16]netip.AddrPort // where published ports are; nil where addr is dialled
	services io.Closer                 // nil without services

	mu     sync.Mutex
	closed bool
	ids    []string       // of the containers
	alive  sync.WaitGroup // their watchers
}

// Create implements runtime.Driver.
func (d *Driver) Create(ctx context.Context, spec runtime.SandboxSpec) (runtime.Sandbox, error) {
	if len(spec.Services) > 0 {
		if err := d.canServe(); err != nil {
			return nil, fmt.Errorf("sandbox %s: %w: %w", spec.ID, runtime.ErrNoServices, err)
		}
	}
	d.reaperOnce.Do(d.startReaper)
	image, err := d.pause(ctx)
	if err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", spec.ID, err)
	}
	s := &sandbox{driver: d, spec: spec}
	if err := d.adopt(s); err != nil {
		return nil, fmt.Errorf("sandbox %s: %w", spec.ID, err)
	}
	if err := s.open(ctx, image); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox %s: %w", spec.ID, err), s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// adopt writes a sandbox into the driver's books.
func (d *Driver) adopt(s *sandbox) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return fmt.Errorf("driver docker: %w", errClosed)
	}
	d.sandboxes[s] = struct{}{}
	return nil
}

// open starts the pause container and learns where it is.
func (s *sandbox) open(ctx context.Context, image string) error {
	engine := s.driver.engine
	made, err := engine.ContainerCreate(ctx, s.pauseOptions(image))
	if err != nil {
		return fmt.Errorf("create pause container: %w", err)
	}
	s.pauseID = made.ID
	if _, err := engine.ContainerStart(ctx, s.pauseID, client.ContainerStartOptions{}); err != nil {
		return fmt.Errorf("start pause container: %w", err)
	}
	got, err := engine.ContainerInspect(ctx, s.pauseID, client.ContainerInspectOptions{})
	if err != nil {
		return fmt.Errorf("inspect pause container: %w", err)
	}
	if err := s.locate(got.Container); err != nil {
		return err
	}
	s.services, err = serve(s.pid, s.spec.Services)
	return err
}

func (s *sandbox) pauseOptions(image string) client.ContainerCreateOptions {
	config := &container.Config{
		Image:    image,
		Hostname: hostname(s.spec),
		Labels:   s.labels("pause", s.spec.Labels),
	}
	host := &container.HostConfig{
		NetworkMode:    network.NetworkBridge,
		LogConfig:      container.LogConfig{Type: "none"},
		CapDrop:        []string{"ALL"},
		ReadonlyRootfs: true,
	}
	if !s.driver.info.direct {
		config.ExposedPorts, host.PortBindings = network.PortSet{}, network.PortMap{}
		for _, n := range s.spec.Ports {
			port, _ := network.PortFrom(n, network.TCP)
			config.ExposedPorts[port] = struct{}{}
			host.PortBindings[port] = []network.PortBinding{{HostIP: loopback}}
		}
	}
	return client.ContainerCreateOptions{Name: s.name("pause"), Config: config, HostConfig: host}
}

// hostname is the declared one, or one of at most 12 letters made of the id.
func hostname(spec runtime.SandboxSpec) string {
	if spec.Hostname != "" {
		return spec.Hostname
	}
	return spec.ID[:min(12, len(spec.ID))]
}

// name is a container's name on the engine.
func (s *sandbox) name(container string) string {
	return "turnout-" + s.spec.ID + "-" + container + "-" + s.driver.process[:4]
}

func (s *sandbox) labels(name string, more ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range more {
		maps.Copy(all, m)
	}
	maps.Copy(all, map[string]string{
		labelState: s.driver.state, labelProcess: s.driver.process, labelSandbox: s.spec.ID, labelContainer: name,
	})
	return all
}

// locate reads the address and the published ports of the pause container.
func (s *sandbox) locate(c container.InspectResponse) error {
	s.pid = c.State.Pid
	for _, n := range c.NetworkSettings.Networks {
		s.addr = n.IPAddress
	}
	if !s.addr.Is4() {
		return errors.New("the engine's bridge network gives no IPv4 address")
	}
	if s.driver.info.direct {
		return nil
	}
	s.ports = map[uint16]netip.AddrPort{}
	for port, bindings := range c.NetworkSettings.Ports {
		for _, b := range bindings {
			n, err := strconv.ParseUint(b.HostPort, 10, 16)
			if err != nil {
				return fmt.Errorf("published port %q: %w", b.HostPort, err)
			}
			s.ports[port.Num()] = netip.AddrPortFrom(loopback, uint16(n))
		}
	}
	return nil
}

// ID implements runtime.Sandbox.
func (s *sandbox) ID() string { return s.spec.ID }

// Addr implements runtime.Sandbox.
func (s *sandbox) Addr() netip.Addr { return s.addr }

// Dial implements runtime.Sandbox.
func (s *sandbox) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	at := netip.AddrPortFrom(s.addr, port)
	if s.isClosed() { // or the kernel would look for the address for seconds
		return nil, fmt.Errorf("dial %s: sandbox %s: %w", at, s.spec.ID, errClosed)
	}
	if s.ports != nil {
		published, ok := s.ports[port]
		if !ok {
			return nil, fmt.Errorf("dial %s: port %d is not among the sandbox's ports, and this engine's network can only be reached through published ones", at, port)
		}
		at = published
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", at.String())
}

func (s *sandbox) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Close implements runtime.Sandbox.
func (s *sandbox) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	ids := append([]string{s.pauseID}, s.ids...)
	s.mu.Unlock()
	var g errgroup.Group
	for _, id := range ids {
		g.Go(func() error { return discard(ctx, s.driver.engine, id) })
	}
	if s.services != nil {
		g.Go(s.services.Close)
	}
	if err := g.Wait(); err != nil {
		return fmt.Errorf("remove sandbox %s: %w", s.spec.ID, err)
	}
	s.alive.Wait()
	s.driver.mu.Lock()
	delete(s.driver.sandboxes, s)
	s.driver.mu.Unlock()
	if err := os.RemoveAll(s.folder()); err != nil {
		return fmt.Errorf("remove sandbox %s: %w", s.spec.ID, err)
	}
	return nil
}

// discard kills and removes a container with its anonymous volumes; one that is not there
// is fine.
func discard(ctx context.Context, engine *client.Client, id string) error {
	if id == "" {
		return nil
	}
	_, err := engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	if cerrdefs.IsNotFound(err) || beingRemoved(err) {
		return nil
	}
	return err
}
