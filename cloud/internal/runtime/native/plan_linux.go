package native

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
)

const thisArch = goruntime.GOARCH

func foreign(arch string) bool { return arch != "" && arch != thisArch }

func refuse(format string, args ...any) error {
	return &runtime.StartError{Reason: fmt.Sprintf(format, args...)}
}

// image is a pulled image by its ID.
func (d *driver) image(id string) (*v1.ConfigFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.images[id]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("image %q has not been pulled", id)
}

// plan says everything about a container.
func (s *sandbox) plan(spec runtime.ContainerSpec, image *v1.ConfigFile, number int) (inside.Plan, error) {
	account, err := s.driver.account(spec.User, image)
	if err != nil {
		return inside.Plan{}, err
	}
	p := inside.Plan{
		Argv:    command(spec, image.Config),
		Env:     environment(s.hostname, account.home, image.Config.Env, spec.Env),
		Dir:     path.Join("/", firstOf(spec.WorkingDir, image.Config.WorkingDir)),
		User:    account.User,
		MayGain: spec.Privileged,
	}
	if len(p.Argv) == 0 {
		return p, refuse("no command specified: neither the image nor the container has one")
	}
	p.User.OneGroup = s.driver.rootless
	available := ownCaps
	if s.driver.rootless { // a new user namespace has all
		available = allCaps
	}
	if p.Caps, err = capabilities(spec, available); err != nil {
		return p, err
	}
	if p.Limits, err = limits(spec.Ulimits); err != nil {
		return p, err
	}
	p.Root, err = s.root(spec, image, number, p.Dir)
	return p, err
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// command applies Docker's rules for ENTRYPOINT and CMD.
func command(spec runtime.ContainerSpec, image v1.Config) []string {
	entrypoint, cmd := spec.Entrypoint, spec.Cmd
	if len(entrypoint) == 0 {
		entrypoint = image.Entrypoint
		if len(cmd) == 0 {
			cmd = image.Cmd
		}
	}
	return slices.Concat(entrypoint, cmd)
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// environment lays lists of K=V over each other; each name is there once, in the place
// where it came first.
func environment(hostname, home string, lists ...[]string) []string {
	env := []string{"PATH=" + defaultPath, "HOSTNAME=" + hostname}
	at := map[string]int{"PATH": 0, "HOSTNAME": 1}
	for _, kv := range slices.Concat(lists...) {
		name, _, _ := strings.Cut(kv, "=")
		if i, ok := at[name]; ok {
			env[i] = kv
			continue
		}
		at[name] = len(env)
		env = append(env, kv)
	}
	if _, ok := at["HOME"]; !ok {
		env = append(env, "HOME="+home)
	}
	return env
}

// root says what a container sees.
func (s *sandbox) root(spec runtime.ContainerSpec, image *v1.ConfigFile, number int, dir string) (*inside.Root, error) {
	box := filepath.Join(s.dir, fmt.Sprint("c", number))
	if err := os.MkdirAll(box, 0o755); err != nil {
		return nil, err
	}
	r := &inside.Root{
		Dir: s.driver.Dir, ReadOnly: spec.ReadonlyRoot, Open: spec.Privileged, Init: spec.Init,
		Shm: s.shm, Sysctls: spec.Sysctls, Make: []string{dir}, Keep: sortedKeys(image.Config.Volumes),
	}
	for _, id := range slices.Backward(image.RootFS.DiffIDs) {
		r.Lower = append(r.Lower, s.driver.layers.Name(id))
	}
	var err error
	if r.Box, err = filepath.Rel(s.driver.layers.Dir(), box); err != nil {
		return nil, err
	}
	if len(r.Lower) == 0 {
		r.Lower = []string{r.Box + "/empty"}
		if err := os.MkdirAll(filepath.Join(box, "empty"), 0o755); err != nil {
			return nil, err
		}
	}
	r.Make = append(r.Make, r.Keep...)
	for name := range spec.Sysctls {
		if !namespaced(name) {
			return nil, refuse("sysctl %q is not in a namespace of the container", name)
		}
	}
	for _, target := range slices.Sorted(maps.Keys(spec.Tmpfs)) {
		r.Tmpfs = append(r.Tmpfs, inside.Tmpfs{Target: path.Join("/", target), Size: spec.Tmpfs[target]})
	}
	r.Binds, err = s.binds(spec, box)
	return r, err
}

// binds are the files that Docker makes for every container, and the mounts asked for.
func (s *sandbox) binds(spec runtime.ContainerSpec, box string) ([]inside.Bind, error) {
	var binds []inside.Bind
	for target, content := range map[string]string{
		"/etc/hostname":    s.hostname + "\n",
		"/etc/hosts":       s.hosts(spec.ExtraHosts),
		"/etc/resolv.conf": "# No name server can be reached from here.\n",
	} {
		source := filepath.Join(box, path.Base(target))
		if err := os.WriteFile(source, []byte(content), 0o644); err != nil {
			return nil, err
		}
		binds = append(binds, inside.Bind{Source: source, Target: target})
	}
	for _, m := range spec.Mounts {
		if !filepath.IsAbs(m.Source) || !path.IsAbs(m.Target) {
			return nil, errors.New("mount " + m.Source + " at " + m.Target + ": paths must be absolute")
		}
		binds = append(binds, inside.Bind{Source: m.Source, Target: path.Clean(m.Target), ReadOnly: m.ReadOnly})
	}
	// A mount over a parent folder must come before one below it.
	slices.SortStableFunc(binds, func(a, b inside.Bind) int { return strings.Count(a.Target, "/") - strings.Count(b.Target, "/") })
	return binds, nil
}

func (s *sandbox) hosts(extra map[string]string) string {
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		fmt.Fprintf(&b, "%s\t%s\n", extra[name], name)
	}
	fmt.Fprintf(&b, "%s\t%s\n", s.addr, s.hostname)
	return b.String()
}

// namespaced tells whether a sysctl is a container's own.
func namespaced(name string) bool {
	for _, prefix := range []string{"net.", "fs.mqueue.", "kernel.msg", "kernel.sem", "kernel.shm"} {
		if strings.HasPrefix(name, prefix) && !strings.Contains(name, "/") && !strings.Contains(name, "..") {
			return true
		}
	}
	return false
}

// limits gives resource limits the kernel's numbers; below 0 is none.
func limits(ulimits []runtime.Ulimit) ([]inside.Limit, error) {
	var all []inside.Limit
	for _, u := range ulimits {
		n, ok := limitNumbers[strings.ToLower(u.Name)]
		if !ok {
			return nil, refuse("unknown ulimit %q", u.Name)
		}
		all = append(all, inside.Limit{Resource: n, Soft: orInfinity(u.Soft), Hard: orInfinity(u.Hard)})
	}
	return all, nil
}

func orInfinity(n int64) uint64 {
	if n < 0 {
		return math.MaxUint64
	}
	return uint64(n)
}
