package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
)

// command is one RUN as the process inside its namespaces reads it from a file.
type command struct {
	Lower  string // the stage's files
	Dir    string // with the folders upper, work and merged of the overlay
	WD     string
	UID    int
	GID    int
	Argv   []string
	Env    []string
	Caches map[string]string // folders of this machine by where they are mounted
	Tmpfs  []string
}

// run runs a command on the stage's files: an overlay in namespaces of its own, whose
// upper folder becomes the layer. What was run before on the same input is not run again.
func (s *stage) run(ctx context.Context, c *instructions.RunCommand) error {
	cmd, err := s.command(c)
	if err != nil {
		return err
	}
	k, err := s.runKey(cmd)
	if err != nil {
		return err
	}
	if l := s.d.cache.find(k); l != nil && s.again(l) == nil {
		return s.appendLayer(l, c.String())
	}
	if cmd.Dir, err = os.MkdirTemp(s.d.work, "run-"); err != nil {
		return err
	}
	for _, sub := range []string{"upper", "work", "merged"} {
		if err := os.Mkdir(filepath.Join(cmd.Dir, sub), 0o755); err != nil {
			return err
		}
	}
	mounts := s.missing(cmd.mountPoints())
	if err := s.exec(ctx, cmd); err != nil {
		return err
	}
	upper := filepath.Join(cmd.Dir, "upper")
	for _, p := range mounts {
		_ = os.Remove(filepath.Join(upper, p)) // made for a mount; it stays when something is in it
	}
	return s.keep(upper, k, c.String())
}

// command makes a RUN ready.
func (s *stage) command(c *instructions.RunCommand) (*command, error) {
	if instructions.GetSecurity(c) != instructions.SecuritySandbox || instructions.GetNetwork(c) != instructions.NetworkDefault || len(instructions.GetDevices(c)) > 0 {
		return nil, errors.New("--security, --network and --device are beyond the builtin builder; install docker, podman or buildah")
	}
	if err := c.Expand(s.word); err != nil {
		return nil, err
	}
	line := c.ShellDependantCmdLine
	if len(c.Files) > 0 {
		var err error
		if line, err = script(c); err != nil {
			return nil, err
		}
	}
	cmd := &command{Lower: s.root, WD: "/", Argv: s.line(line), Caches: map[string]string{}}
	if s.config.WorkingDir != "" {
		cmd.WD = s.config.WorkingDir
	}
	if err := s.canStart(cmd.Argv); err != nil {
		return nil, err
	}
	if err := s.mounts(cmd, instructions.GetMounts(c)); err != nil {
		return nil, err
	}
	return cmd, s.identity(cmd)
}

// script is the command of a RUN with one here-document, which the shell reads.
func script(c *instructions.RunCommand) (instructions.ShellDependantCmdLine, error) {
	simple := len(c.Files) == 1 && len(c.CmdLine) == 1 && c.PrependShell && strings.HasPrefix(c.CmdLine[0], "<<")
	if !simple || strings.HasPrefix(c.Files[0].Data, "#!") {
		return c.ShellDependantCmdLine, errors.New("of here-documents the builtin builder takes one that is the whole command and begins with no #!; install docker, podman or buildah")
	}
	return instructions.ShellDependantCmdLine{CmdLine: []string{c.Files[0].Data}, PrependShell: true}, nil
}

// canStart makes sure that a program named with its path is in the stage.
func (s *stage) canStart(argv []string) error {
	if len(argv) == 0 || argv[0] == "" {
		return errors.New("there is nothing to run")
	}
	if !path.IsAbs(argv[0]) {
		return nil
	}
	file, err := inRoot(s.root, argv[0])
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); err != nil {
		return fmt.Errorf("%s is not in this stage: RUN needs a base image that has it", argv[0])
	}
	return nil
}

// mounts takes --mount: caches, which live on between builds, and tmpfs.
func (s *stage) mounts(cmd *command, mounts []*instructions.Mount) error {
	for _, m := range mounts {
		target := s.inside(m.Target)
		switch {
		case m.Type == instructions.MountTypeTmpfs:
			cmd.Tmpfs = append(cmd.Tmpfs, target)
		case m.Type == instructions.MountTypeCache && m.From == "":
			id := m.CacheID
			if id == "" {
				id = target
			}
			name, err := key("mount", s.d.Platform, id)
			if err != nil {
				return err
			}
			dir := filepath.Join(s.d.cache.dir, "mounts", name)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return err
			}
			cmd.Caches[target] = dir
		default:
			return fmt.Errorf("--mount=type=%s is beyond the builtin builder; install docker, podman or buildah", m.Type)
		}
	}
	return nil
}

