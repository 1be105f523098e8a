package build

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

func TestThePlatform(t *testing.T) {
	for name, c := range map[string]struct{ configured, definition, want string }{
		"configured":            {"linux/riscv64", `"runtimePlatform":{"cpuArchitecture":"ARM64"},`, "linux/riscv64"},
		"the definition's":      {"", `"runtimePlatform":{"cpuArchitecture":"ARM64"},`, "linux/arm64"},
		"the definition's, x86": {"", `"runtimePlatform":{"cpuArchitecture":"X86_64"},`, "linux/amd64"},
		"another one":           {"", `"runtimePlatform":{"operatingSystemFamily":"LINUX"},`, ""},
		"this machine's":        {"", "", ""},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "taskdef.json"), []byte(`{`+c.definition+`"family":"web","containerDefinitions":[{"name":"web","image":"i"}]}`), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := platform(&run.Run{Config: &config.Config{Dir: dir, TaskDef: "taskdef.json", Image: config.Image{Platform: c.configured}}})
		if got != c.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}

func TestPrepare(t *testing.T) {
	dir := t.TempDir()
	if err := prepare(t.Context(), dir, nil); err != nil {
		t.Error(err)
	}
	// It runs where the context is, with a folder for temporary files that goes with it.
	if err := prepare(t.Context(), dir, []string{"sh", "-c", `touch "$TMPDIR/x" && echo "$TMPDIR" > made`}); err != nil {
		t.Fatal(err)
	}
	made, err := os.ReadFile(filepath.Join(dir, "made"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(made))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", made, err)
	}
	err = prepare(t.Context(), dir, []string{"sh", "-c", "echo out; echo err >&2; exit 3"})
	if fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), "exit status 3\nout\nerr") || fault.Hint(err) != "run it by hand in "+dir {
		t.Error(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	time.AfterFunc(50*time.Millisecond, func() { cancel(stop) })
	if err := prepare(ctx, dir, []string{"sleep", "60"}); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// The Dockerfile is looked for before anything is done, in the run's own source.
func TestTheDockerfile(t *testing.T) {
	conf, baseline := t.TempDir(), t.TempDir()
	r := &run.Run{Config: &config.Config{Dir: conf, Image: config.Image{Dockerfile: "Dockerfile"}}}
	if err := (Stage{}).Check(t.Context(), r); fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), filepath.Join(conf, "Dockerfile")) {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(baseline, "Dockerfile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.Options.Source = baseline
	if err := (Stage{}).Check(t.Context(), r); err != nil {
		t.Error(err)
	}
	r.Options.Source, r.Config.Image.Dockerfile = "", filepath.Join(baseline, "Dockerfile") // an absolute one stays
	if err := (Stage{}).Check(t.Context(), r); err != nil {
		t.Error(err)
	}
	if (Stage{}).Skip(r) != "" {
		t.Error("nothing was built, and it is skipped")
	}
	r.Facts.Digest = "sha256:0"
	if (Stage{}).Skip(r) == "" {
		t.Error("what was pushed is built again")
	}
}
