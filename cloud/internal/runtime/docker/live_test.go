package docker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/drivertest"
)

// These tests are of what the suite cannot see: engines that are out of reach, other
// architectures, the reaper. They run on this machine's engine.

// live makes a driver on this machine's engine; far makes it believe that the engine is
// in a virtual machine.
func live(t *testing.T, far bool) *Driver {
	t.Helper()
	needEngine(t)
	d, err := New(t.Context(), Options{State: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	d.info.direct = d.info.direct && !far
	t.Cleanup(func() {
		if err := d.Close(context.Background()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return d
}

// shop serves an image "probe:1" for an architecture, and returns the reference.
func shop(t *testing.T, arch string) (image string, shut func()) {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	program, err := os.ReadFile(drivertest.Probe(t))
	if err != nil {
		t.Fatal(err)
	}
	img := drivertest.Image(t, v1.Config{Entrypoint: []string{"/probe"}}, drivertest.Layer(t,
		drivertest.File("probe", string(program), 0o755), drivertest.File("text", "no program", 0o755)))
	if arch != "" {
		file, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		file.Architecture = arch
		if img, err = mutate.ConfigFile(img, file); err != nil {
			t.Fatal(err)
		}
	}
	image = strings.TrimPrefix(s.URL, "http://") + "/probe:1"
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Push(ref, img); err != nil {
		t.Fatal(err)
	}
	return image, s.Close
}

// boxed makes a sandbox that goes with the test.
func boxed(t *testing.T, d *Driver) runtime.Sandbox {
	t.Helper()
	s, err := d.Create(t.Context(), runtime.SandboxSpec{ID: strings.ToLower(t.Name()) + fmt.Sprint(os.Getpid()), Ports: []uint16{9000}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func spec(t *testing.T, img runtime.Image, argv ...string) runtime.ContainerSpec {
	return runtime.ContainerSpec{Name: "app", Image: img.ID, Entrypoint: argv, LogPath: filepath.Join(t.TempDir(), "log")}
}

func TestFarEngine(t *testing.T) {
	d := live(t, true)
	image, _ := shop(t, "")
	img, err := d.Pull(t.Context(), runtime.Reference{Image: image})
	if err != nil {
		t.Fatal(err)
	}
	if img.ID == "" || !strings.HasPrefix(img.Digest, "sha256:") || len(img.Config.Entrypoint) != 1 {
		t.Errorf("image %+v", img)
	}
	_, err = d.Pull(t.Context(), runtime.Reference{Image: strings.Replace(image, ":1", ":2", 1) + "x"})
	if !errors.Is(err, runtime.ErrNoImage) {
		t.Errorf("pull of a missing tag: %v", err)
	}
	s := boxed(t, d)
	if _, err := s.Run(t.Context(), spec(t, img, "/probe", "serve", "9000", "far")); err != nil {
		t.Fatal(err)
	}
	if got := page(t, s, 9000); !strings.HasPrefix(got, "far ") {
		t.Errorf("published port serves %q", got)
	}
	if _, err := s.Dial(t.Context(), 9001); err == nil || !strings.Contains(err.Error(), "not among the sandbox's ports") {
		t.Errorf("dial of an unpublished port: %v", err)
	}
	services := map[netip.AddrPort]func(net.Conn){netip.MustParseAddrPort("169.254.170.2:80"): nil}
	if _, err := d.Create(t.Context(), runtime.SandboxSpec{ID: "x", Services: services}); !errors.Is(err, runtime.ErrNoServices) {
		t.Errorf("services: %v", err)
	}
}

// page waits until a sandbox serves on a port.
func page(t *testing.T, s runtime.Sandbox, port uint16) string {
	t.Helper()
	c := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return s.Dial(ctx, port) },
	}}
	var body []byte
	eventually(t, func() error {
		res, err := c.Get("http://task/")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err = io.ReadAll(res.Body)
		return err
	})
	return string(body)
}

// eventually tries until it succeeds.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

func TestAFarEnginesRefusalIsReadFromTheLog(t *testing.T) {
	d := live(t, true)
	image, _ := shop(t, "")
	img, err := d.Pull(t.Context(), runtime.Reference{Image: image})
	if err != nil {
		t.Fatal(err)
	}
	c, err := boxed(t, d).Run(t.Context(), spec(t, img, "/text"))
	if err != nil {
		t.Fatal(err)
	}
	exit, err := c.Wait(t.Context())
	if err != nil || exit.Code == 0 || !strings.HasSuffix(exit.Error, "exec format error") {
		t.Errorf("%+v, %v", exit, err)
	}
}

func TestForeignArchitecture(t *testing.T) {
	d := live(t, false)
	if !d.info.direct || runtime.Emulated("arm64") || d.info.arch != "amd64" {
		t.Logf("nothing to refuse: direct %v, emulated %v, engine %s", d.info.direct, runtime.Emulated("arm64"), d.info.arch)
		return
	}
	image, _ := shop(t, "arm64")
	img, err := d.Pull(t.Context(), runtime.Reference{Image: image})
	if err != nil {
		t.Fatal(err)
	}
	_, err = boxed(t, d).Run(t.Context(), runtime.ContainerSpec{Name: "app", Image: img.ID, LogPath: filepath.Join(t.TempDir(), "log")})
	want := "exec /probe: exec format error: the image is built for linux/arm64, this machine is linux/amd64"
	if !errors.As(err, new(*runtime.StartError)) || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if _, err := d.Pull(t.Context(), runtime.Reference{Image: image, Platform: "linux/amd64"}); err == nil {
		t.Log("this engine gives an image of another platform than it was asked for")
	}
}

func TestImagesOfTheMachineStandInForASilentRegistryOnly(t *testing.T) {
	d := live(t, false)
	image, shut := shop(t, "")
	img, err := d.Pull(t.Context(), runtime.Reference{Image: image})
	if err != nil {
		t.Fatal(err)
	}
	shut()
	again, err := d.Pull(t.Context(), runtime.Reference{Image: image})
	if err != nil || again.ID != img.ID || again.Digest != img.Digest {
		t.Errorf("%+v, %v; pulled %+v", again, err, img)
	}
	if _, err := d.Pull(t.Context(), runtime.Reference{Image: image + "x"}); err == nil || errors.Is(err, runtime.ErrNoImage) {
		t.Errorf("an image that never was here: %v", err)
	}
}

func TestSweepRemovesFilesOfEarlierProcesses(t *testing.T) {
	d := live(t, false)
	image, _ := shop(t, "")
	img, err := d.Pull(t.Context(), runtime.Reference{Image: image})
	if err != nil {
		t.Fatal(err)
	}
	withHosts := spec(t, img, "/probe", "sleep")
	withHosts.ExtraHosts = map[string]string{"db": "10.1.2.3"}
	s := boxed(t, d)
	if _, err := s.Run(t.Context(), withHosts); err != nil {
		t.Fatal(err)
	}
	old := filepath.Join(d.folder, "docker", "earlier", "sandbox")
	if err := os.MkdirAll(old, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := d.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !os.IsNotExist(err) {
		t.Errorf("files of an earlier process: %v", err)
	}
	mine := s.(*sandbox).folder()
	if _, err := os.Stat(mine); err != nil {
		t.Errorf("files of this process: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mine); !os.IsNotExist(err) {
		t.Errorf("files of a closed sandbox: %v", err)
	}
}

func TestImagesOfLocalRegistriesAreGivenBack(t *testing.T) {
	for _, far := range []bool{false, true} {
		d, witness := live(t, far), live(t, far)
		image, _ := shop(t, "")
		img, err := d.Pull(t.Context(), runtime.Reference{Image: image})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := witness.Pull(t.Context(), runtime.Reference{Image: image}); err != nil {
			t.Fatal(err)
		}
		if err := witness.Close(t.Context()); err != nil || !d.has(t.Context(), img.ID) {
			t.Errorf("far %v: an image that was there before is gone; %v", far, err)
		}
		refs := keys(d.borrowed)
		if err := d.Close(t.Context()); err != nil || len(refs) != 1 || d.has(t.Context(), refs[0]) {
			t.Errorf("far %v: %v is still there; %v", far, refs, err)
		}
	}
}

func TestAClosedDriverMakesNothing(t *testing.T) {
	d := live(t, false)
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Create(t.Context(), runtime.SandboxSpec{ID: "late"}); err == nil {
		t.Error("a closed driver makes a sandbox")
	}
}

// holdEnv makes the test binary a process that holds a sandbox, in the folder it names.
const holdEnv = "TURNOUT_DOCKER_TEST_HOLD"

func holdSandbox(dir string) {
	d, err := New(context.Background(), Options{State: dir})
	if err == nil {
		_, err = d.Create(context.Background(), runtime.SandboxSpec{ID: filepath.Base(dir)})
	}
	fmt.Println("made:", err)
	time.Sleep(time.Hour)
}

func TestTheReaperRemovesWhatAKilledProcessLeft(t *testing.T) {
	needEngine(t)
	id := fmt.Sprintf("reaper-test-%d", os.Getpid())
	child := exec.Command("/proc/self/exe")
	child.Env = append(os.Environ(), holdEnv+"="+filepath.Join(t.TempDir(), id))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if line != "made: <nil>\n" || len(leftovers("", []string{id})) != 1 {
		t.Errorf("the child said %q; containers %v", line, leftovers("", []string{id}))
	}
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = child.Wait() // killed
	eventually(t, func() error {
		if left := leftovers("", []string{id}); len(left) > 0 {
			return fmt.Errorf("the reaper left %v", left)
		}
		return nil
	})
}

func TestATidyReaperDoesNothing(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere")
	if code := reap(strings.NewReader("\x01"), "x"); code != 0 {
		t.Errorf("code %d", code)
	}
}
