//go:build linux

package native

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/testkit"
)

// tree makes a folder of files that stands for a cgroup file system.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestCgroupPlaces(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"version 2", map[string]string{"cgroup.controllers": "cpuset cpu io memory pids\n"}, []string{""}},
		{"version 2 without memory", map[string]string{"cgroup.controllers": "hugetlb\n"}, nil},
		{"version 1", map[string]string{"memory/memory.limit_in_bytes": "", "cpu/cpu.shares": ""}, []string{"memory", "cpu"}},
		{"version 1, memory only", map[string]string{"memory/memory.limit_in_bytes": ""}, []string{"memory"}},
		{"none", nil, nil},
	} {
		root := tree(t, c.files)
		var got []string
		if g := cgroupPlaces(root, "turnout-x"); g != nil {
			for _, b := range g.bases {
				rel, _ := filepath.Rel(root, filepath.Dir(b))
				got = append(got, strings.TrimPrefix(rel, "."))
			}
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

// What processes left that were killed goes; what living ones have stays.
func TestSweepCgroups(t *testing.T) {
	own, err := startTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	clock, _, _ := strings.Cut(own, " ")
	live := fmt.Sprintf("turnout-%d-%s-1", os.Getpid(), clock)
	root := tree(t, map[string]string{"cgroup.controllers": "cpu memory"})
	for _, dir := range []string{live, "turnout-999999999-1-1", fmt.Sprintf("turnout-%d-1-1", os.Getpid()), "turnout-other", "user.slice"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sweepCgroups(root)
	sweepCgroups(tree(t, nil))
	var left []string
	entries, _ := os.ReadDir(root)
	for _, e := range entries {
		if e.IsDir() {
			left = append(left, e.Name())
		}
	}
	if d := cmp.Diff([]string{live, "turnout-other", "user.slice"}, left); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestKnobs(t *testing.T) {
	all := runtime.ContainerSpec{MemoryBytes: 512, MemoryReservation: 256, CPUShares: 1024}
	for _, c := range []struct {
		name   string
		cgroup cgroup
		spec   runtime.ContainerSpec
		want   []knob
	}{
		{"2", cgroup{v2: true, paths: []string{"x"}}, all, []knob{{"memory.max", 512, false}, {"memory.swap.max", 0, true}, {"memory.low", 256, false}, {"cpu.weight", 39, false}}},
		{"2, most", cgroup{v2: true, paths: []string{"x"}}, runtime.ContainerSpec{CPUShares: 1 << 40}, []knob{{"cpu.weight", 10000, false}}},
		{"2, least", cgroup{v2: true, paths: []string{"x"}}, runtime.ContainerSpec{CPUShares: 1}, []knob{{"cpu.weight", 1, false}}},
		{"1", cgroup{paths: []string{"x", "y"}}, all, []knob{{"memory.limit_in_bytes", 512, false}, {"memory.memsw.limit_in_bytes", 512, true}, {"memory.soft_limit_in_bytes", 256, false}, {"cpu.shares", 1024, false}}},
		{"1 without cpu", cgroup{paths: []string{"x"}}, runtime.ContainerSpec{CPUShares: 5}, nil},
	} {
		memory, cpu := c.cgroup.knobs(c.spec)
		if d := cmp.Diff(c.want, append(memory, cpu...), cmp.AllowUnexported(knob{})); d != "" {
			t.Errorf("version %s (-want +got):\n%s", c.name, d)
		}
	}
}

func TestPrepare(t *testing.T) {
	root := tree(t, map[string]string{"cgroup.controllers": "cpu memory", "cgroup.subtree_control": ""})
	g := cgroupPlaces(root, "turnout-x")
	if err := os.MkdirAll(g.bases[0], 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(g.bases[0], "cgroup.subtree_control"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := g.prepare(); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{root, g.bases[0]} {
		if got, _ := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control")); string(got) != "+memory +cpu" {
			t.Errorf("%s: %q", dir, got)
		}
	}
	c := &cgroup{v2: true, paths: []string{tree(t, map[string]string{"memory.events": "low 0\noom 1\noom_kill 2\n"})}}
	if !c.oomKilled() {
		t.Error("two kills are none")
	}
	if err := c.set(runtime.ContainerSpec{MemoryBytes: 1}); err == nil || !strings.Contains(err.Error(), "memory.max") {
		t.Errorf("a knob that is not there: %v", err)
	}
	var none *cgroup
	if files, err := none.open(); none.oomKilled() || none.remove() != nil || files != nil || err != nil {
		t.Error("no cgroup is not nothing")
	}
}

// Programs see the limits that hold for them where they look: in containers and in Exec.
func TestLimitsAreVisible(t *testing.T) {
	p := newPlace(t, Options{})
	if p.d.cgroups() == nil {
		testkit.NeedOrSkip(t, "limits need root and a writable cgroup hierarchy with a memory controller")
	}
	file := cgroupRoot + "/memory/memory.limit_in_bytes"
	if p.d.cgroups().v2 {
		file = cgroupRoot + "/memory.max"
	}
	limited := func(s *runtime.ContainerSpec) { s.MemoryBytes, s.CPUShares = 64<<20, 512 }
	c := p.sleeper(limited)
	for range 2 {
		if code, got := p.exec(c, "cat", file); got != "67108864\n" || code != 0 {
			t.Errorf("%s: %d %q", file, code, got)
		}
	}
	if code, _ := p.exec(c, "write", file, "1"); code == 0 {
		t.Error("a container changes its limit")
	}
	if err := testkit.Tries(20, func() error { return pathHidden(p, c) }); err != nil {
		t.Error(err)
	}
	// What is run inside counts too.
	if err := testkit.Tries(5, func() error {
		if code, _ := p.exec(c, "eat", "128"); code != 137 {
			return fmt.Errorf("exec takes 128 MiB where 64 are allowed: exit %d", code)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// pathHidden tells whether a program in a container sees its control group as the root.
func pathHidden(p *place, c runtime.Container) error {
	_, got := p.exec(c, "cat", "/proc/self/cgroup")
	for line := range strings.Lines(got) {
		if f := strings.SplitN(strings.TrimSpace(line), ":", 3); strings.Contains(f[1], "memory") && f[2] != "/" {
			return fmt.Errorf("the cgroup's path shows: %s", line)
		}
	}
	return nil
}
