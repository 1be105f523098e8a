package agent

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func TestADefinitionBecomesAContainerSpec(t *testing.T) {
	story(t, 1, nil, func(r *rig) {
		r.start(define(named("app", func(d *types.ContainerDefinition) {
			d.EntryPoint, d.Command = []string{"/init"}, []string{"serve"}
			d.WorkingDirectory, d.User = aws.String("/srv"), aws.String("1000:1000")
			d.Memory, d.MemoryReservation, d.Cpu = aws.Int32(128), aws.Int32(64), 256
			d.ReadonlyRootFilesystem, d.Privileged = aws.Bool(true), aws.Bool(true)
			d.Ulimits = []types.Ulimit{{Name: types.UlimitNameNofile, SoftLimit: 10, HardLimit: 20}}
			d.SystemControls = []types.SystemControl{{Namespace: aws.String("net.core.somaxconn"), Value: aws.String("9")}}
			d.DockerLabels = map[string]string{"team": "blue"}
			d.Links = []string{"db:database"}
			d.ExtraHosts = []types.HostEntry{{Hostname: aws.String("legacy"), IpAddress: aws.String("10.0.0.1")}}
			d.LinuxParameters = &types.LinuxParameters{
				InitProcessEnabled: aws.Bool(true),
				Capabilities:       &types.KernelCapabilities{Add: []string{"NET_ADMIN"}, Drop: []string{"CHOWN"}},
				Tmpfs:              []types.Tmpfs{{ContainerPath: aws.String("/scratch"), Size: 2}},
			}
		}), named("db")))
		want := runtime.ContainerSpec{
			Name: "app", Image: "id-of-web", Entrypoint: []string{"/init"}, Cmd: []string{"serve"},
			Env:        []string{"AWS_EXECUTION_ENV=AWS_ECS_EC2", "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1"},
			WorkingDir: "/srv", User: "1000:1000", Tmpfs: map[string]int64{"/scratch": 2 << 20},
			MemoryBytes: 128 << 20, MemoryReservation: 64 << 20, CPUShares: 256,
			ReadonlyRoot: true, Privileged: true, Init: true,
			CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"CHOWN"},
			Ulimits:    []runtime.Ulimit{{Name: "nofile", Soft: 10, Hard: 20}},
			Sysctls:    map[string]string{"net.core.somaxconn": "9"},
			ExtraHosts: map[string]string{"db": "127.0.0.1", "database": "127.0.0.1", "legacy": "10.0.0.1"},
			Labels: map[string]string{
				"com.amazonaws.ecs.cluster": "shop", "com.amazonaws.ecs.task-arn": taskARN, "team": "blue",
				"com.amazonaws.ecs.task-definition-family": "hello", "com.amazonaws.ecs.task-definition-version": "3",
				"com.amazonaws.ecs.container-name": "app",
			},
			LogPath: filepath.Join(r.dir, "tasks", taskID, "app.log"),
		}
		r.same("spec", r.stage.specs["app"], want)
		r.same("links start first", len(r.stage.noted("run")), 2)
		r.same("first", r.stage.noted("run")[0], "0s run db")
	})
}

func TestSandboxSpec(t *testing.T) {
	port := func(n int32, p types.TransportProtocol) types.PortMapping {
		return types.PortMapping{ContainerPort: aws.Int32(n), Protocol: p}
	}
	task := newTask(New(Options{Dir: t.TempDir()}), Spec{ID: taskID, Definition: define(
		named("a", func(d *types.ContainerDefinition) {
			d.PortMappings = []types.PortMapping{port(9000, ""), port(53, types.TransportProtocolUdp), port(9001, types.TransportProtocolTcp)}
			d.LinuxParameters = &types.LinuxParameters{SharedMemorySize: aws.Int32(8)}
		}),
		named("b", func(d *types.ContainerDefinition) { d.Hostname = aws.String("bee") }),
	)}, nil)
	got := task.sandboxSpec()
	if !slices.Equal(got.Ports, []uint16{9000, 9001}) || got.ShmSize != 8<<20 || got.Hostname != "bee" || got.ID != taskID {
		t.Errorf("got %+v", got)
	}
}

func TestMemoryOfTheTaskLimitsContainersWithoutTheirOwn(t *testing.T) {
	for in, want := range map[string]int64{"512": 512 << 20, "0.5 GB": 512 << 20, "2GB": 2 << 30, "": 0, "much": 0, "-1": 0} {
		if got := taskMemory(in); got != want {
			t.Errorf("taskMemory(%q) = %d, want %d", in, got, want)
		}
	}
	task := &task{spec: Spec{Definition: types.TaskDefinition{Memory: aws.String("512")}}}
	if got := task.memory(named("a")); got != 512<<20 {
		t.Errorf("memory = %d", got)
	}
}

