package preflight

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/doctor"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

func TestWhenItIsMade(t *testing.T) {
	r := &run.Run{}
	if (Stage{}).Skip(r) == "" {
		t.Error("nobody asked for it")
	}
	r.Options.Preflight = true
	if got := (Stage{}).Skip(r); got != "" {
		t.Error(got)
	}
	if r.Facts.TaskDefinition = "web:1"; (Stage{}).Skip(r) != "registered already" || (Stage{}).Check(t.Context(), r) != nil || r.Examined != nil {
		t.Error("its time is over")
	}
}

// Whatever is found wrong is told with its fix, nothing more being a refusal.
func TestWhatIsRefused(t *testing.T) {
	if err := refusal(nil); err != nil {
		t.Error(err)
	}
	one := doctor.Finding{Severity: doctor.Error, Check: "roles", What: "the role is missing", Where: "exec", Fix: "make it"}
	if err := refusal([]doctor.Finding{one}); fault.Code(err) != fault.Usage || fault.Hint(err) != "make it" || !strings.Contains(err.Error(), "the role is missing") {
		t.Error(err)
	}
	two := doctor.Finding{Severity: doctor.Error, Check: "images", What: "there is no such image", Where: "web:1", Fix: "push it"}
	err := refusal([]doctor.Finding{one, two})
	if fault.Code(err) != fault.Usage {
		t.Error(err)
	}
	for _, want := range []string{"2 errors", "the role is missing", "make it", "there is no such image", "push it"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

func TestWhichContainerAnImageIsFor(t *testing.T) {
	td, err := taskdef.Parse("taskdef.json", []byte(`{"family":"web","containerDefinitions":[{"name":"first","image":"i"},{"name":"web","image":"i"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	spec, err := appspec.Parse("appspec.json", []byte(`{"version":0.0,"Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":"x","LoadBalancerInfo":{"ContainerName":"web","ContainerPort":80}}}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	behind := &types.Service{LoadBalancers: []types.LoadBalancer{{ContainerName: aws.String("behind")}}}
	for want, c := range map[string]struct {
		configured string
		spec       *appspec.AppSpec
		service    *types.Service
	}{
		"named": {"named", spec, behind}, "web": {"", spec, behind}, "behind": {"", nil, behind}, "first": {"", nil, &types.Service{}},
	} {
		if got := main(td, &doctor.Subject{AppSpec: c.spec}, &run.Run{Config: &config.Config{Container: c.configured}, Service: c.service}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
