// Package runtime is the contract between the cloud and what really runs containers.
//
// A Driver makes sandboxes; a sandbox is what the containers of one task share: a
// network namespace with one address and, with that, the life of the task. Drivers know
// nothing of ECS: order, health checks and stop sequences are package agent's.
//
// Nothing outlives the process that made it. A driver ties its containers to the life
// of the cloud (by parent-death signals or a reaper process), and Sweep removes what an
// earlier process with the same state folder left behind; the ECS scheduler then starts
// replacements. Every driver passes package drivertest.
package runtime

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// Driver runs containers. All methods may be called concurrently.
type Driver interface {
	// Name is "native", "docker" or "fake".
	Name() string
	// Pull makes an image present and returns what it says of itself.
	// A reference that does not exist gives an error that matches ErrNoImage, one that the
	// registry does not let the reference's user have one that matches ErrDenied.
	Pull(ctx context.Context, ref Reference) (Image, error)
	// Create makes an empty sandbox.
	Create(ctx context.Context, spec SandboxSpec) (Sandbox, error)
	// Sweep removes all that an earlier process with the same state folder left.
	Sweep(ctx context.Context) error
	// Close removes all sandboxes and frees what the driver holds.
	Close(ctx context.Context) error
}

// ErrNoImage is matched by pull errors for references that do not exist.
var ErrNoImage = errors.New("image not found")

// ErrDenied is matched by pull errors for references that the registry refuses.
var ErrDenied = errors.New("the registry refuses")

// ErrNoServices is matched by Create's error when the driver cannot offer
// SandboxSpec.Services here; without them Create may succeed.
var ErrNoServices = errors.New("services inside a sandbox are not possible")

// StartError is why a container could not be started at all: the program is not in the
// image, is built for another architecture, or the user is unknown.
type StartError struct {
	Reason string // one line, names the program
	Err    error
}

func (e *StartError) Error() string { return e.Reason }
func (e *StartError) Unwrap() error { return e.Err }

// Reference names an image in a registry, with the credentials to pull it.
type Reference struct {
	Image    string // host[:port]/name[:tag][@digest]
	Username string // empty for anonymous pulls
	Password string
	Platform string // "linux/amd64"; empty for the machine's own
}

// Image is a pulled image.
type Image struct {
	ID           string // what ContainerSpec.Image takes
	Digest       string // sha256:… of the manifest that was pulled (of the index, if it was one)
	Architecture string // GOARCH
	OS           string // GOOS
	Config       ImageConfig
}

// ImageConfig is the part of an image's configuration that tasks inherit.
type ImageConfig struct {
	Entrypoint, Cmd, Env []string
	WorkingDir, User     string
	StopSignal           string // "SIGTERM" form, empty for SIGTERM
	ExposedPorts         []string
	Healthcheck          []string // ["CMD", …], ["CMD-SHELL", …], nil
	Volumes              []string // mount points declared by the image
}

// SandboxSpec describes what the containers of a task share.
type SandboxSpec struct {
	ID       string            // unique, [a-z0-9-]
	Hostname string            // empty for one made of ID
	Labels   map[string]string // shown where the driver can (docker ps)
	Ports    []uint16          // TCP ports that must be reachable through Dial
	// Services are TCP services of the cloud that containers reach inside the sandbox,
	// such as 169.254.170.2:80; each accepted connection is handed to its function,
	// which must close it. Drivers that cannot do it return an error that says why and
	// matches ErrNoServices.
	Services map[netip.AddrPort]func(net.Conn)
	ShmSize  int64 // bytes, 0 for the driver's default
}

// Sandbox is the shared environment of one task's containers.
type Sandbox interface {
	ID() string
	// Addr is the sandbox's own IPv4 address: no two live sandboxes of a driver share one.
	Addr() netip.Addr
	// Dial connects to a TCP port on which a container listens.
	Dial(ctx context.Context, port uint16) (net.Conn, error)
	// Run starts a container. Failures to start are a *StartError.
	Run(ctx context.Context, spec ContainerSpec) (Container, error)
	// Close kills what runs and removes the sandbox with all its containers. It may be
	// called again.
	Close(ctx context.Context) error
}

// ContainerSpec describes one container of a sandbox. Zero values inherit from the image,
// but for Cmd beside an Entrypoint of its own: that drops the image's Cmd, as Docker does.
type ContainerSpec struct {
	Name        string // unique in the sandbox
	Image       string // Image.ID
	Entrypoint  []string
	Cmd         []string
	Env         []string // K=V, over the image's own
	WorkingDir  string
	User        string // "1000", "1000:1000", "name"
	Mounts      []Mount
	Tmpfs       map[string]int64 // path → bytes
	MemoryBytes int64            // hard limit, 0 for none
	// MemoryReservation is the soft limit in bytes that holds when memory is short, 0
	// for none; drivers that cannot do it ignore it.
	MemoryReservation int64
	CPUShares         int64 // relative weight; 1024 is one CPU
	ReadonlyRoot      bool
	Privileged        bool
	Init              bool
	CapAdd            []string // "NET_ADMIN" form
	CapDrop           []string
	Ulimits           []Ulimit
	Sysctls           map[string]string
	ExtraHosts        map[string]string // name → address, for /etc/hosts
	Labels            map[string]string // shown where the driver can (docker inspect)
	// LogPath is the file that receives stdout and stderr, appended, made by the caller.
	LogPath string
}

// Ulimit is one resource limit.
type Ulimit struct {
	Name       string // "nofile"
	Soft, Hard int64
}

// Mount makes a folder of the host visible in a container.
type Mount struct {
	Source   string // absolute host folder, made by the caller
	Target   string
	ReadOnly bool
}

// Container is one running or exited process tree.
type Container interface {
	// ID is the driver's own name of it (runtimeId in ECS).
	ID() string
	// Wait returns when the container has exited and all that it wrote is in its LogPath;
	// again and again the same.
	Wait(ctx context.Context) (Exit, error)
	// Signal reaches the container's first process. After the exit it does nothing.
	Signal(ctx context.Context, sig syscall.Signal) error
	// Exec runs a program inside the container and returns its exit code.
	Exec(ctx context.Context, spec ExecSpec) (code int, err error)
}

// Meter is implemented by containers that are measured. A driver that cannot measure
// leaves it out.
type Meter interface {
	// Usage is what the container's processes use. It is an error after the exit.
	Usage(ctx context.Context) (Usage, error)
}

// Usage is what processes use of the machine.
type Usage struct {
	CPU    time.Duration // that they have spent since they were started
	Memory int64         // bytes that they hold now
}

// ExecSpec is a program to run inside a container, in its user, environment and folder.
type ExecSpec struct {
	Argv           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Terminal gives the program a terminal, whose input is Stdin and whose output is
	// Stdout; nil gives it pipes.
	Terminal *Terminal
}

// Terminal is one that somebody looks at.
type Terminal struct {
	Sizes <-chan Size // its size, whenever it changes; nil for never
}

// Size is a terminal's.
type Size struct{ Rows, Cols uint16 }

// Exit is how a container ended.
type Exit struct {
	Code      int // 128+signal when killed by one
	OOMKilled bool
	Error     string // the driver's own words, if it failed under the container
	At        time.Time
}
