//go:build linux

package image

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

// shellSource is a program that stands in for /bin/sh: it runs lines of few words.
const shellSource = `package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

func main() {
	for _, line := range strings.Split(os.Args[2], "\n") {
		f := strings.Fields(strings.TrimSuffix(line, ";"))
		if len(f) == 0 {
			continue
		}
		if err := do(f); err != nil {
			fmt.Fprintln(os.Stderr, "sh:", err)
			os.Exit(3)
		}
	}
}

func do(f []string) error {
	switch f[0] {
	case "write":
		return os.WriteFile(f[1], []byte(strings.Join(f[2:], " ")), 0o644)
	case "append":
		b, _ := os.ReadFile(f[1])
		return os.WriteFile(f[1], append(b, f[2]...), 0o644)
	case "rm":
		return os.RemoveAll(f[1])
	case "mkdir":
		return os.MkdirAll(f[1], 0o755)
	case "env":
		return os.WriteFile(f[1], []byte(os.Getenv(f[2])), 0o644)
	case "who":
		host, _ := os.Hostname()
		wd, _ := os.Getwd()
		return os.WriteFile(f[1], []byte(fmt.Sprintf("%d:%d %s %s %d", os.Getuid(), os.Getgid(), host, wd, os.Getpid())), 0o644)
	case "list":
		var all []string
		err := filepath.WalkDir(f[2], func(p string, _ fs.DirEntry, err error) error { all = append(all, p); return err })
		if err != nil {
			return err
		}
		return os.WriteFile(f[1], []byte(strings.Join(all, " ")), 0o644)
	case "mount":
		if err := syscall.Mount("tmpfs", "/", "tmpfs", 0, ""); err == nil {
			return fmt.Errorf("mounted")
		}
		return nil
	case "sleep":
		fmt.Println("asleep")
		time.Sleep(time.Hour)
	case "leave":
		return exec.Command("/bin/sh", "-c", "sleep "+f[1]).Start()
	case "fail":
		return fmt.Errorf("%s", strings.Join(f[1:], " "))
	default:
		return fmt.Errorf("%s: not found", f[0])
	}
	return nil
}
`

// tooling is a context with a shell, whose Dockerfile goes on from it.
func tooling(t *testing.T, dockerfile string) string {
	t.Helper()
	return files(t, map[string]string{
		"Dockerfile": "FROM scratch AS sh\nCOPY --chmod=755 sh /bin/busy\nCOPY links /\nCOPY passwd /etc/passwd\n" + dockerfile,
		"sh":         shellProgram(t), "links/bin/sh": "-> /bin/busy", "passwd": "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n",
		"gone": "x", "keep/gone": "x",
	})
}

var (
	shellOnce sync.Once
	shellCode string
)

func shellProgram(t *testing.T) string {
	t.Helper()
	shellOnce.Do(func() {
		if file := os.Getenv(shellFile); file != "" {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			shellCode = string(b)
			return
		}
		shellCode = program(t, shellSource)
	})
	return shellCode
}

// needRoot is for what a user without privileges cannot build.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		testkit.NeedOrSkip(t, "needs root")
	}
}

func TestRun(t *testing.T) {
	needRoot(t)
	dir := tooling(t, `
COPY gone /gone
COPY keep /keep
ARG COLOUR=red
ENV SHAPE=round
WORKDIR /w
RUN write /made by run
RUN rm /gone
RUN rm /keep
RUN mkdir /keep
RUN who /w/who
RUN env /colour COLOUR
RUN env /shape SHAPE
RUN env /home HOME
USER web
RUN ["/bin/sh", "-c", "write /tmp-of-web no"]
`)
	_, err := build(t, dir, BuildOptions{})
	if err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Fatalf("a user wrote to the root folder: %v", err)
	}
	file := filepath.Join(dir, "Dockerfile")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(b), "USER web\n", "RUN mkdir /srv\nCOPY --chown=web passwd /srv/own\nUSER web\n", 1)
	text = strings.Replace(text, "write /tmp-of-web no", "append /srv/own !", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	img := mustBuild(t, dir, BuildOptions{Args: map[string]string{"COLOUR": "blue"}})
	holds(t, img, map[string]string{
		"made": "by run", "gone": "", "keep/gone": "", "w/who": "0:0 buildkitsandbox /w 1", "colour": "blue", "shape": "round", "home": "/root",
		"srv/own": "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n!",
	})
	h := headers(t, img)
	if h["srv/own"].Uid != 33 || h["made"].ModTime.Unix() != 0 {
		t.Errorf("own %+v, made %+v", h["srv/own"], h["made"])
	}
	for _, p := range []string{"proc", "dev", "etc/resolv.conf", "etc/hosts"} {
		if h[p] != nil {
			t.Errorf("%s stays in the image", p)
		}
	}
}

