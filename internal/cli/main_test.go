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
	os.Exit(m.Run())
}

// command is the turnout command in a process of its own.
func command(args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), asTurnout+"=1")
	return c
}
