package doctor

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func TestHealthChecksOfThePair(t *testing.T) {
	group := func(name, path, port string) elbtypes.TargetGroup {
		return elbtypes.TargetGroup{TargetGroupName: &name, HealthCheckPath: &path, HealthCheckPort: &port, HealthCheckProtocol: elbtypes.ProtocolEnumHttp}
	}
	definition := ecstypes.TaskDefinition{ContainerDefinitions: []ecstypes.ContainerDefinition{{PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(9000)}}}}}
	for want, groups := range map[string][]elbtypes.TargetGroup{
		"": {group("blue", "/h", "traffic-port"), group("green", "/h", "traffic-port")},
		"warning: the health checks' path differs: /h and /healthz":                                                                          {group("blue", "/h", "9000"), group("green", "/healthz", "9000")},
		"error: its health check asks port 81, which no container exposes; error: its health check asks port 81, which no container exposes": {group("blue", "/h", "81"), group("green", "/h", "81")},
		"warning: the health checks' port differs: traffic-port and 9000":                                                                    {group("blue", "/h", "traffic-port"), group("green", "/h", "9000")},
	} {
		e := &examination{Subject: &Subject{Definition: definition}, rep: &Report{}}
		e.healthChecks(groups)
		var got []string
		for _, f := range e.rep.Findings {
			if f.Where == "" || f.Why == "" || f.Fix == "" {
				t.Errorf("%+v lacks something", f)
			}
			got = append(got, string(f.Severity)+": "+f.What)
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%q, want %q", s, want)
		}
	}
}

func TestTargetTypesAndTheTrap(t *testing.T) {
	awsvpc := ecstypes.TaskDefinition{NetworkMode: ecstypes.NetworkModeAwsvpc}
	for want, g := range map[string]elbtypes.TargetGroup{
		"":                                  {TargetType: elbtypes.TargetTypeEnumIp, LoadBalancerArns: []string{"lb"}},
		"error its target type is instance": {TargetType: elbtypes.TargetTypeEnumInstance, LoadBalancerArns: []string{"lb"}},
		"warning it stands behind no listener, and the first": {TargetType: elbtypes.TargetTypeEnumIp},
	} {
		e := &examination{Subject: &Subject{Definition: awsvpc, Config: "CodeDeployDefault.ECSAllAtOnce", Service: &ecstypes.Service{}}, rep: &Report{}}
		e.targetGroup(g)
		got := ""
		if len(e.rep.Findings) > 0 {
			got = string(e.rep.Findings[0].Severity) + " " + e.rep.Findings[0].What
		}
		if !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSummary(t *testing.T) {
	r := &Report{Checks: []string{"identity", "roles"}}
	if s := r.Summary(); s != "2 checks" {
		t.Error(s)
	}
	r.Findings = []Finding{{Severity: Error}, {Severity: Note}, {Severity: Note}}
	if s := r.Summary(); s != "2 checks, 1 error, 2 notes" {
		t.Error(s)
	}
}
