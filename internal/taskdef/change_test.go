package taskdef

import (
	"strings"
	"testing"
)

// Everything at once, in JSON and YAML: each value where it belongs, every other byte as
// its author wrote it.
func TestApplyChangesOnlyWhatItNames(t *testing.T) {
	change := Change{
		TaskRole: "arn:aws:iam::123456789012:role/t",
		Containers: []ContainerChange{
			{
				Image: "repo/web:2", Command: []string{"sh", "-c", ""}, EnvFiles: []string{"arn:aws:s3:::b/e.env"},
				Environment: []Pair{{"A", "2"}, {"EMPTY", ""}, {"B", "x=y"}}, Secrets: []Pair{{"S", "arn:s"}},
				Labels: []Pair{{"l", "a=b"}}, LogDriver: "awslogs", LogOptions: []Pair{{"awslogs-group", "/new"}, {"mode", "non-blocking"}},
			},
			{Name: "side", Image: "envoy:2"},
		},
	}
	for name, tt := range map[string][2]string{
		"JSON": {`{
  "family": "web", "futureField": {"kept": [1, 2.50]},
  "containerDefinitions": [
    {
      "name": "web", "image": "old",   "cpu": 0,
      "environment": [{"name": "A", "value": "1", "newer": true}],
      "logConfiguration": {"logDriver": "fluentd", "options": {"awslogs-group": "/old"}}
    },
    {"name": "side", "essential": false}
  ]
}
`, `{
  "family": "web", "futureField": {"kept": [1, 2.50]},
  "containerDefinitions": [
    {
      "name": "web", "image": "repo/web:2",   "cpu": 0,
      "environment": [{"name": "A", "value": "2", "newer": true}, {"name": "EMPTY", "value": ""}, {"name": "B", "value": "x=y"}],
      "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/new", "mode": "non-blocking"}},
      "command": ["sh", "-c", ""],
      "environmentFiles": [
        {"value": "arn:aws:s3:::b/e.env", "type": "s3"}
      ],
      "secrets": [
        {"name": "S", "valueFrom": "arn:s"}
      ],
      "dockerLabels": {
        "l": "a=b"
      }
    },
    {"name": "side", "essential": false, "image": "envoy:2"}
  ],
  "taskRoleArn": "arn:aws:iam::123456789012:role/t"
}
`},
		"YAML": {`# ours
family: web
containerDefinitions:
  - name: web
    image: old # replaced
    environment:
      - name: A
        value: "1" # one
    logConfiguration: {logDriver: fluentd, options: {awslogs-group: /old}}
  # beside
  - name: side
    essential: no
`, `# ours
family: web
containerDefinitions:
  - name: web
    image: repo/web:2 # replaced
    environment:
      - name: A
        value: "2" # one
      - name: EMPTY
        value: ""
      - name: B
        value: x=y
    logConfiguration: {logDriver: "awslogs", options: {awslogs-group: "/new", mode: "non-blocking"}}
    command:
      - sh
      - -c
      - ""
    environmentFiles:
      - value: arn:aws:s3:::b/e.env
        type: s3
    secrets:
      - name: S
        valueFrom: arn:s
    dockerLabels:
      l: a=b
  # beside
  - name: side
    essential: no
    image: envoy:2
taskRoleArn: arn:aws:iam::123456789012:role/t
`},
	} {
		t.Run(name, func(t *testing.T) {
			td, err := Parse("f", []byte(tt[0]))
			if err != nil {
				t.Fatal(err)
			}
			told, err := td.Apply("web", change)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(td.Bytes()); got != tt[1] {
				t.Errorf("got\n%s\nwant\n%s", got, tt[1])
			}
			const want = "image, command, 3 variables, secret S, environment file, label l, log driver, 2 log options of container web; image of container side; taskRoleArn"
			if got := strings.Join(told, "; "); got != want {
				t.Errorf("told %s", got)
			}
			before := string(td.Bytes()) // a second time there is nothing to change
			if _, err := td.Apply("web", change); err != nil || string(td.Bytes()) != before {
				t.Errorf("%v\n%s", err, td.Bytes())
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	td, err := Parse("f", []byte(`{"containerDefinitions":[{"name":"web","environment":{},"logConfiguration":[],"dockerLabels":null}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for want, k := range map[string]ContainerChange{
		`no container is named "app"`:                        {Name: "app", Image: "i"},
		"environment: expected a list, found an object":      {Name: "web", Environment: []Pair{{"A", "b"}}},
		"logConfiguration: expected an object, found a list": {Name: "web", LogDriver: "awslogs"},
	} {
		if _, err := td.Apply("", Change{Containers: []ContainerChange{k}}); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "f:1:") {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := td.Apply("", Change{Containers: []ContainerChange{{Name: "web", Labels: []Pair{{"a", "b"}}}}}); err != nil || !strings.Contains(string(td.Bytes()), `"dockerLabels":{"a":"b"}`) {
		t.Errorf("%v: %s", err, td.Bytes())
	}
}

// Edits and what ECS refuses as input go together.
func TestReadOnlyFieldsGoBesideEdits(t *testing.T) {
	td, err := Parse("f", []byte(`{"revision":7,"containerDefinitions":[{"name":"web","image":"old"}],"status":"ACTIVE"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := td.StripReadOnly(); err != nil {
		t.Fatal(err)
	}
	if err := td.SetImage("web", "new"); err != nil {
		t.Fatal(err)
	}
	if got := string(td.Bytes()); got != `{"containerDefinitions":[{"name":"web","image":"new"}]}` {
		t.Error(got)
	}
}

func TestS3ARN(t *testing.T) {
	for s, want := range map[string]bool{
		"arn:aws:s3:::bucket/dir/file.env": true, "arn:aws-us-gov:s3:::b/e": true,
		"local.env": false, "arn:aws:s3:::bucket": false, "arn:aws:s3:::bucket/": false, "arn:aws:ssm:eu-west-1:1:parameter/x": false, "s3://b/e": false, "": false,
	} {
		if S3ARN(s) != want {
			t.Errorf("%q", s)
		}
	}
}

func TestTheLastWordWins(t *testing.T) {
	c := Change{TaskRole: "a", ExecutionRole: "b", Containers: []ContainerChange{{Image: "1"}}}.And(Change{TaskRole: "c"}).And(OfImage("", "2"))
	td, err := Parse("f", []byte(`{"containerDefinitions":[{"name":"web"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if told, err := td.Apply("web", c); err != nil || len(told) != 3 {
		t.Errorf("%q, %v", told, err)
	}
	if got := string(td.Bytes()); got != `{"containerDefinitions":[{"name":"web","image":"2"}],"taskRoleArn":"c","executionRoleArn":"b"}` {
		t.Error(got)
	}
}
