package native

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
)

// cgroups is where a driver makes cgroups for containers that have limits: one folder per
// hierarchy, named after this process so that any later one can tell whether it lives.
type cgroups struct {
	v2    bool
	bases []string // version 1: of memory and of cpu
}

// cgroupRoot is where every Linux has its cgroups.
const cgroupRoot = "/sys/fs/cgroup"

// cgroups returns nil, and says so once, where limits cannot be enforced.
func (d *driver) cgroups() *cgroups {
	d.cgroupsOnce.Do(func() {
		g, err := d.openCgroups()
		if err != nil {
			d.Log.Warn("memory limits and CPU weights of containers are not enforced here", "cause", err)
			return
		}
		d.limits.Store(g)
	})
	return d.limits.Load()
}

// drivers counts those of this process.
var drivers atomic.Int64

func (d *driver) openCgroups() (*cgroups, error) {
	if d.rootless {
		return nil, errors.New("that takes root")
	}
	started, err := startTime(os.Getpid())
	if err != nil {
		return nil, err
	}
	clock, _, _ := strings.Cut(started, " ")
	g := cgroupPlaces(cgroupRoot, fmt.Sprintf("%s%d-%s-%d", cgroupPrefix, os.Getpid(), clock, drivers.Add(1)))
	if g == nil {
		return nil, fmt.Errorf("no memory controller below %s", cgroupRoot)
	}
	return g, g.prepare()
}

const cgroupPrefix = "turnout-"

// prepare makes the folders for containers' cgroups.
func (g *cgroups) prepare() error {
	for _, base := range g.bases {
		if err := os.MkdirAll(base, 0o755); err != nil {
			return err
		}
		if !g.v2 {
			continue
		}
		for _, dir := range []string{filepath.Dir(base), base} {
			if err := setKnob(dir, "cgroup.subtree_control", "+memory +cpu"); err != nil {
				return errors.Join(err, os.Remove(base))
			}
		}
	}
	return nil
}

// cgroupPlaces looks for a hierarchy with a memory controller: version 2, or 1 beside
// it on hybrid machines; nil if there is none.
func cgroupPlaces(root, name string) *cgroups {
	if controllers, err := os.ReadFile(root + "/cgroup.controllers"); err == nil {
		if has := strings.Fields(string(controllers)); slices.Contains(has, "memory") && slices.Contains(has, "cpu") {
			return &cgroups{v2: true, bases: []string{filepath.Join(root, name)}}
		}
		return nil
	}
	if _, err := os.Stat(root + "/memory/memory.limit_in_bytes"); err != nil {
		return nil
	}
	g := &cgroups{bases: []string{filepath.Join(root, "memory", name)}}
	if _, err := os.Stat(root + "/cpu/cpu.shares"); err == nil {
		g.bases = append(g.bases, filepath.Join(root, "cpu", name))
	}
	return g
}

// cgroup is one container's; nil is a container without limits.
type cgroup struct {
	paths []string // the first has the memory controller
	v2    bool
}

// limit makes a cgroup for what spec limits, where that is possible.
func (d *driver) limit(id string, spec runtime.ContainerSpec) (*cgroup, error) {
	if spec.MemoryBytes <= 0 && spec.MemoryReservation <= 0 && spec.CPUShares <= 0 {
		return nil, nil
	}
	g := d.cgroups()
	if g == nil {
		return nil, nil
	}
	return g.make(id, spec)
}

func (g *cgroups) make(id string, spec runtime.ContainerSpec) (*cgroup, error) {
	c := &cgroup{v2: g.v2}
	for _, base := range g.bases {
		dir := filepath.Join(base, id)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, errors.Join(fmt.Errorf("make cgroup: %w", err), c.remove())
		}
		c.paths = append(c.paths, dir)
	}
	if err := c.set(spec); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

// knob is one file of a cgroup and what to write; optional ones are not in every kernel.
type knob struct {
	name     string
	value    int64
	optional bool
}

func (c *cgroup) set(spec runtime.ContainerSpec) error {
	memory, cpu := c.knobs(spec)
	for _, k := range memory {
		if err := c.turn(c.paths[0], k); err != nil {
			return err
		}
	}
	for _, k := range cpu {
		if err := c.turn(c.paths[len(c.paths)-1], k); err != nil {
			return err
		}
	}
	return nil
}