func TestRunMountsAndScripts(t *testing.T) {
	needRoot(t)
	cache := t.TempDir()
	dir := tooling(t, `
ARG N=1
RUN --mount=type=cache,target=/root/.cache/tool --mount=type=tmpfs,target=/scratch <<EOF
append /root/.cache/tool/count x
list /count /root/.cache/tool
write /scratch/lost x
env /n N
mount
list /devices /dev
EOF
RUN append /log y
`)
	for _, n := range []string{"1", "2"} {
		img := mustBuild(t, dir, BuildOptions{Cache: cache, Args: map[string]string{"N": n}})
		holds(t, img, map[string]string{"n": n, "scratch/lost": "", "count": "/root/.cache/tool /root/.cache/tool/count"})
		if d := listing(t, img)["devices"]; !strings.Contains(d, "/dev/null") || strings.Contains(d, "/dev/mem") || strings.Contains(d, "/dev/kmsg") {
			t.Errorf("devices are %s", d)
		}
	}
	found, err := filepath.Glob(filepath.Join(cache, "mounts", "*", "count"))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if b, err := os.ReadFile(found[0]); err != nil || string(b) != "xx" {
		t.Errorf("the cache holds %q, %v", b, err)
	}
}

// What ran on the same input does not run again; what is below it changes, it does.
func TestRunIsKept(t *testing.T) {
	needRoot(t)
	cache := t.TempDir()
	dir := tooling(t, "RUN --mount=type=cache,target=/c append /c/ran x\nCOPY gone /input\nRUN --mount=type=cache,target=/c append /c/ran y\nRUN rm /input\n")
	ran := func() string {
		found, err := filepath.Glob(filepath.Join(cache, "mounts", "*", "ran"))
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		b, err := os.ReadFile(found[0])
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	one := mustBuild(t, dir, BuildOptions{Cache: cache})
	two := mustBuild(t, dir, BuildOptions{Cache: cache})
	if digest(t, one) != digest(t, two) {
		t.Errorf("digests %s and %s", digest(t, one), digest(t, two))
	}
	if err := os.WriteFile(filepath.Join(dir, "gone"), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	three := mustBuild(t, dir, BuildOptions{Cache: cache})
	if digest(t, three) == digest(t, one) {
		t.Error("the input's change is lost")
	}
	holds(t, three, map[string]string{"input": ""})
	if got := ran(); got != "xyy" {
		t.Errorf("ran %q, want each command once for each input", got)
	}
}

func TestRunFails(t *testing.T) {
	needRoot(t)
	for dockerfile, want := range map[string]string{
		"RUN fail for a reason\n":                         "sh: for a reason",
		"RUN [\"/bin/none\"]\n":                           "/bin/none is not in this stage",
		"RUN [\"nowhere\"]\n":                             `"nowhere": executable file not found`,
		"RUN --network=none write /a b\n":                 "beyond the builtin builder",
		"RUN --mount=type=secret,id=x write /a b\n":       "--mount=type=secret is beyond the builtin builder",
		"RUN <<EOF\n#!/bin/other\nx\nEOF\n":               "begins with no #!",
		"USER nobody-we-know\nRUN write /a b\n":           "is not in the image's passwd",
		"SHELL [\"/bin/bash\", \"-c\"]\nRUN write /a b\n": "/bin/bash is not in this stage",
	} {
		_, err := build(t, tooling(t, dockerfile), BuildOptions{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "RUN") || !errors.Is(err, ErrInput) {
			t.Errorf("%q:\n got %v\nwant %s", dockerfile, err, want)
		}
	}
}

// Nothing runs on when a build is cancelled, nor what a RUN left in the background.
func TestRunLeavesNothing(t *testing.T) {
	needRoot(t)
	token := filepath.Base(t.TempDir()) + strconv.Itoa(os.Getpid())
	dir := tooling(t, "RUN leave "+token+"\nRUN sleep "+token+"\n")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := Build(ctx, BuildOptions{
		Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile"), Builder: "builtin", Cache: noCache,
		Log: writerFunc(func(p []byte) (int, error) {
			if strings.Contains(string(p), "asleep") {
				cancel()
			}
			return len(p), nil
		}),
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	for _, f := range all {
		if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), token) {
			t.Errorf("still running: %s %q", f, b)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The same, built by a user without privileges.
func TestRunRootless(t *testing.T) {
	if os.Geteuid() == 0 {
		asNobody(t)
		return
	}
	rootless(t)
}

func rootless(t *testing.T) {
	dir := tooling(t, "COPY gone /gone\nRUN rm /gone\nRUN who /who\nCOPY --chown=33:34 gone /own\nFROM sh\nCOPY --from=sh /who /who\nCOPY --from=sh /own /own\n")
	b, err := build(t, dir, BuildOptions{})
	if err != nil && strings.Contains(err.Error(), "forbids user namespaces") {
		testkit.NeedOrSkip(t, "needs user namespaces")
	}
	if err != nil {
		t.Fatal(err)
	}
	holds(t, b.Image, map[string]string{"gone": "", "who": "0:0 buildkitsandbox / 1"})
	if h := headers(t, b.Image)["own"]; h.Uid != 33 || h.Gid != 34 {
		t.Errorf("owner is %d:%d", h.Uid, h.Gid)
	}
}

// asNobody runs this test again as another user.
func asNobody(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "test")
	b, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	code := filepath.Join(dir, "sh")
	err = errors.Join(os.WriteFile(bin, b, 0o755), os.WriteFile(code, []byte(shellProgram(t)), 0o644), os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o777))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, "-test.run", "^TestRunRootless$", "-test.v")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, shellFile+"="+code)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		testkit.NeedOrSkip(t, "needs user namespaces")
	}
}

const shellFile = "TURNOUT_TEST_SHELL" // the shell, built by a process that has a Go tool
