//go:build linux

package native

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// local is an Images with one image.
type local struct{ img v1.Image }

func (l local) Image(context.Context, runtime.Reference) (v1.Image, v1.Hash, error) {
	digest, err := l.img.Digest()
	return l.img, digest, err
}

// bench is a driver with the probe pulled.
func bench(b *testing.B, rootless bool) (runtime.Driver, runtime.Image) {
	b.Helper()
	needNative(b)
	d, err := New(Options{Dir: b.TempDir(), Images: local{probeImage(b)}, Rootless: rootless})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close(context.Background()) })
	pulled, err := d.Pull(b.Context(), runtime.Reference{Image: "local"})
	if err != nil {
		b.Fatal(err)
	}
	return d, pulled
}

func serving(b *testing.B, d runtime.Driver, img runtime.Image, id int) (runtime.Sandbox, runtime.Container) {
	b.Helper()
	s, err := d.Create(b.Context(), runtime.SandboxSpec{ID: "bench-" + strconv.Itoa(id)})
	if err != nil {
		b.Fatal(err)
	}
	log := filepath.Join(b.TempDir(), "log")
	if err := os.WriteFile(log, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	c, err := s.Run(b.Context(), runtime.ContainerSpec{Name: "web", Image: img.ID, Entrypoint: []string{"/probe", "serve", "9000"}, LogPath: log})
	if err != nil {
		b.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return s.Dial(ctx, 9000) }}}
	for {
		res, err := client.Get("http://task/")
		if err == nil {
			res.Body.Close()
			return s, c
		}
		if b.Context().Err() != nil {
			b.Fatal(errors.Join(err, b.Context().Err()))
		}
		time.Sleep(200 * time.Microsecond)
	}
}

// A sandbox with a container, from nothing to the first answer.
func BenchmarkStart(b *testing.B) {
	for _, rootless := range []bool{false, true} {
		b.Run("rootless="+strconv.FormatBool(rootless), func(b *testing.B) {
			d, img := bench(b, rootless)
			n := 0
			for b.Loop() {
				n++
				s, _ := serving(b, d, img, n)
				b.StopTimer()
				s.Close(b.Context())
				b.StartTimer()
			}
		})
	}
}

func BenchmarkClose(b *testing.B) {
	d, img := bench(b, false)
	n := 0
	for b.Loop() {
		b.StopTimer()
		n++
		s, _ := serving(b, d, img, n)
		b.StartTimer()
		s.Close(b.Context())
	}
}

func BenchmarkExec(b *testing.B) {
	d, img := bench(b, false)
	_, c := serving(b, d, img, 0)
	for b.Loop() {
		if code, err := c.Exec(b.Context(), runtime.ExecSpec{Argv: []string{"/probe", "exit", "0"}}); err != nil || code != 0 {
			b.Fatal(code, err)
		}
	}
}

func BenchmarkDial(b *testing.B) {
	d, img := bench(b, false)
	s, _ := serving(b, d, img, 0)
	for b.Loop() {
		c, err := s.Dial(b.Context(), 9000)
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

// Memory of a sandbox's helper: what it does not share with others.
func BenchmarkHolder(b *testing.B) {
	d, _ := bench(b, false)
	n := 0
	for b.Loop() {
		n++
		s, err := d.Create(b.Context(), runtime.SandboxSpec{ID: "bench-" + strconv.Itoa(n)})
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		rollup, err := os.ReadFile("/proc/" + strconv.Itoa(s.(*sandbox).holder.Pid) + "/smaps_rollup")
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(string(rollup)) {
			if f := strings.Fields(line); f[0] == "Private_Dirty:" {
				kib, _ := strconv.Atoi(f[1])
				b.ReportMetric(float64(kib), "KiB-private")
			}
		}
		s.Close(b.Context())
		b.StartTimer()
	}
}
