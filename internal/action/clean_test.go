package action

import (
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/taskdef"
)

// What the official action takes out goes, unless it means something.
func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`{"taskRoleArn":"","cpu":null,"volumes":[],"x":{"y":[{}]},"containerDefinitions":[{"name":"a"}]}`, `{"containerDefinitions":[{"name":"a"}]}`},
		{`{"containerDefinitions":[{"name":"a","command":["sh","-c",""],"entryPoint":[""],"links":["",null,"b"]}]}`, `{"containerDefinitions":[{"name":"a","command":["sh","-c",""],"links":["b"]}]}`},
		{`{"containerDefinitions":[{"name":"a","dockerLabels":{"l":"","m":null},"logConfiguration":{"logDriver":"","options":{"o":""}}}]}`, `{"containerDefinitions":[{"name":"a","dockerLabels":{"l":""},"logConfiguration":{"options":{"o":""}}}]}`},
		{`{"tags":[{"key":"k","value":""},{"key":"","value":""}],"containerDefinitions":[{"name":"a","environment":[{"name":"E","value":""},{"name":"F"},{"name":"G","value":null},{"name":"","value":""}]}]}`, `{"tags":[{"key":"k","value":""}],"containerDefinitions":[{"name":"a","environment":[{"name":"E","value":""},{"name":"F","value":""},{"name":"G","value":""}]}]}`},
		{`{"proxyConfiguration":{"type":"APPMESH","properties":[{"name":"p"},{"value":"v"}]},"containerDefinitions":[{"name":"a"}]}`, `{"proxyConfiguration":{"type":"APPMESH","properties":[{"name":"p","value":""},{"value":"v","name":""}]},"containerDefinitions":[{"name":"a"}]}`},
		{`{"kept":"","also":{"kept":null},"containerDefinitions":[{"name":"a","essential":false,"cpu":0}]}`, `{"kept":"","also":{"kept":null},"containerDefinitions":[{"name":"a","essential":false,"cpu":0}]}`},
		{`{"containerDefinitions":[{"name":"a","newer":{"one":1.50,"none":[]}}],"newerToo":true}`, `{"containerDefinitions":[{"name":"a","newer":{"one":1.50}}],"newerToo":true}`},
		{`{"revision":0,"status":"ACTIVE","containerDefinitions":[{"name":"a"}]}`, `{"containerDefinitions":[{"name":"a"}]}`},
	} {
		td, err := taskdef.Parse("taskdef.json", []byte(tt.in))
		if err != nil {
			t.Fatal(err)
		}
		got, err := newStep(t, "", nil).registrable(td, []string{"kept"})
		if err != nil || string(got) != tt.want {
			t.Errorf("%s\n got %s, %v\nwant %s", tt.in, got, err, tt.want)
		}
	}
}

func TestFieldsThatNobodyKnowsAreShown(t *testing.T) {
	td, err := taskdef.Parse("taskdef.json", []byte("{\n \"familly\": \"x\",\n \"containerDefinitions\": [{\"name\": \"a\"}]}"))
	if err != nil {
		t.Fatal(err)
	}
	s := newStep(t, "", nil)
	if _, err := s.registrable(td, nil); err != nil {
		t.Fatal(err)
	}
	if want := `::warning file=taskdef.json,line=2,col=2::familly is not a field that ECS is known to have (did you mean "family"?)`; !strings.Contains(s.out.String(), want) {
		t.Errorf("printed %s", &s.out)
	}
}

func TestVolumes(t *testing.T) {
	for volume, want := range map[string]string{
		`{"sizeInGiB":10}`:          `has no "roleArn"`,
		`{"roleArn":"r"`:            "unexpected EOF",
		`{"roleArn":"r","size":10}`: `unknown field "size"; it is left out`,
		`{"roleArn":"r","volumeType":"gp2","throughput":5}`: "only gp3 volumes have a throughput",
		"": "no volume is configured",
	} {
		s := newStep(t, "", map[string]string{"task-definition": "x", "service-managed-ebs-volume-name": "v", "service-managed-ebs-volume": volume})
		d := &deploy{Job: s.Job}
		err := d.inputs()
		if said := s.out.String() + errorText(err); !strings.Contains(said, want) {
			t.Errorf("%s: %s", volume, said)
		}
		if err == nil && volume != "" && (*d.volumes[0].Name != "v" || d.volumes[0].ManagedEBSVolume.Throughput != nil) {
			t.Errorf("%s: %+v", volume, d.volumes)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