// knobs: there is no swap, as on Fargate, where memory is what it is.
func (c *cgroup) knobs(spec runtime.ContainerSpec) (memory, cpu []knob) {
	hard, soft, shares := spec.MemoryBytes, spec.MemoryReservation, spec.CPUShares
	if c.v2 {
		if hard > 0 {
			memory = []knob{{"memory.max", hard, false}, {"memory.swap.max", 0, true}}
		}
		if soft > 0 {
			memory = append(memory, knob{"memory.low", soft, false})
		}
		if shares > 0 { // from 2…262144 to 1…10000
			shares = min(max(shares, 2), 262144)
			cpu = []knob{{"cpu.weight", 1 + (shares-2)*9999/262142, false}}
		}
		return memory, cpu
	}
	if hard > 0 {
		memory = []knob{{"memory.limit_in_bytes", hard, false}, {"memory.memsw.limit_in_bytes", hard, true}}
	}
	if soft > 0 {
		memory = append(memory, knob{"memory.soft_limit_in_bytes", soft, false})
	}
	if shares > 0 && len(c.paths) > 1 {
		cpu = []knob{{"cpu.shares", max(shares, 2), false}}
	}
	return memory, cpu
}

func (c *cgroup) turn(dir string, k knob) error {
	err := setKnob(dir, k.name, strconv.FormatInt(k.value, 10))
	if k.optional && errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func setKnob(dir, name, value string) error {
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("set cgroup: %w", err)
	}
	defer f.Close()
	if _, err := f.WriteString(value); err != nil {
		return fmt.Errorf("set cgroup %s to %s: %w", name, value, err)
	}
	return nil
}

// show makes the cgroup visible where programs look for their limits.
func (c *cgroup) show(r *inside.Root) {
	if c == nil {
		return
	}
	if c.v2 {
		r.Binds = append(r.Binds, inside.Bind{Source: c.paths[0], Target: cgroupRoot, ReadOnly: true})
		return
	}
	r.Tmpfs = append(r.Tmpfs, inside.Tmpfs{Target: cgroupRoot, Size: 64 << 10})
	for _, dir := range c.paths {
		controller := filepath.Base(filepath.Dir(filepath.Dir(dir)))
		r.Binds = append(r.Binds, inside.Bind{Source: dir, Target: filepath.Join(cgroupRoot, controller), ReadOnly: true})
	}
}

func (c *cgroup) dirs() []string {
	if c == nil {
		return nil
	}
	return c.paths
}

// open opens what a process writes itself into.
func (c *cgroup) open() ([]*os.File, error) {
	var files []*os.File
	for _, dir := range c.dirs() {
		f, err := os.OpenFile(filepath.Join(dir, "cgroup.procs"), os.O_WRONLY, 0)
		if err != nil {
			closeFiles(files)
			return nil, fmt.Errorf("open cgroup: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}

// oomKilled tells whether the kernel killed anything in it for want of memory.
func (c *cgroup) oomKilled() bool {
	if c == nil {
		return false
	}
	name := "memory.oom_control"
	if c.v2 {
		name = "memory.events"
	}
	text, err := os.ReadFile(filepath.Join(c.paths[0], name))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			return strings.TrimSpace(n) != "0"
		}
	}
	return false
}

// remove removes the cgroup of processes that have exited.
func (c *cgroup) remove() error {
	var errs []error
	for _, dir := range c.dirs() {
		errs = append(errs, removeCgroup(dir, time.Second))
	}
	return errors.Join(errs...)
}

// removeCgroup removes an empty cgroup: the kernel may take a moment to see that it is.
func removeCgroup(dir string, patience time.Duration) error {
	for pause := time.Millisecond; ; pause *= 2 {
		err := unix.Rmdir(dir)
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if err != unix.EBUSY || pause > patience {
			return fmt.Errorf("remove cgroup %s: %w", dir, err)
		}
		time.Sleep(pause)
	}
}

// drop removes the folders, when all containers are gone.
func (g *cgroups) drop() error {
	if g == nil {
		return nil
	}
	var errs []error
	for _, base := range g.bases {
		errs = append(errs, removeCgroup(base, time.Second))
	}
	return errors.Join(errs...)
}

// sweepCgroups removes the folders of processes that are no more. One that a living
// process has after all, in a PID namespace that cannot be seen from here, is in use and
// stays.
func sweepCgroups(root string) {
	g := cgroupPlaces(root, cgroupPrefix+"*")
	if g == nil {
		return
	}
	for _, pattern := range g.bases {
		found, _ := filepath.Glob(pattern) // the pattern is well-formed
		for _, base := range found {
			var pid, n int
			var clock string
			name := strings.ReplaceAll(strings.TrimPrefix(filepath.Base(base), cgroupPrefix), "-", " ")
			if _, err := fmt.Sscan(name, &pid, &clock, &n); err != nil {
				continue
			}
			if started, err := startTime(pid); err == nil && strings.HasPrefix(started, clock+" ") {
				continue
			}
			const patience = 50 * time.Millisecond
			inner, _ := filepath.Glob(filepath.Join(base, "*", "cgroup.procs"))
			for _, procs := range inner {
				_ = removeCgroup(filepath.Dir(procs), patience)
			}
			_ = removeCgroup(base, patience)
		}
	}
}
