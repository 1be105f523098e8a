package render

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

// with is a run with these documents; without an AppSpec there is none.
func with(t *testing.T, definition, spec string) (*run.Run, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"taskdef.json": definition, "appspec.json": spec} {
		if text == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	talk := &bytes.Buffer{}
	return &run.Run{
		Config: &config.Config{Dir: dir, TaskDef: "taskdef.json", AppSpec: "appspec.json"}, Facts: run.Facts{Image: "new"}, Report: term.NewReporter(&term.Streams{Out: talk, Err: talk}),
	}, talk
}

const (
	two  = `{"family":"web","revision":3,"containerDefinitions":[{"name":"web","image":"old","portMappings":[{"containerPort":80}]},{"name":"side","image":"old"}]}`
	one  = `{"family":"web","containerDefinitions":[{"name":"web","image":"old"}]}`
	spec = `{"version":0.0,"Resources":[{"TargetService":{"Type":"AWS::ECS::Service","Properties":{"TaskDefinition":"<TASK_DEFINITION>","LoadBalancerInfo":{"ContainerName":"web","ContainerPort":80}}}}]}`
)

func TestWhichContainerGetsTheImage(t *testing.T) {
	behind := &types.Service{LoadBalancers: []types.LoadBalancer{{ContainerName: aws.String("side")}}}
	for name, c := range map[string]struct {
		definition, spec, configured, controller string
		service                                  *types.Service
		want                                     string // image of web and side
		words                                    string
	}{
		"the AppSpec's":                {two, spec, "", run.CodeDeploy, nil, "new old", ""},
		"the configured one":           {two, spec, "side", run.CodeDeploy, nil, "old new", ""},
		"rolling, behind the balancer": {two, spec, "", run.Rolling, behind, "old new", ""},
		"rolling, the only one":        {one, "", "", run.Rolling, &types.Service{}, "new ", ""},
		"rolling, one of two":          {two, "", "", run.Rolling, &types.Service{}, "", "has 2 containers, and none is named to take the image"},
		"not located, without AppSpec": {one, "", "", "", nil, "new ", ""},
		"no such container":            {two, spec, "nosuch", run.CodeDeploy, nil, "", "nosuch"},
		"the AppSpec's is none":        {two, strings.Replace(spec, `"web"`, `"app"`, 1), "", run.CodeDeploy, nil, "", `container "app" is not in the task definition`},
		"its port is none":             {two, strings.Replace(spec, `80}`, `81}`, 1), "", run.CodeDeploy, nil, "", `container "web" does not expose port 81`},
	} {
		t.Run(name, func(t *testing.T) {
			r, talk := with(t, c.definition, c.spec)
			r.Config.Container, r.Facts.Controller, r.Service = c.configured, c.controller, c.service
			err := Stage{}.Check(t.Context(), r)
			if c.words != "" {
				if fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), c.words) || fault.Hint(err) == "" {
					t.Errorf("%v, want %q", err, c.words)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := (Stage{}).Run(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			web, side := "", ""
			for part := range strings.SplitSeq(string(r.Facts.Rendered), `"name"`) {
				_, image, _ := strings.Cut(part, `"image":"`)
				image, _, _ = strings.Cut(image, `"`)
				if strings.HasPrefix(part, `:"web"`) {
					web = image
				} else if strings.HasPrefix(part, `:"side"`) {
					side = image
				}
			}
			if web+" "+side != c.want {
				t.Errorf("%q, want %q, in %s", web+" "+side, c.want, r.Facts.Rendered)
			}
			if left := strings.Contains(talk.String(), "left out what ECS sets itself: revision"); left != (c.definition == two) || bytes.Contains(r.Facts.Rendered, []byte("revision")) {
				t.Errorf("%s\n%s", talk.String(), r.Facts.Rendered)
			}
		})
	}
}

func TestUnknownFields(t *testing.T) {
	r, talk := with(t, strings.Replace(one, `"family"`, `"famly":1,"family"`, 1), "")
	if err := (Stage{}).Check(t.Context(), r); err != nil || !strings.Contains(talk.String(), "famly") {
		t.Errorf("%v, %s", err, talk)
	}
	r.Options.Strict = true
	if err := (Stage{}).Check(t.Context(), r); fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), "famly") {
		t.Error(err)
	}
}

// Values that a run was to put in are kept nowhere: a run that is picked up again cannot
// know them, and says so.
func TestValuesThatAreKeptNowhere(t *testing.T) {
	r, _ := with(t, one, "")
	r.Options.Changed = true
	if err := (Stage{}).Check(t.Context(), r); fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), "are kept nowhere") {
		t.Error(err)
	}
	r.Facts.TaskDefinition = "web:7"
	if (Stage{}).Skip(r) == "" {
		t.Error("what was registered is rendered again")
	}
}

// A placeholder is refused where nothing will take its place.
func TestPlaceholders(t *testing.T) {
	for name, c := range map[string]struct{ old, verb, words string }{
		"an image that is built": {"web", "ship", ""},
		"one that is deployed":   {"web", "deploy", `the image of container "web" is the placeholder <IMAGE>`},
		"one that nobody builds": {"side", "ship", `the image of container "side" is the placeholder <IMAGE>`},
		"before it is known how": {"web", "", ""},
	} {
		r, _ := with(t, strings.Replace(two, `"name":"`+c.old+`","image":"old"`, `"name":"`+c.old+`","image":"<IMAGE>"`, 1), spec)
		r.Facts = run.Facts{Controller: run.CodeDeploy}
		if c.verb != "" {
			r.Start = &run.Start{Verb: c.verb}
		}
		err := Stage{}.Check(t.Context(), r)
		if (c.words == "") != (err == nil) || (err != nil && (fault.Code(err) != fault.Usage || !strings.Contains(err.Error(), c.words) || !strings.Contains(fault.Hint(err), "--image "+c.old))) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