func TestEnvironment(t *testing.T) {
	served := map[netip.AddrPort]func(net.Conn){MetadataAddr: func(c net.Conn) { c.Close() }}
	env := func(pairs ...string) (kvs []types.KeyValuePair) {
		for _, p := range pairs {
			k, v, _ := strings.Cut(p, "=")
			kvs = append(kvs, types.KeyValuePair{Name: &k, Value: &v})
		}
		return kvs
	}
	for _, c := range []struct {
		name   string
		err    error
		region string
		uri    string
		creds  string
	}{
		{"with services", nil, "eu-west-1", "http://169.254.170.2/v4/" + taskID + "-0", "/v2/credentials/x"},
		{"without, where the driver cannot", fmt.Errorf("no: %w", runtime.ErrNoServices), "eu-west-1", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, 1, func(s *stage) { s.createErr = c.err }, func(r *rig) {
				d := define(named("app", func(d *types.ContainerDefinition) { d.Environment = env("FROM=definition", "EMPTY=") }))
				d.RequiresCompatibilities = []types.Compatibility{types.CompatibilityFargate}
				r.start(d, func(s *Spec) {
					s.Services = served
					s.Env = map[string][]types.KeyValuePair{"app": env("SECRET=s3", "FROM=file", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/x")}
				})
				got := map[string]string{}
				for _, kv := range r.stage.specs["app"].Env {
					k, v, _ := strings.Cut(kv, "=")
					got[k] = v
				}
				r.same("status", r.now().Status, "RUNNING")
				r.same("own", []string{got["FROM"], got["SECRET"], got["AWS_EXECUTION_ENV"], got["AWS_REGION"]}, []string{"definition", "s3", "AWS_ECS_FARGATE", c.region})
				r.same("metadata", got["ECS_CONTAINER_METADATA_URI_V4"], c.uri)
				r.same("credentials", got["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], c.creds)
			})
		})
	}
}

func TestVolumes(t *testing.T) {
	host := t.TempDir()
	mount := func(volume, path string) func(*types.ContainerDefinition) {
		return func(d *types.ContainerDefinition) {
			d.MountPoints = append(d.MountPoints, types.MountPoint{SourceVolume: &volume, ContainerPath: &path})
		}
	}
	story(t, 1, nil, func(r *rig) {
		d := define(
			named("app", mount("scratch", "/a"), mount("host", "/h"), mount("shared", "/s"), mount("efs", "/e")),
			named("copy", func(d *types.ContainerDefinition) {
				d.VolumesFrom = []types.VolumeFrom{{SourceContainer: aws.String("app"), ReadOnly: aws.Bool(true)}}
			}),
		)
		d.Volumes = []types.Volume{
			{Name: aws.String("scratch")},
			{Name: aws.String("host"), Host: &types.HostVolumeProperties{SourcePath: aws.String(host + "/made")}},
			{Name: aws.String("shared"), DockerVolumeConfiguration: &types.DockerVolumeConfiguration{Scope: types.ScopeShared}},
			{Name: aws.String("efs"), EfsVolumeConfiguration: &types.EFSVolumeConfiguration{FileSystemId: aws.String("fs-1"), RootDirectory: aws.String("/../data")}},
		}
		task := r.start(d)
		want := []runtime.Mount{
			{Source: filepath.Join(r.dir, "tasks", taskID, "volumes", "scratch"), Target: "/a"},
			{Source: host + "/made", Target: "/h"},
			{Source: filepath.Join(r.dir, "volumes", "docker", "shared"), Target: "/s"},
			{Source: filepath.Join(r.dir, "volumes", "efs", "fs-1", "data"), Target: "/e"},
		}
		r.same("mounts", r.stage.specs["app"].Mounts, want)
		for i, m := range want {
			want[i].ReadOnly = true
			if _, err := os.Stat(m.Source); err != nil {
				t.Error(err)
			}
		}
		r.same("mounts taken over", r.stage.specs["copy"].Mounts, want)
		task.Stop(types.TaskStopCodeUserInitiated, "")
		<-task.Done()
		if _, err := os.Stat(want[0].Source); !os.IsNotExist(err) {
			t.Errorf("the task's own volume is still there: %v", err)
		}
		if _, err := os.Stat(want[2].Source); err != nil {
			t.Errorf("the shared volume is gone: %v", err)
		}
	})
}

func TestVolumesThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name   string
		volume types.Volume
		want   string
	}{
		{"unknown", types.Volume{Name: aws.String("w")}, `CannotCreateContainerError: volume "v" is not in the task definition`},
		{"FSx", types.Volume{Name: aws.String("v"), FsxWindowsFileServerVolumeConfiguration: &types.FSxWindowsFileServerVolumeConfiguration{}}, "CannotCreateContainerError: volume v: FSx for Windows volumes are not available on the local cloud"},
	} {
		t.Run(c.name, func(t *testing.T) {
			story(t, 1, nil, func(r *rig) {
				d := define(named("app", func(d *types.ContainerDefinition) {
					d.MountPoints = []types.MountPoint{{SourceVolume: aws.String("v"), ContainerPath: aws.String("/v")}}
				}))
				d.Volumes = []types.Volume{c.volume}
				<-r.start(d).Done()
				r.stopped(types.TaskStopCodeTaskFailedToStart, c.want)
			})
		})
	}
}
