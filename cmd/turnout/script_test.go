package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/image"
)

// TestMain lets this test binary be the turnout command inside scripts, and inside the
// namespaces that it makes.
func TestMain(m *testing.M) {
	cloud.Init()
	image.MaybeRun()
	testscript.Main(m, map[string]func(){"turnout": main})
}

// TestScripts runs users' sessions: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			examples, err := filepath.Abs("../../examples")
			if err != nil {
				return err
			}
			e.Setenv("EXAMPLES", examples)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_STATE_HOME", e.WorkDir+"/.state")
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
