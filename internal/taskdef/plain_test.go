package taskdef

import (
	"strings"
	"testing"
)

// asWritten is a definition as a person writes it, asDescribed the same as ECS describes it.
const (
	asWritten = `{"family":"web","networkMode":"awsvpc","cpu":"1 vCPU","memory":2048,"requiresCompatibilities":["FARGATE"],
 "containerDefinitions":[{"name":"web","image":"x:1","portMappings":[{"containerPort":9000}],
  "environment":[{"name":"B","value":""},{"name":"A","value":"1"}],"healthCheck":{"command":["CMD","true"]}}]}`
	asDescribed = `{"taskDefinitionArn":"arn:aws:ecs:us-east-1:123456789012:task-definition/web:7","revision":7,"status":"ACTIVE",
 "family":"web","networkMode":"awsvpc","cpu":"1024","memory":"2048","requiresCompatibilities":["FARGATE"],"compatibilities":["EC2","FARGATE"],
 "volumes":[],"placementConstraints":[],"requiresAttributes":[{"name":"x"}],"registeredAt":1.5,"registeredBy":"arn:aws:iam::123456789012:root",
 "containerDefinitions":[{"name":"web","image":"x:1","cpu":0,"essential":true,"mountPoints":[],"volumesFrom":[],"systemControls":[],
  "portMappings":[{"containerPort":9000,"hostPort":9000,"protocol":"tcp"}],
  "environment":[{"name":"A","value":"1"},{"name":"B","value":""}],"healthCheck":{"command":["CMD","true"],"interval":30,"timeout":5,"retries":3}}]}`
)

func TestEqual(t *testing.T) {
	same := func(a, b string) bool {
		t.Helper()
		ok, err := Equal([]byte(a), []byte(b))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if !same(asWritten, asDescribed) {
		t.Error("what ECS adds makes a difference")
	}
	for _, change := range [][2]string{
		{`"x:1"`, `"x:2"`},                                       // another image
		{`{"name":"A","value":"1"},`, ``},                        // a variable less
		{`"value":""`, `"value":" "`},                            // an empty string is a value
		{`"cpu":"1024"`, `"cpu":"512"`},                          //
		{`"essential":true`, `"essential":false`},                //
		{`"hostPort":9000`, `"hostPort":9001`},                   //
		{`"volumes":[]`, `"volumes":[{"name":"v"}]`},             //
		{`"name":"web","image"`, `"name":"web","new":1,"image"`}, // a field that nobody knows yet
	} {
		if other := strings.Replace(asDescribed, change[0], change[1], 1); other == asDescribed || same(asWritten, other) {
			t.Errorf("%s -> %s makes no difference", change[0], change[1])
		}
	}
	if _, err := Equal([]byte(`[`), []byte(asWritten)); err == nil {
		t.Error("a torn document has no error")
	}
}

func TestUnknown(t *testing.T) {
	td, err := Parse("taskdef.json", []byte(`{"family": "web", "revision": 3,
 "containerDefinitions": [{"name": "web", "image": "x", "portMapings": [], "dockerLabels": {"any": "thing"},
  "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/x"}, "secretOption": []}}],
 "enableQuantumMode": true}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range td.Unknown() {
		got = append(got, e.Error()+" | "+e.Hint)
	}
	want := []string{
		`taskdef.json:2:57: containerDefinitions[].portMapings is not a field that ECS is known to have | did you mean "portMappings"?`,
		`taskdef.json:3:84: containerDefinitions[].logConfiguration.secretOption is not a field that ECS is known to have | did you mean "secretOptions"?`,
		`taskdef.json:4:2: enableQuantumMode is not a field that ECS is known to have | it is sent as it stands; ECS refuses or ignores what it does not know`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
