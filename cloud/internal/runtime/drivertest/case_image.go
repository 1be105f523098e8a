package drivertest

import (
	"errors"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func testPull(r *rig) {
	img := r.pull("rich:1")
	want := runtime.Image{
		ID: img.ID, Digest: img.Digest, OS: "linux", Architecture: goruntime.GOARCH,
		Config: runtime.ImageConfig{
			Entrypoint: []string{"/probe"}, Cmd: []string{"about", "of", "image"},
			Env: []string{"FROM_IMAGE=yes", "OVER=image"}, WorkingDir: "/work", User: "app",
			StopSignal: "SIGUSR1", ExposedPorts: []string{"9000/tcp"},
			Healthcheck: []string{"CMD", "/probe", "exit", "0"}, Volumes: []string{"/data"},
		},
	}
	if d := cmp.Diff(want, img); d != "" {
		r.Errorf("image (-want +got):\n%s", d)
	}
	if !strings.HasPrefix(img.Digest, "sha256:") || img.ID == "" {
		r.Errorf("digest %q, id %q", img.Digest, img.ID)
	}
	again := r.pull("rich@" + img.Digest)
	if again.ID != img.ID || again.Digest != img.Digest {
		r.Errorf("by digest: %+v, by tag %+v", again, img)
	}
}

func testPullMissing(r *rig) {
	absent := "sha256:" + strings.Repeat("0", 64)
	for _, ref := range []string{"probe:none", "none:1", "probe@" + absent} {
		_, err := r.driver.Pull(r.context(), runtime.Reference{Image: r.reg.Host + "/" + ref})
		if !errors.Is(err, runtime.ErrNoImage) {
			r.Errorf("Pull %s: %v, want ErrNoImage", ref, err)
		}
	}
	_, err := r.driver.Pull(r.context(), runtime.Reference{Image: "127.0.0.1:1/probe:1"})
	if err == nil || errors.Is(err, runtime.ErrNoImage) || strings.Contains(err.Error(), "\n") {
		r.Errorf("Pull from where nothing listens: %v, want an error in one line that is not ErrNoImage", err)
	}
}

// What one container writes, no other sees.
func testLayersAreNotWritten(r *rig) {
	b := r.box()
	first := b.run()
	for _, name := range []string{"/opt/new", "/opt/lower"} {
		if code, _, errs := first.exec("write", name, "changed"); code != 0 {
			r.Fatalf("write %s: %s", name, errs)
		}
	}
	if _, out, _ := first.exec("cat", "/opt/new", "/opt/lower"); out != "changedchanged" {
		r.Errorf("the writer reads %q", out)
	}
	second := b.run()
	if code, _, _ := second.exec("cat", "/opt/new"); code != 1 {
		r.Errorf("another container sees the new file")
	}
	if _, out, _ := second.exec("cat", "/opt/lower"); out != "from the base" {
		r.Errorf("another container reads %q", out)
	}
}

func testMounts(r *rig) {
	rw, ro := r.TempDir(), r.TempDir()
	for _, dir := range []string{rw, ro} { // not only for root, and not only for this user
		if err := os.Chmod(dir, 0o777); err != nil {
			r.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(ro, "given"), []byte("by the host"), 0o644); err != nil {
		r.Fatal(err)
	}
	b := r.box()
	u := b.run(func(s *runtime.ContainerSpec) {
		s.Mounts = []runtime.Mount{{Source: rw, Target: "/mnt/rw"}, {Source: ro, Target: "/opt", ReadOnly: true}}
	})
	if _, out, _ := u.exec("cat", "/opt/given"); out != "by the host" {
		r.Errorf("read-only mount gives %q", out)
	}
	if code, _, _ := u.exec("write", "/opt/new", "x"); code != 1 {
		r.Error("a read-only mount is written to")
	}
	if code, _, errs := u.exec("write", "/mnt/rw/new", "by the container"); code != 0 {
		r.Error(errs)
	}
	if got, err := os.ReadFile(filepath.Join(rw, "new")); string(got) != "by the container" {
		r.Errorf("the host reads %q, %v", got, err)
	}
	if _, out, _ := b.run(func(s *runtime.ContainerSpec) { s.Mounts = []runtime.Mount{{Source: rw, Target: "/shared"}} }).exec("cat", "/shared/new"); out != "by the container" {
		r.Errorf("another container reads %q", out)
	}
}

func testTmpfs(r *rig) {
	u := r.box().run(func(s *runtime.ContainerSpec) { s.Tmpfs = map[string]int64{"/scratch": 1 << 20} })
	if code, _, errs := u.exec("write", "/scratch/x", "y"); code != 0 {
		r.Error(errs)
	}
	if code, _, _ := u.exec("write", "/scratch/big", strings.Repeat("x", 100_000), strings.Repeat("y", 100_000)); code != 0 {
		r.Error("200 kB do not fit into a tmpfs of 1 MiB")
	}
	_, mounts, _ := u.exec("cat", "/proc/self/mounts")
	if !strings.Contains(mounts, " /scratch tmpfs ") || !strings.Contains(mounts, "size=1024k") {
		r.Errorf("mounts:\n%s", mounts)
	}
}

func testReadonlyRoot(r *rig) {
	rw := r.TempDir()
	if err := os.Chmod(rw, 0o777); err != nil {
		r.Fatal(err)
	}
	u := r.box().run(func(s *runtime.ContainerSpec) {
		s.ReadonlyRoot = true
		s.Mounts = []runtime.Mount{{Source: rw, Target: "/mnt/rw"}}
		s.Tmpfs = map[string]int64{"/scratch": 1 << 20}
	})
	for file, want := range map[string]int{"/opt/new": 1, "/new": 1, "/mnt/rw/new": 0, "/scratch/new": 0, "/dev/shm/new": 0} {
		if code, _, errs := u.exec("write", file, "x"); code != want {
			r.Errorf("write %s: exit %d, want %d %s", file, code, want, errs)
		}
	}
}

func testHostFiles(r *rig) {
	b := r.box(func(s *runtime.SandboxSpec) { s.Hostname = "hello-host" })
	u := b.run(func(s *runtime.ContainerSpec) { s.ExtraHosts = map[string]string{"db": "10.1.2.3"} })
	_, hosts, _ := u.exec("cat", "/etc/hosts")
	for _, want := range [][2]string{{"127.0.0.1", "localhost"}, {"10.1.2.3", "db"}, {b.Addr().String(), "hello-host"}} {
		if !hasHost(hosts, want[0], want[1]) {
			r.Errorf("/etc/hosts lacks %s:\n%s", want, hosts)
		}
	}
	if _, out, _ := u.exec("cat", "/etc/hostname"); strings.TrimSpace(out) != "hello-host" {
		r.Errorf("/etc/hostname is %q", out)
	}
	if code, _, errs := u.exec("cat", "/etc/resolv.conf"); code != 0 {
		r.Error(errs)
	}
	if a := b.about(); a.Hostname != "hello-host" {
		r.Errorf("hostname %q", a.Hostname)
	}
}

func hasHost(hosts, addr, name string) bool {
	for line := range strings.Lines(hosts) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == addr {
			for _, n := range f[1:] {
				if n == name {
					return true
				}
			}
		}
	}
	return false
}
