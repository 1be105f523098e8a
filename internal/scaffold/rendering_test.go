package scaffold

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/internal/config"
)

const rendering = `on: push
env: {STAGE: prod}
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: aws-actions/amazon-ecs-render-task-definition@v1
        with:
          task-definition: taskdef.json
          container-name: fastapi
          image: x
          environment-variables: |
            STAGE=${{ env.STAGE }}
            RELEASE=${{ github.sha }}
            Q=a=b
          secrets: KEY=arn:aws:ssm:eu-west-1:123456789012:parameter/key
          docker-labels: team=shop
          log-configuration-log-driver: awslogs
          log-configuration-options: mode=non-blocking
          env-files: arn:aws:s3:::bucket/app.env
          command: serve --name "a b"
          task-role-arn: arn:aws:iam::123456789012:role/app
      - uses: aws-actions/amazon-ecs-deploy-task-definition@v1
        with: {task-definition: taskdef.json, service: fastapi, cluster: demo, codedeploy-appspec: appspec.json}
`

// What a workflow renders beside the image stands in turnout.yml afterwards; what it alone
// knows is told, with the flag that takes it.
func TestWhatAWorkflowRendersIsKept(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/fastapi")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "w.yml")
	if err := os.WriteFile(file, []byte(rendering), 0o600); err != nil {
		t.Fatal(err)
	}
	p, notes, err := FromWorkflow(dir, file, "")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Render{TaskRole: "arn:aws:iam::123456789012:role/app", Containers: []config.Container{{
		Name: "fastapi", Environment: map[string]string{"STAGE": "prod", "Q": "a=b"}, Secrets: map[string]string{"KEY": "arn:aws:ssm:eu-west-1:123456789012:parameter/key"},
		Labels: map[string]string{"team": "shop"}, LogDriver: "awslogs", LogOptions: map[string]string{"mode": "non-blocking"},
		EnvFiles: []string{"arn:aws:s3:::bucket/app.env"}, Command: []string{"serve", "--name", "a b"},
	}}}
	if d := cmp.Diff(want, p.Config.Render); d != "" {
		t.Error(d)
	}
	if text := strings.Join(notes, "\n"); !strings.Contains(text, "the value of RELEASE is known to the workflow only: give it to `turnout ship --env RELEASE=…`") || strings.Contains(text, "STAGE") {
		t.Error(text)
	}
	if err := p.Finish(); err != nil {
		t.Fatal(err)
	}
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Path != "turnout.yml" {
			continue
		}
		c, err := config.Parse(filepath.Join(dir, "turnout.yml"), f.Data)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, c.Render); d != "" {
			t.Errorf("%s\n%s", d, f.Data)
		}
		return
	}
	t.Error("no turnout.yml is written")
}
