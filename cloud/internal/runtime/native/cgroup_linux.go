package native

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// cgroups is where the driver makes cgroups for containers that have limits: one folder
// per hierarchy, named after the state folder so that Sweep finds it again.
type cgroups struct {
	v2    bool
	bases []string // version 1: of memory and of cpu
}

const cgroupRoot = "/sys/fs/cgroup"

// findCgroups returns nil, and says so, where limits cannot be enforced.
func (d *driver) findCgroups() *cgroups {
	g, err := d.openCgroups()
	if err != nil {
		d.Log.Warn("memory limits and CPU weights of containers are not enforced here", "cause", err)
		return nil
	}
	return g
}

func (d *driver) openCgroups() (*cgroups, error) {
	if d.rootless {
		return nil, errors.New("that takes root")
	}
	g := d.cgroupPlaces()
	if g == nil {
		return nil, fmt.Errorf("no memory controller below %s", cgroupRoot)
	}
	for _, base := range g.bases {
		if err := os.MkdirAll(base, 0o755); err != nil {
			return nil, err
		}
		if !g.v2 {
			continue
		}
		for _, dir := range []string{cgroupRoot, base} {
			if err := setKnob(dir, "cgroup.subtree_control", "+memory +cpu"); err != nil {
				return nil, errors.Join(err, os.Remove(base))
			}
		}
	}
	return g, nil
}

// cgroupPlaces looks for a hierarchy with a memory controller: version 2, or 1 beside
// it on hybrid machines; nil if there is none.
func (d *driver) cgroupPlaces() *cgroups {
	sum := sha256.Sum256([]byte(d.Dir))
	name := "turnout-" + hex.EncodeToString(sum[:6])
	if controllers, err := os.ReadFile(cgroupRoot + "/cgroup.controllers"); err == nil {
		if has := strings.Fields(string(controllers)); contains(has, "memory") && contains(has, "cpu") {
			return &cgroups{v2: true, bases: []string{filepath.Join(cgroupRoot, name)}}
		}
		return nil
	}
	if _, err := os.Stat(cgroupRoot + "/memory/memory.limit_in_bytes"); err != nil {
		return nil
	}
	g := &cgroups{bases: []string{filepath.Join(cgroupRoot, "memory", name)}}
	if _, err := os.Stat(cgroupRoot + "/cpu/cpu.shares"); err == nil {
		g.bases = append(g.bases, filepath.Join(cgroupRoot, "cpu", name))
	}
	return g
}

func contains(words []string, want string) bool {
	for _, w := range words {
		if w == want {
			return true
		}
	}
	return false
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

// remove removes the cgroup of processes that have exited: the kernel may take a moment to
// see that.
func (c *cgroup) remove() error {
	var errs []error
	for _, dir := range c.dirs() {
		errs = append(errs, removeCgroup(dir))
	}
	return errors.Join(errs...)
}

func removeCgroup(dir string) error {
	for pause := time.Millisecond; ; pause *= 2 {
		err := unix.Rmdir(dir)
		if err == nil || err == unix.ENOENT {
			return nil
		}
		if err != unix.EBUSY || pause > time.Second {
			return fmt.Errorf("remove cgroup %s: %w", dir, err)
		}
		time.Sleep(pause)
	}
}
