package drivertest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func testMany(r *rig) {
	n := r.factory.Many
	if n == 0 {
		n = 50
	}
	img := r.pull("probe:1").ID
	boxes := make([]*box, n)
	var wg sync.WaitGroup
	for i := range boxes {
		wg.Go(func() {
			s, err := r.driver.Create(r.context(), runtime.SandboxSpec{ID: newID(), Ports: []uint16{9000}})
			if err != nil {
				r.Errorf("sandbox %d: %v", i, err)
				return
			}
			boxes[i] = &box{Sandbox: s, r: r}
			spec := runtime.ContainerSpec{Name: "web", Image: img, LogPath: filepath.Join(r.dir, fmt.Sprint("log", i))}
			command("serve", "9000", fmt.Sprint("number", i))(&spec)
			err = os.WriteFile(spec.LogPath, nil, 0o600)
			if err == nil {
				_, err = s.Run(r.context(), spec)
			}
			if err != nil {
				r.Errorf("container %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if r.Failed() {
		return
	}
	addrs := map[string]bool{}
	for i, b := range boxes {
		if got := b.page(9000); !strings.HasPrefix(got, fmt.Sprint("number", i, " ")) {
			r.Errorf("sandbox %d serves %q", i, got)
		}
		addrs[b.Addr().String()] = true
	}
	if len(addrs) != n {
		r.Errorf("%d sandboxes have %d addresses", n, len(addrs))
	}
	r.closeAll(boxes)
}

func (r *rig) closeAll(boxes []*box) {
	var wg sync.WaitGroup
	var ids []string
	for _, b := range boxes {
		ids = append(ids, b.ID())
		wg.Go(func() {
			if err := b.Close(r.context()); err != nil {
				r.Errorf("Close: %v", err)
			}
		})
	}
	wg.Wait()
	r.nothingLeft(ids...)
}

func (r *rig) nothingLeft(ids ...string) {
	r.Helper()
	if r.factory.Leftovers == nil {
		return
	}
	if left := r.factory.Leftovers(r.dir, ids); len(left) > 0 {
		r.Errorf("left over: %q", left)
	}
}

func testClose(r *rig) {
	b := r.box()
	web, idle := b.run(command("serve", "9000", "x")), b.run(command("stubborn"))
	b.page(9000)
	idle.says("ready")
	if err := b.Close(r.context()); err != nil {
		r.Fatal(err)
	}
	for _, u := range []*unit{web, idle} {
		if e := u.exit(); e.Code != 137 {
			r.Errorf("a container of a closed sandbox: %+v", e)
		}
	}
	if c, err := b.Dial(r.context(), 9000); err == nil {
		c.Close()
		r.Error("a closed sandbox is dialled")
	}
	if _, err := b.try(); err == nil {
		r.Error("a closed sandbox runs a container")
	}
	if err := b.Close(r.context()); err != nil {
		r.Errorf("Close again: %v", err)
	}
	r.nothingLeft(b.ID())
}

func testDriverClose(r *rig) {
	r = newRig(r.T, r.factory, r.reg)
	b := r.box()
	u := b.run()
	if err := r.driver.Close(r.context()); err != nil {
		r.Fatal(err)
	}
	if e := u.exit(); e.Code != 137 {
		r.Errorf("a container of a closed driver: %+v", e)
	}
	r.nothingLeft(b.ID())
	r.driver = r.open() // the folder can be used again
	if got := r.box().output(command("echo", "again")); got != "again\n" {
		r.Error(got)
	}
}

// childEnv tells a test binary to be the child that is killed; it holds a childOrder.
const childEnv = "TURNOUT_DRIVERTEST_CHILD"

type childOrder struct {
	Dir, Image string
	IDs        []string
}

// testSweep kills a process that holds sandboxes and looks that Sweep leaves nothing of
// them, but does leave what belongs to the living.
func testSweep(r *rig) {
	r = newRig(r.T, r.factory, r.reg)
	order := childOrder{Dir: r.dir, Image: r.reg.Host + "/probe:1", IDs: []string{newID(), newID()}}
	text, err := json.Marshal(order)
	if err != nil {
		r.Fatal(err)
	}
	child := exec.Command("/proc/self/exe", "-test.run=^$")
	child.Env = append(os.Environ(), childEnv+"="+string(text))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	if err := child.Start(); err != nil {
		r.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadString('\n')
	if err := child.Process.Kill(); err != nil {
		r.Error(err)
	}
	_ = child.Wait() // killed
	if line != "ready\n" {
		r.Fatalf("the child said %q", line)
	}
	own := r.box()
	u := own.run(command("serve", "9000", "mine"))
	own.page(9000)
	if err := r.driver.Sweep(r.context()); err != nil {
		r.Errorf("Sweep: %v", err)
	}
	r.nothingLeft(order.IDs...)
	if got := own.page(9000); !strings.HasPrefix(got, "mine ") {
		r.Errorf("after Sweep the own sandbox serves %q", got)
	}
	if err := u.Signal(r.context(), 9); err != nil {
		r.Error(err)
	}
	u.exit()
	if err := r.driver.Sweep(r.context()); err != nil {
		r.Errorf("Sweep of nothing: %v", err)
	}
}

// beChild makes sandboxes with containers, says so, and waits to be killed.
func beChild(f Factory) {
	if err := hold(f); err != nil {
		fmt.Fprintln(os.Stderr, "child:", err)
		os.Exit(1)
	}
	fmt.Println("ready")
	for {
		time.Sleep(time.Hour)
	}
}

func hold(f Factory) error {
	var order childOrder
	if err := json.Unmarshal([]byte(os.Getenv(childEnv)), &order); err != nil {
		return err
	}
	ctx := context.Background()
	d, err := f.New(order.Dir)
	if err != nil {
		return err
	}
	img, err := d.Pull(ctx, runtime.Reference{Image: order.Image})
	if err != nil {
		return err
	}
	for _, id := range order.IDs {
		s, err := d.Create(ctx, runtime.SandboxSpec{ID: id, Ports: []uint16{9000}})
		if err != nil {
			return err
		}
		for _, name := range []string{"one", "two"} {
			spec := runtime.ContainerSpec{Name: name, Image: img.ID, Entrypoint: []string{"/probe", "stubborn"}, LogPath: filepath.Join(order.Dir, id+name), MemoryBytes: 64 << 20}
			if err := os.WriteFile(spec.LogPath, nil, 0o600); err != nil {
				return err
			}
			if _, err := s.Run(ctx, spec); err != nil {
				return err
			}
		}
	}
	return nil
}
