package cli

import (
	"os"
	"os/exec"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

// The FastAPI example builds on a base image made of Debian packages, with RUN in the
// builtin builder, and is rehearsed like any other service.
func TestTheFastAPIExample(t *testing.T) {
	t.Parallel() // making the base image takes a minute
	if os.Geteuid() != 0 {
		testkit.NeedOrSkip(t, "base.sh needs root for debootstrap")
	}
	if out, err := exec.Command("../../examples/fastapi/base.sh").CombinedOutput(); err != nil {
		testkit.NeedOrSkip(t, "base.sh: "+err.Error()+": "+string(out))
	}
	rep := rehearsal(t, "--driver", "native", "../../examples/fastapi/turnout.offline.yml")
	if rep.Acts[0].Failures() != 0 {
		t.Errorf("%+v", rep.Acts[0])
	}
}

// The same rehearsal on a Docker engine.
func TestRehearseOnDocker(t *testing.T) {
	if err := exec.Command("docker", "info").Run(); err != nil {
		testkit.NeedOrSkip(t, "no Docker engine answers")
	}
	rep := rehearsal(t, "--driver", "docker", "--rate", "100", "../../examples/hello")
	if rep.Acts[1].Rollback == "" {
		t.Errorf("%+v", rep.Acts[1])
	}
}
