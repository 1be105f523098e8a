// Command release makes everything that a release consists of: static binaries for Linux,
// macOS and Windows on amd64 and arm64, in archives with completions and manual pages; a
// bill of materials (CycloneDX) for each; a container image as an OCI layout; and
// SHA256SUMS over all of it.
//
// The same commit makes the same bytes, wherever and whenever: paths are trimmed, times are
// the commit's, files stand in a fixed order. With -check everything is made a second time,
// from a clone in another folder with an empty build cache, and compared.
//
//	go run ./internal/tools/release -out dist
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	out := flag.String("out", "dist", "folder to write to; what stands in it is replaced")
	only := flag.String("targets", "", "os/arch, with commas between them (default: all)")
	check := flag.Bool("check", false, "make it all again from a clone, and compare")
	flag.Parse()
	r := &release{Dir: ".", Out: *out, Package: "./cmd/turnout", Name: "turnout", Targets: all, Cold: true, Say: func(line string) { fmt.Fprintln(os.Stderr, line) }}
	if *only != "" {
		r.Targets = strings.Split(*only, ",")
	}
	do := r.produce
	if *check {
		do = r.check
	}
	if err := do(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// all are the targets of a release.
var all = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// release is one release of a program.
type release struct {
	Dir     string // of the repository
	Out     string // where everything is put
	Package string // of the program
	Name    string // of the program
	Targets []string
	Env     []string     // for go, beside the process's
	Cold    bool         // check begins with an empty build cache
	Say     func(string) // progress, a line each

	version string    // of the module, as Go notes it
	time    time.Time // of the commit
	scratch string    // folder for what is not released
}

// produce makes the release. Its steps stand in the order of their need.
func (r *release) produce(ctx context.Context) error {
	if err := r.begin(ctx); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(r.scratch) }()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"binaries", r.binaries},
		{"manual pages and completions", r.manuals},
		{"archives", r.archives},
		{"image", r.image},
		{"SHA256SUMS", r.sums},
	} {
		r.Say(step.name)
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// begin empties the folder and reads the commit's time.
func (r *release) begin(ctx context.Context) error {
	text, err := r.git(ctx, r.Dir, "log", "-1", "--format=%ct")
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("time of the commit: %w", err)
	}
	r.time = time.Unix(seconds, 0).UTC()
	if err := os.RemoveAll(r.Out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.Out, 0o755); err != nil {
		return err
	}
	r.scratch, err = os.MkdirTemp("", "release-")
	return err
}

// binaries builds the program for all targets, and for this machine.
func (r *release) binaries(ctx context.Context) error {
	for _, t := range r.Targets {
		if err := r.build(ctx, t); err != nil {
			return err
		}
	}
	if err := r.build(ctx, host); err != nil { // done already, where it is among the targets
		return err
	}
	v, err := versionOf(r.binary(r.Targets[0]))
	r.version = v
	return err
}

// build makes a static binary that knows its commit and not where it was built.
func (r *release) build(ctx context.Context, target string) error {
	goos, arch, ok := strings.Cut(target, "/")
	if !ok {
		return fmt.Errorf("target %q is not os/arch", target)
	}
	to, err := filepath.Abs(r.binary(target))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", to, r.Package)
	cmd.Dir = r.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOOS="+goos, "GOARCH="+arch)
	cmd.Env = append(cmd.Env, r.Env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", target, err, out)
	}
	return nil
}

// binary is where a target's is built.
func (r *release) binary(target string) string {
	name := r.Name
	if strings.HasPrefix(target, "windows/") {
		name += ".exe"
	}
	return filepath.Join(r.scratch, strings.ReplaceAll(target, "/", "_"), name)
}

// manuals has the program write its manual pages and completions.
func (r *release) manuals(ctx context.Context) error {
	if err := exec.CommandContext(ctx, r.binary(host), "man", "--dir", filepath.Join(r.scratch, "man", "man1"), "--quiet").Run(); err != nil {
		return fmt.Errorf("man: %w", err)
	}
	dir := filepath.Join(r.scratch, "completions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for shell, file := range map[string]string{"bash": r.Name + ".bash", "zsh": "_" + r.Name, "fish": r.Name + ".fish", "powershell": r.Name + ".ps1"} {
		text, err := exec.CommandContext(ctx, r.binary(host), "completion", shell).Output()
		if err != nil {
			return fmt.Errorf("completion %s: %w", shell, err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fileName is that of something released: the program, the version, and what it is.
func (r *release) fileName(rest string) string {
	return filepath.Join(r.Out, r.Name+"_"+tag(r.version)+"_"+rest)
}

// tag is a version as names of files and images may have it.
func tag(version string) string { return strings.ReplaceAll(version, "+", "-") }

func (r *release) git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(failed.Stderr)))
	}
	return strings.TrimSpace(string(out)), err
}
