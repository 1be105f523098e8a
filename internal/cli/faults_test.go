package cli

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/fault"
)

// TestDeployUnderFaults breaks each call of a deployment, those that change something in
// every way, one at a time. What
// passes is got over; what does not ends the run, which resume brings to its end. Never is
// anything registered or deployed twice.
func TestDeployUnderFaults(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	image := w.must(0, "build", "--builder", "builtin").Image
	calls := []struct{ service, operation string }{
		{"ecs", "DescribeServices"}, {"codedeploy", "GetDeploymentGroup"}, {"ecs", "DescribeTaskDefinition"}, {"ecs", "RegisterTaskDefinition"},
		{"codedeploy", "CreateDeployment"}, {"codedeploy", "GetDeployment"}, {"codedeploy", "GetDeploymentTarget"},
	}
	for i, call := range calls {
		kinds := []cloud.FaultKind{"throttle", "expired"} // reading again is all that there is to do
		if call.operation == "RegisterTaskDefinition" || call.operation == "CreateDeployment" {
			kinds = []cloud.FaultKind{"error", "throttle", "reset", "half", "expired"}
		}
		for _, kind := range kinds {
			t.Run(call.operation+" "+string(kind), func(t *testing.T) {
				w.t = t
				// A variable of its own, so that every run needs a revision of its own.
				w.write("taskdef.json", w.definition(fmt.Sprintf("%d-%s", i, kind)))
				revisions, deployments := w.revisions(), w.deployments()
				if _, err := w.cloud.Inject(cloud.Fault{Kind: kind, Service: call.service, Operation: call.operation, Count: 1}); err != nil {
					t.Fatal(err)
				}
				var talk bytes.Buffer
				code, r := w.turnout(t.Context(), &talk, "deploy", "--image", image, "--wait-until", "shifted")
				struck := w.cloud.Faults()[0].Hit
				w.cloud.ClearFaults()
				switch {
				case struck != 1:
					t.Errorf("the fault struck %d times", struck)
				case kind == "expired" && code != fault.Failed:
					t.Errorf("exit code %d: %s\n%s", code, r.Error, talk.String())
				case kind == "expired":
					run := r.Run
					if code, r = w.turnout(t.Context(), &talk, "resume", run); code == fault.Usage { // it had not begun
						r = w.must(0, "deploy", "--image", image)
					} else if code != 0 || r.Run != run {
						t.Errorf("resume: exit code %d: %s\n%s", code, r.Error, talk.String())
					}
				case code != 0:
					t.Errorf("exit code %d: %s\n%s", code, r.Error, talk.String())
				}
				if r.DeploymentID == "" {
					t.Fatalf("no deployment\n%s", talk.String())
				}
				if s := w.ended(r.DeploymentID); s != cdtypes.DeploymentStatusSucceeded {
					t.Errorf("the deployment has %s", s)
				}
				if made := [2]int{w.revisions() - revisions, w.deployments() - deployments}; made != [2]int{1, 1} {
					t.Errorf("%d revisions and %d deployments were made\n%s", made[0], made[1], talk.String())
				}
			})
		}
	}
	w.t = t
}

// definition is the example's task definition with a variable more.
func (w *town) definition(value string) string {
	return fmt.Sprintf(`{"family": "hello", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
 "executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",
 "containerDefinitions": [{"name": "hello", "image": "x", "essential": true, "portMappings": [{"containerPort": 9000}],
  "environment": [{"name": "PORT", "value": "9000"}, {"name": "TRY", "value": %q}]}]}`, value)
}

// TestDeployInAStorm lets a third of all calls fail, in every way that passes.
func TestDeployInAStorm(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	image := w.must(0, "build", "--builder", "builtin").Image
	for _, kind := range []cloud.FaultKind{"error", "throttle", "reset", "half"} {
		if _, err := w.cloud.Inject(cloud.Fault{Kind: kind, Rate: 0.08}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 3 {
		w.write("taskdef.json", w.definition(fmt.Sprint("storm ", i)))
		r := w.must(0, "deploy", "--image", image, "--if-active", "wait", "--deadline", time.Minute.String())
		if r.DeploymentID == "" || r.Status != "Succeeded" {
			t.Errorf("%+v", r.Facts)
		}
	}
	w.cloud.ClearFaults()
	if d, r := w.deployments(), w.revisions(); d != 3 || r != 4 { // and provision's own revision
		t.Errorf("three runs made %d deployments, and there are %d revisions", d, r)
	}
}