// identity says who runs the command, in which environment.
func (s *stage) identity(cmd *command) error {
	a, err := s.account("0")
	if s.config.User != "" {
		a, err = s.account(s.config.User)
	}
	if err != nil {
		return fmt.Errorf("USER %s: %w", s.config.User, err)
	}
	if a.id != 0 && os.Geteuid() != 0 {
		return fmt.Errorf("USER %s needs the builder to run as root, or docker, podman or buildah", s.config.User)
	}
	cmd.UID, cmd.GID = a.id, a.group
	home := a.home
	if a.id == 0 && home == "/" {
		home = "/root"
	}
	cmd.Env = []string{defaultPath, "HOME=" + home, "HOSTNAME=" + sandboxName}
	for _, k := range sortedKeys(s.args) {
		cmd.Env = put(cmd.Env, k, s.args[k])
	}
	for _, kv := range s.config.Env {
		k, v, _ := strings.Cut(kv, "=")
		cmd.Env = put(cmd.Env, k, v)
	}
	return nil
}

const sandboxName = "buildkitsandbox" // what BuildKit calls it, so that nothing tells the builders apart

// runKey names all that a RUN's outcome may depend on, but for the network.
func (s *stage) runKey(cmd *command) (string, error) {
	layers, err := s.img.Layers()
	if err != nil {
		return "", err
	}
	var below []string
	for _, l := range layers {
		h, err := l.DiffID()
		if err != nil {
			return "", err
		}
		below = append(below, h.String())
	}
	return key("run 1", below, s.d.Platform, s.d.epoch().Unix(), cmd.WD, cmd.UID, cmd.GID, cmd.Argv, cmd.Env, sortedKeys(cmd.Caches), cmd.Tmpfs, os.Geteuid() == 0)
}

// again lays out what a RUN made before.
func (s *stage) again(l *cached) error {
	rc, err := l.Uncompressed()
	if err != nil {
		return err
	}
	return errors.Join(s.apply(rc), rc.Close())
}

// mountPoints are the places where something is mounted for the command.
func (c *command) mountPoints() []string {
	return slices.Concat([]string{"/proc", "/dev", "/etc/resolv.conf", "/etc/hosts"}, sortedKeys(c.Caches), c.Tmpfs)
}

// missing lists the mount points that the stage lacks, and their missing parents, the
// deepest first.
func (s *stage) missing(points []string) []string {
	var out []string
	for _, p := range points {
		real, err := within(s.root, p, true)
		for ; err == nil && real != "." && real != ""; real = path.Dir(real) {
			if _, err := os.Lstat(filepath.Join(s.root, real)); !errors.Is(err, fs.ErrNotExist) {
				break
			}
			out = append(out, real)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	return out
}

// exec starts the command and waits for it.
func (s *stage) exec(ctx context.Context, c *command) error {
	spec, err := json.Marshal(c)
	if err != nil {
		return err
	}
	file := filepath.Join(c.Dir, "command.json")
	if err := os.WriteFile(file, spec, 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "/proc/self/exe", runArg, file)
	cmd.Env = []string{}
	var last tail
	cmd.Stdout = io.MultiWriter(s.d.Log, &last)
	cmd.Stderr = cmd.Stdout
	cmd.WaitDelay = 5 * time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC, Pdeathsig: syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig means the thread
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: this machine forbids user namespaces; install docker, podman or buildah, or build as root", err)
	case err != nil:
		return fmt.Errorf("%w\n%s%s", err, last.String(), s.foreign())
	}
	return nil
}

// foreign is a hint for programs of another architecture.
func (s *stage) foreign() string {
	if f := strings.Split(s.d.Platform, "/"); f[1] != runtime.GOARCH {
		return fmt.Sprintf("\nthis machine is %s; to run %s programs, install docker with buildx and QEMU", runtime.GOARCH, f[1])
	}
	return ""
}
