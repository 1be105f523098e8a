package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/term"
)

// A project made from a running service describes that very service.
func TestInitFromAService(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	dir := t.TempDir()
	var talk bytes.Buffer
	code := Run(t.Context(), []string{"init", dir, "--local", "--state", w.state, "--from-service", "demo/hello"},
		&term.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &talk})
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, talk.String())
	}
	got, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	want, err := config.Load(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	want.Infrastructure.Subnets, want.Infrastructure.VPC = got.Infrastructure.Subnets, got.Infrastructure.VPC // of the local cloud
	want.Infrastructure.SecurityGroups = got.Infrastructure.SecurityGroups
	if !reflect.DeepEqual(got.Infrastructure, want.Infrastructure) {
		t.Errorf("infrastructure\n%+v\nwant\n%+v", got.Infrastructure, want.Infrastructure)
	}
	if got.Image.Repository != "hello" || got.Cluster != "demo" || got.CodeDeploy.Application != want.CodeDeploy.Application {
		t.Errorf("got %+v", got)
	}
	td, err := os.ReadFile(filepath.Join(dir, "taskdef.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"image": "<IMAGE>"`, `"family": "hello"`, `"awslogs-group": "/ecs/hello"`} {
		if !strings.Contains(string(td), want) {
			t.Errorf("no %s in\n%s", want, td)
		}
	}
	for _, gone := range []string{`"revision"`, `"status"`, `"placementConstraints"`, `"mountPoints"`} {
		if strings.Contains(string(td), gone) {
			t.Errorf("%s was left in\n%s", gone, td)
		}
	}
	values, err := os.ReadFile(filepath.Join(dir, "terraform", "terraform.tfvars"))
	if err != nil || !strings.Contains(string(values), `cluster              = "demo"`) {
		t.Errorf("%v\n%s", err, values)
	}
}

func TestInitAsksOnATerminal(t *testing.T) {
	dir := t.TempDir()
	answers := "web\n\n3000\n/up\neu-west-3\n111122223333\nacme/web\n"
	var talk bytes.Buffer
	code := Run(t.Context(), []string{"init", dir}, &term.Streams{In: strings.NewReader(answers), Out: &bytes.Buffer{}, Err: &talk, TTY: true})
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, talk.String())
	}
	c, err := config.Load(dir)
	if err != nil || c.Service != "web" || c.Cluster != "default" || c.Region != "eu-west-3" || c.Infrastructure.Health.Path != "/up" {
		t.Errorf("%v, %+v", err, c)
	}
	spec, err := os.ReadFile(filepath.Join(dir, "appspec.json"))
	if err != nil || !strings.Contains(string(spec), `"ContainerPort": 3000`) {
		t.Errorf("%v\n%s", err, spec)
	}

	empty := t.TempDir()
	if code := Run(t.Context(), []string{"init", empty}, &term.Streams{In: strings.NewReader("web\n"), Out: &bytes.Buffer{}, Err: &talk, TTY: true}); code != 2 {
		t.Errorf("without answers: exit code %d", code)
	}
	if left, _ := os.ReadDir(empty); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}
