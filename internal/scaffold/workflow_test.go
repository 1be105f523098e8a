package scaffold

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/internal/config"
)

// The workflow of the FastAPI example becomes the example's own turnout.yml.
func TestFromWorkflow(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/fastapi")); err != nil {
		t.Fatal(err)
	}
	p, notes, err := FromWorkflow(dir, "testdata/seed.yml", "")
	if err != nil || len(notes) != 0 {
		t.Fatal(err, notes)
	}
	if err := p.Finish(); err != nil {
		t.Fatal(err)
	}
	want, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	got := p.Config
	type names struct{ Service, Cluster, Repository, Context, Dockerfile, Application, Group, TaskDef, AppSpec string }
	of := func(c *config.Config) names {
		return names{c.Service, c.Cluster, c.Image.Repository, c.Image.Context, c.Image.Dockerfile, c.CodeDeploy.Application, c.CodeDeploy.Group, c.TaskDef, c.AppSpec}
	}
	if d := cmp.Diff(of(want), of(got)); d != "" {
		t.Error(d)
	}
	if got.Region != "eu-west-2" || p.Container != "fastapi" || p.Port != 9000 || p.Account != "123456789012" ||
		p.LogGroup != "/ecs/fastapi" || p.Branch != "develop" || p.Role != "${{ secrets.IAMROLE_GITHUB }}" {
		t.Errorf("got %+v", p)
	}
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "turnout.yml")); err != nil {
		t.Fatal(err)
	}
	wrote, err := Write(dir, files, false)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(wrote, "taskdef.json") || slices.Contains(wrote, "appspec.json") || !slices.Contains(wrote, ".github/workflows/turnout.yml") {
		t.Errorf("wrote %v", wrote)
	}
}

const two = `
on: {push: {branches: ['release/**']}}
env: {CLUSTER: prod, REPO: team/api}
jobs:
  ship:
    env: {AWS_REGION: eu-west-1}
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with: {aws-access-key-id: '${{ secrets.KEY }}', aws-region: '${{env.AWS_REGION}}'}
      - uses: docker/build-push-action@v6
        with:
          context: ./api
          file: api/Dockerfile.prod
          target: release
          platforms: linux/arm64
          build-args: |
            MODE=fast
            SHA=${{ github.sha }}
          tags: ${{ steps.login.outputs.registry }}/${{ env.REPO }}:${{ github.sha }}
      - uses: aws-actions/amazon-ecs-deploy-task-definition@v2
        with: {task-definition: td.yaml, service: api, cluster: '${{ env.CLUSTER }}', propagate-tags: SERVICE}
      - uses: aws-actions/amazon-ecs-deploy-task-definition@v2
        with: {task-definition: td.yaml, service: worker, cluster: '${{ env.CLUSTER }}'}
`

func TestAWorkflowWithTwoServices(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "w.yml")
	if err := os.WriteFile(file, []byte(two), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := FromWorkflow(dir, file, ""); err == nil || !strings.Contains(err.Error(), "deploys 2 services: api, worker") {
		t.Errorf("got %v", err)
	}
	if _, _, err := FromWorkflow(dir, file, "web"); err == nil || !strings.Contains(err.Error(), "does not deploy web") {
		t.Errorf("got %v", err)
	}
	p, notes, err := FromWorkflow(dir, file, "api")
	if err != nil {
		t.Fatal(err)
	}
	c := p.Config
	want := config.Image{Repository: "team/api", Context: "api", Dockerfile: "api/Dockerfile.prod", Target: "release", Platform: "linux/arm64", Args: map[string]string{"MODE": "fast"}}
	if d := cmp.Diff(want, c.Image); d != "" {
		t.Error(d)
	}
	if c.Service != "api" || c.Cluster != "prod" || c.Region != "eu-west-1" || c.TaskDef != "td.yaml" || p.Branch != "main" {
		t.Errorf("got %+v", c)
	}
	text := strings.Join(notes, "\n")
	for _, want := range []string{"access keys", "argument SHA", "propagate-tags", "td.yaml is not there"} {
		if !strings.Contains(text, want) {
			t.Errorf("no note of %s in\n%s", want, text)
		}
	}
}

func TestNoWorkflow(t *testing.T) {
	for src, want := range map[string]string{"a: [": "is no workflow", "jobs: {}": "deploys no service"} {
		file := filepath.Join(t.TempDir(), "w.yml")
		if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := FromWorkflow(t.TempDir(), file, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v", src, err)
		}
	}
}

func TestDockerCommandLines(t *testing.T) {
	for line, want := range map[string]config.Image{
		`docker build -t "$REG/web:$TAG" .`: {Repository: "web", Context: "."},
		`docker build --pull -f docker/app.Dockerfile --build-arg A=1 --tag=$REG/x/y:1 --target t app`:          {Repository: "x/y", Dockerfile: "docker/app.Dockerfile", Target: "t", Context: "app", Args: map[string]string{"A": "1"}},
		"docker buildx build --push \\\n  --platform linux/arm64 \\\n  -t $REG/web .\ndocker push $REG/other:1": {Repository: "web", Platform: "linux/arm64", Context: "."},
		`cd app && docker build . -t x`: {Context: "."},
		`npm run build`:                 {},
	} {
		r := &reader{p: New("."), env: map[string]any{"REG": "${{ steps.l.outputs.registry }}"}}
		r.step(step{Run: line})
		if d := cmp.Diff(want, r.p.Config.Image); d != "" {
			t.Errorf("%s: %s", line, d)
		}
	}
}

// The workflow that is written is YAML, and its expressions are whole.
func TestTheWrittenWorkflow(t *testing.T) {
	p := New(t.TempDir())
	p.Config.Service, p.GitHub = "web", "acme/web"
	if err := p.Finish(); err != nil {
		t.Fatal(err)
	}
	src, err := p.fill("deploy.yml")
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := yaml.Unmarshal(src, &w); err != nil {
		t.Fatal(err)
	}
	if branch(w.On) != "main" || len(w.Jobs) != 2 || w.Env["AWS_REGION"] != "us-east-1" {
		t.Errorf("got %+v", w)
	}
	if strings.Contains(string(src), "<<") || strings.Count(string(src), "${{") != strings.Count(string(src), "}}") {
		t.Errorf("left over:\n%s", src)
	}
}

func TestWhatIsWrittenIsChecked(t *testing.T) {
	for want, change := range map[string]func(*Project){
		"no valid account":           func(p *Project) { p.Account = "12" },
		"no valid branch":            func(p *Project) { p.Branch = "main]\nx: [" },
		"no valid GitHub repository": func(p *Project) { p.GitHub = "acme" },
		"no valid role":              func(p *Project) { p.Role = "x: y" },
		"no valid region":            func(p *Project) { p.Config.Region = "here" },
		"is no port":                 func(p *Project) { p.Port = 70000 },
		"is not a valid name":        func(p *Project) { p.Config.Cluster = "a b" },
		"does not begin with":        func(p *Project) { p.Config.Infrastructure.Health.Path = "healthz" },
	} {
		p := New(t.TempDir())
		p.Config.Service = "web"
		change(p)
		if err := p.Finish(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestTheDockerfilesPort(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM x\nEXPOSE 3000/tcp\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := New(dir)
	if err := p.Finish(); err != nil || p.Port != 3000 {
		t.Errorf("port %d, %v", p.Port, err)
	}
}
