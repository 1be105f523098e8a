package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/control"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/history"
	"github.com/turnoutdev/turnout/internal/status"
	"github.com/turnoutdev/turnout/internal/term"
)

// verb runs a verb on the rolling service and decodes what it prints.
func (w *town) verb(code int, into any, args ...string) {
	w.t.Helper()
	var out, talk bytes.Buffer
	args = append(args, "--local", "--state", w.state, "--cluster", "demo", "--service", "roll", "-f", w.t.TempDir(), "--json")
	got := checked(w.t.Context(), w.t, args, &term.Streams{In: strings.NewReader(""), Out: &out, Err: &talk})
	if got != code {
		w.t.Fatalf("turnout %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), talk.String())
	}
	if into == nil || out.Len() == 0 {
		return
	}
	if err := json.Unmarshal(out.Bytes(), into); err != nil {
		w.t.Fatalf("turnout %v printed\n%s", args, out.String())
	}
}

// TestRollingServiceUnderControl stops and rolls back a service with the ECS controller,
// and reads its status and history meanwhile.
func TestRollingServiceUnderControl(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	image := w.must(0, "build", "--builder", "builtin").Image
	one := w.must(0, "deploy", "--image", image, "--wait-until", "registered").TaskDefinition
	two := w.must(0, "deploy", "--image", image, "--wait-until", "registered", "--force-register").TaskDefinition
	w.edit("taskdef.json", `"essential": true,`, `"essential": true, "entryPoint": ["/nosuch"],`)
	broken := w.must(0, "deploy", "--image", image, "--wait-until", "registered").TaskDefinition
	_, err := w.aws.ECS().CreateService(t.Context(), &ecs.CreateServiceInput{
		Cluster: aws.String("demo"), ServiceName: aws.String("roll"), TaskDefinition: &one, DesiredCount: aws.Int32(1), LaunchType: ecstypes.LaunchTypeFargate,
		NetworkConfiguration: &ecstypes.NetworkConfiguration{AwsvpcConfiguration: &ecstypes.AwsVpcConfiguration{Subnets: []string{"subnet-0a1b2c3d4e5f60718"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.verb(0, nil, "wait", "service", "--deadline", "30s")
	w.verb(0, nil, "wait", "deployment")
	w.verb(fault.Usage, nil, "watch")
	w.verb(fault.Usage, nil, "watch", "ecs-svc/1234567890123456789")
	w.verb(fault.Usage, nil, "rollback") // nothing came before
	w.verb(fault.Usage, nil, "stop", "--rollback")
	w.verb(fault.Usage, nil, "continue")

	var out control.Outcome
	w.verb(0, &out, "rollback", "--to", two)
	if out.Revision != two || out.Previous != one || out.Status != "COMPLETED" {
		t.Errorf("%+v", out)
	}
	w.verb(0, &out, "rollback")
	if out.Revision != one {
		t.Errorf("%+v", out)
	}

	// A deployment that never comes to its end, without a circuit breaker.
	if _, err := w.aws.ECS().UpdateService(t.Context(), &ecs.UpdateServiceInput{Cluster: aws.String("demo"), Service: aws.String("roll"), TaskDefinition: &broken}); err != nil {
		t.Fatal(err)
	}
	var st status.Status
	w.verb(0, &st, "status")
	if st.Controller != "ECS" || st.Deployment == nil || !st.Deployment.Active || st.Revision != broken || len(st.Parts) != 2 {
		t.Errorf("%+v", st)
	}
	w.verb(fault.TimedOut, nil, "wait", "deployment", "--deadline", "300ms")
	w.verb(fault.TimedOut, nil, "wait", "service", "--deadline", "300ms")
	w.verb(fault.Usage, nil, "stop") // ECS cannot leave it as it stands
	out = control.Outcome{}
	w.verb(0, &out, "rollback")
	if out.Revision != one || out.Status != string(ecstypes.ServiceDeploymentStatusRollbackSuccessful) {
		t.Errorf("%+v", out)
	}
	w.settle()

	var h struct{ Deployments []history.Entry }
	w.verb(0, &h, "history")
	want := []string{broken, one, two, one}
	for i, e := range h.Deployments {
		if i < len(want) && e.Revision != want[i] {
			t.Errorf("deployment %d brought %s, not %s", i, e.Revision, want[i])
		}
	}
	if len(h.Deployments) < len(want) || h.Deployments[0].RolledBackBy == "" || h.Deployments[1].Took == 0 {
		t.Errorf("%+v", h.Deployments)
	}
}

// settle waits until the rolling service is stable, as the SDK sees it.
func (w *town) settle() {
	w.t.Helper()
	var st status.Status
	for st.Deployment == nil || st.Deployment.Active || st.Running != st.Desired {
		if w.t.Context().Err() != nil {
			w.t.Fatal("the service did not settle")
		}
		st = status.Status{}
		w.verb(0, &st, "status")
	}
}
