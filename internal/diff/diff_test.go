package diff

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// described is a definition as ECS describes it, with what it adds.
const described = `{"taskDefinitionArn":"arn:aws:ecs:us-east-1:123456789012:task-definition/web:7","revision":7,"status":"ACTIVE",
 "family":"web","networkMode":"awsvpc","cpu":"1024","memory":"2048","requiresCompatibilities":["FARGATE"],"compatibilities":["EC2","FARGATE"],
 "volumes":[],"placementConstraints":[],"requiresAttributes":[{"name":"x"}],"registeredAt":1.5,"enableFaultInjection":false,
 "containerDefinitions":[{"name":"web","image":"x:1","cpu":0,"essential":true,"mountPoints":[],"volumesFrom":[],"systemControls":[],
  "portMappings":[{"containerPort":9000,"hostPort":9000,"protocol":"tcp"}],"command":["serve","--token","hunter2"],
  "environment":[{"name":"A","value":"1"},{"name":"DB_PASSWORD","value":"hunter2"},{"name":"GONE","value":"x"}],
  "secrets":[{"name":"API_KEY","valueFrom":"arn:aws:ssm:us-east-1:123456789012:parameter/key"}]}]}`

// written is the same as a person writes it.
const written = `{"family":"web","networkMode":"awsvpc","cpu":"1 vCPU","memory":2048,"requiresCompatibilities":["FARGATE"],
 "containerDefinitions":[{"name":"web","image":"x:1","portMappings":[{"containerPort":9000}],"command":["serve","--token","hunter2"],
  "environment":[{"name":"GONE","value":"x"},{"name":"DB_PASSWORD","value":"hunter2"},{"name":"A","value":"1"}],
  "secrets":[{"name":"API_KEY","valueFrom":"arn:aws:ssm:us-east-1:123456789012:parameter/key"}]}]}`

func lines(t *testing.T, before, after string) string {
	t.Helper()
	changes, err := Documents([]byte(before), []byte(after))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range changes {
		out = append(out, fmt.Sprintf("%s %s %s>%s", c.Op, c.Path, word(c.Before), word(c.After)))
	}
	return strings.Join(out, "\n")
}

func TestWhatECSAddsIsNoDifference(t *testing.T) {
	if got := lines(t, described, written); got != "" {
		t.Error(got)
	}
}

func TestChangesAreNamedByPath(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`"x:1"`, `"x:2"`, `changed containerDefinitions[web].image "x:1">"x:2"`},
		{`{"name":"GONE","value":"x"},`, ``, `removed containerDefinitions[web].environment[GONE] "x">`},
		{`{"name":"A","value":"1"}`, `{"name":"A","value":"1"},{"name":"NEW","value":""}`, `added containerDefinitions[web].environment[NEW] >""`},
		{`parameter/key`, `parameter/other`, `changed containerDefinitions[web].secrets[API_KEY] "arn:aws:ssm:us-east-1:123456789012:parameter/key">"arn:aws:ssm:us-east-1:123456789012:parameter/other"`},
		{`"containerPort":9000`, `"containerPort":9001`, "removed containerDefinitions[web].portMappings[9000] {\"containerPort\":9000}>\nadded containerDefinitions[web].portMappings[9001] >{\"containerPort\":9001}"},
		{`"cpu":"1 vCPU"`, `"cpu":"512"`, `changed cpu "1024">"512"`},
		{`"family"`, `"brandNew":{"x":1},"family"`, `added brandNew >{"x":1}`},
		// Secrets: that they differ is told, what they are is not.
		{`"value":"hunter2"`, `"value":"hunter3"`, `changed containerDefinitions[web].environment[DB_PASSWORD] "********">"********"`},
		{`"--token","hunter2"`, `"--token","hunter3"`, `changed containerDefinitions[web].command ["serve","--token","********"]>["serve","--token","********"]`},
		{`{"name":"A","value":"1"}`, `{"name":"A","value":"postgres://u:hunter3@db/x"}`, `changed containerDefinitions[web].environment[A] "1">"postgres://u:********@db/x"`},
	} {
		changed := strings.Replace(written, c.from, c.to, 1)
		if got := lines(t, described, changed); changed == written || got != c.want {
			t.Errorf("%s -> %s:\n%s\nwant\n%s", c.from, c.to, got, c.want)
		}
	}
}

func TestNoSecretIsShown(t *testing.T) {
	const planted = "hunter2-planted"
	for _, name := range []string{"DB_PASSWORD", "db_passwd", "PGPASSWORD", "API_KEY", "apikey", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SENTRY_DSN", "JWT", "SESSION_SECRET", "auth", "splunk-token", "clientCredentials", "SLACK_WEBHOOK", "ConnectionString", "PRIVATE_KEY"} {
		if got := Masked(name, planted); got != mask {
			t.Errorf("%s is shown: %v", name, got)
		}
	}
	for _, name := range []string{"PORT", "LOG_LEVEL", "AUTHOR", "PASSENGER_COUNT", "TOKEN_TTL", "DB_SECRET_ARN", "SESSIONS", "COMPASS", "valueFrom"} {
		if got := Masked(name, planted); got != planted {
			t.Errorf("%s is masked", name)
		}
	}
	tree := map[string]any{
		"environment": []any{map[string]any{"name": "X", "value": "mysql://root:" + planted + "@db:3306/x"}, map[string]any{"name": "MY_TOKEN", "value": planted}},
		"command":     []any{"run", "--db-password=" + planted, "-token", planted, "-v"},
		"options":     map[string]any{"splunk-token": planted, "awslogs-group": "/ecs/web"},
		"pem":         "-----BEGIN RSA PRIVATE KEY-----\n" + planted + "\n-----END RSA PRIVATE KEY-----",
		"inline":      []any{"sh", "-c", "login ghp_" + strings.ReplaceAll(planted, "-", "0") + "0123456789"},
	}
	b, err := json.Marshal(Masked("", tree))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(b); strings.Contains(s, "planted") || !strings.Contains(s, "/ecs/web") || !strings.Contains(s, `"-v"`) {
		t.Error(s)
	}
}

func TestFilesForAnotherDiffer(t *testing.T) {
	changed := strings.NewReplacer(`"value":"hunter2"`, `"value":"hunter3"`, `"x:1"`, `"x:2"`).Replace(written)
	a, b, err := Files([]byte(described), []byte(changed))
	if err != nil {
		t.Fatal(err)
	}
	if s := string(a) + string(b); strings.Contains(s, "hunter") {
		t.Error(s)
	}
	x, y := strings.Split(string(a), "\n"), strings.Split(string(b), "\n")
	var diff []string
	for i := range x {
		if x[i] != y[i] {
			diff = append(diff, strings.TrimSpace(x[i])+" > "+strings.TrimSpace(y[i]))
		}
	}
	want := []string{`"value": "********" > "value": "******** (another value)"`, `"image": "x:1", > "image": "x:2",`}
	if len(x) != len(y) || strings.Join(diff, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nwant\n%s", strings.Join(diff, "\n"), strings.Join(want, "\n"))
	}
}
