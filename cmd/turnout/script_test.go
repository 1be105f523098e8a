package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/docs"
	"github.com/turnoutdev/turnout/internal/cli"
	"github.com/turnoutdev/turnout/internal/image"
	"github.com/turnoutdev/turnout/internal/localcloud"
	"github.com/turnoutdev/turnout/internal/schema"
	"github.com/turnoutdev/turnout/internal/term"
)

// TestMain lets this test binary be the turnout command inside scripts, and inside the
// namespaces that it makes.
func TestMain(m *testing.M) {
	cloud.Init()
	image.MaybeRun()
	testscript.Main(m, map[string]func(){"turnout": checked})
}

// checked is the turnout command, which ends with a code of its own when what it printed
// with --json is not as its schema says.
func checked() {
	s := term.System()
	var out bytes.Buffer
	s.Out = io.MultiWriter(os.Stdout, &out)
	code := cli.Main(os.Args[1:], s)
	if slices.Contains(os.Args, "--json") {
		if err := schema.CheckVerb(docs.Results, os.Args[1:], out.Bytes()); err != nil {
			fmt.Fprintf(os.Stderr, "not by the schema: %v\n", err)
			os.Exit(99)
		}
	}
	os.Exit(code)
}

// TestScripts runs users' sessions: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Setup: func(e *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			e.Setenv("EXAMPLES", examples)
			e.Setenv("HOME", e.WorkDir)
			state := e.WorkDir + "/.state"
			e.Setenv("XDG_STATE_HOME", state)
			e.Defer(func() { // a script that failed before its `turnout down`
				if h, err := localcloud.Read(filepath.Join(state, "turnout", "cloud")); err == nil {
					_ = syscall.Kill(h.PID, syscall.SIGTERM)
				}
			})
			for _, k := range []string{"GOPATH", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOFLAGS"} { // the example is built by go
				out, err := exec.Command("go", "env", k).Output()
				if err != nil {
					return err
				}
				e.Setenv(k, strings.TrimSpace(string(out)))
			}
			return nil
		},
	})
}

// exits is the script command `exits CODE COMMAND ARG...`: the command must end with just
// that code. Its output is there for stdout and stderr.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended):
		got = ended.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("%s ended with code %d, not %d", args[1], got, want)
	}
}
