package cli

import (
	"os"
	"os/exec"
	"testing"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/image"
	"github.com/turnoutdev/turnout/internal/term"
)

// asTurnout makes this test binary the turnout command, for tests that kill it.
const asTurnout = "TURNOUT_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	cloud.Init()
	image.MaybeRun()
	if os.Getenv(asTurnout) == "1" {
		os.Exit(Main(os.Args[1:], term.System()))
	}
	os.Exit(tests(m))
}

// tests runs them with a state folder that is none of the user's. They share it: those that
// ask for the newest run set one of their own.
func tests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "turnout-tests-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // nothing depends on it
	if err := os.Setenv("XDG_STATE_HOME", dir); err != nil {
		panic(err)
	}
	return m.Run()
}

// command is the turnout command in a process of its own.
func command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asTurnout+"=1")
	return c
}
