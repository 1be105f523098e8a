package cli

import (
	"bytes"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/bench"
	"github.com/turnoutdev/turnout/internal/term"
)

// TestCallsOfADeployment counts the calls of a deployment that succeeds at once: few, and
// the same however many applications there are, because none is listed.
func TestCallsOfADeployment(t *testing.T) {
	stub := &bench.Stub{}
	srv := httptest.NewServer(stub)
	defer srv.Close()
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL": srv.URL, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "XDG_STATE_HOME": t.TempDir(),
	} {
		t.Setenv(k, v)
	}
	for config, want := range map[string]string{
		"codedeploy: {application: AppECS-demo-web, group: DgpECS-demo-web}": "GetDeploymentGroup DescribeTaskDefinition RegisterTaskDefinition CreateDeployment GetDeployment",
		"": "DescribeServices GetDeployment GetDeploymentGroup DescribeTaskDefinition RegisterTaskDefinition CreateDeployment GetDeployment",
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{
			"turnout.yml":  "service: web\ncluster: demo\n" + config + "\n",
			"taskdef.json": `{"family": "web", "containerDefinitions": [{"name": "web", "image": "x", "portMappings": [{"containerPort": 9000}]}]}`,
			"appspec.json": `{"version": 0.0, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
  "TaskDefinition": "<TASK_DEFINITION>", "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 9000}}}}]}`,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		var talk bytes.Buffer
		if code := Run(t.Context(), []string{"deploy", "--image", "new", "-f", dir}, &term.Streams{Out: &talk, Err: &talk}); code != 0 {
			t.Fatalf("exit code %d\n%s", code, talk.String())
		}
		if got := strings.Join(stub.Calls(), " "); got != want {
			t.Errorf("%q: calls\n%s\nwant\n%s", config, got, want)
		}
	}
}
