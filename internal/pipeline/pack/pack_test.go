package pack

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/bundle"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

const spec = `{"version":0.0,"Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":"<TASK_DEFINITION>","LoadBalancerInfo":{"ContainerName":"web","ContainerPort":80}}}}]}`

// project is a run in a folder with a configuration and, unless it is "", an AppSpec.
func project(t *testing.T, text string) *run.Run {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("turnout.yml", "service: web\n")
	if text != "" {
		write("appspec.json", text)
	}
	return &run.Run{
		Config:  &config.Config{File: filepath.Join(dir, "turnout.yml"), Dir: dir, Service: "web", Cluster: "shop", AppSpec: "appspec.json"},
		Facts:   run.Facts{Image: "r/web:1", Digest: "sha256:0", Rendered: []byte(`{"family":"web"}`)},
		Options: run.Options{Bundle: filepath.Join(dir, "web.bundle")},
	}
}

func TestWhatIsPacked(t *testing.T) {
	for name, c := range map[string]struct {
		spec, container string // as configured
		want, said      string
	}{
		"blue/green":              {spec, "", "web", ", 3 files"},
		"a configured container":  {spec, "side", "side", ", 3 files"},
		"rolling, without a spec": {"", "", "", ", 2 files"},
	} {
		t.Run(name, func(t *testing.T) {
			r := project(t, c.spec)
			r.Config.Container = c.container
			said, err := Stage{}.Run(t.Context(), r)
			if err != nil || said != r.Options.Bundle+c.said {
				t.Fatalf("%q, %v", said, err)
			}
			m, files, err := bundle.Read(r.Options.Bundle, nil)
			if err != nil || m.Container != c.want || m.Image != "r/web:1" || string(files[bundle.TaskDefinition]) != `{"family":"web"}` || string(files[bundle.AppSpecJSON]) != c.spec {
				t.Errorf("%+v, %q, %v", m, files, err)
			}
		})
	}
}

// A bundle without the AppSpec that stands there would fail in the job that deploys.
func TestAnAppSpecThatCannotBeRead(t *testing.T) {
	r := project(t, "")
	if err := os.Mkdir(filepath.Join(r.Config.Dir, "appspec.json"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := (Stage{}).Run(t.Context(), r); err == nil {
		t.Error("it was left out")
	}
	r = project(t, "{}")
	if _, err := (Stage{}).Run(t.Context(), r); fault.Code(err) != fault.Usage {
		t.Error(err)
	}
}

func TestWhatIsWrongIsKnownBefore(t *testing.T) {
	r := project(t, spec)
	if err := (Stage{}).Check(t.Context(), r); err != nil {
		t.Error(err)
	}
	r.Options.SignKey = filepath.Join(r.Config.Dir, "nosuch.pem")
	if err := (Stage{}).Check(t.Context(), r); fault.Code(err) != fault.Usage || !strings.HasPrefix(err.Error(), "--sign-key: ") {
		t.Error(err)
	}
	r.Options.Bundle = filepath.Join(r.Config.Dir, "nosuch", "b")
	if err := (Stage{}).Check(t.Context(), r); fault.Code(err) != fault.Usage || !strings.HasPrefix(err.Error(), "--bundle: ") {
		t.Error(err)
	}
	r.Options.Bundle = ""
	if err := (Stage{}).Check(t.Context(), r); err != nil || (Stage{}).Skip(r) != "no --bundle" {
		t.Error(err)
	}
}
