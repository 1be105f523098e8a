package action

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/turnoutdev/turnout/internal/fault"
)

const twoContainers = `{
  "family": "web",
  "revision": 7,
  "cpu": "256",
  "futureField": {"kept": [1, 2.50]},
  "containerDefinitions": [
    {
      "name": "web",
      "image": "old",
      "environment": [{"name": "A", "value": "1"}],
      "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/web"}}
    },
    {"name": "side", "essential": false}
  ]
}
`

// rendered runs Render on a file and returns what it wrote.
func rendered(t *testing.T, name, definition string, inputs map[string]string) string {
	t.Helper()
	inputs["task-definition"] = name
	s := newStep(t, "", inputs)
	s.write(name, definition)
	if err := Render(t.Context(), s.Job); err != nil {
		t.Fatal(err)
	}
	file := s.file("GITHUB_OUTPUT")["task-definition"]
	if filepath.Dir(file) != s.env["RUNNER_TEMP"] || !strings.HasPrefix(filepath.Base(file), "task-definition-") || filepath.Ext(file) != ".json" {
		t.Errorf("wrote %s", file)
	}
	st, err := os.Stat(file)
	if err != nil || st.Mode() != 0o600 {
		t.Errorf("%v, %v", st.Mode(), err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRenderEverything(t *testing.T) {
	got := rendered(t, "taskdef.json", twoContainers, map[string]string{
		"container-name": "web", "image": "repo/web:2", "environment-variables": "A=2\n\n  B=x=y \nC=",
		"secrets": "S=arn:aws:ssm:eu-west-1:1:parameter/s", "env-files": "arn:aws:s3:::b/e.env", "command": `sh -c "echo 'hi'  there" C:\app`,
		"docker-labels": "l=a=b", "log-configuration-options": "x=1=2", "log-configuration-log-driver": "fluentd",
		"task-role-arn": "arn:aws-us-gov:iam::123456789012:role/t", "execution-role-arn": "arn:aws:iam::123456789012:role/path/e",
	})
	const want = `{
  "family": "web",
  "cpu": "256",
  "futureField": {
    "kept": [
      1,
      2.50
    ]
  },
  "containerDefinitions": [
    {
      "name": "web",
      "image": "repo/web:2",
      "environment": [
        {
          "name": "A",
          "value": "2"
        },
        {
          "name": "B",
          "value": "x=y"
        },
        {
          "name": "C",
          "value": ""
        }
      ],
      "logConfiguration": {
        "logDriver": "fluentd",
        "options": {
          "awslogs-group": "/web",
          "x": "1=2"
        }
      },
      "command": [
        "sh",
        "-c",
        "echo 'hi'  there",
        "C:\\app"
      ],
      "environmentFiles": [
        {
          "value": "arn:aws:s3:::b/e.env",
          "type": "s3"
        }
      ],
      "secrets": [
        {
          "name": "S",
          "valueFrom": "arn:aws:ssm:eu-west-1:1:parameter/s"
        }
      ],
      "dockerLabels": {
        "l": "a=b"
      }
    },
    {
      "name": "side",
      "essential": false
    }
  ],
  "taskRoleArn": "arn:aws-us-gov:iam::123456789012:role/t",
  "executionRoleArn": "arn:aws:iam::123456789012:role/path/e"
}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSeveralContainers(t *testing.T) {
	for image, want := range map[string][]string{
		"repo/all:1":              {"repo/all:1", "repo/all:1"},
		"repo/side:1\nrepo/web:2": {"repo/web:2", "repo/side:1"},
	} {
		got := rendered(t, "taskdef.json", twoContainers, map[string]string{"container-name": "side, web", "image": image})
		var def struct{ ContainerDefinitions []struct{ Image string } }
		if err := json.Unmarshal([]byte(got), &def); err != nil {
			t.Fatal(err)
		}
		if c := def.ContainerDefinitions; c[0].Image != want[0] || c[1].Image != want[1] {
			t.Errorf("%q: %v", image, c)
		}
	}
}

func TestRenderYAML(t *testing.T) {
	got := rendered(t, "taskdef.yml", "family: web # ours\nx: &d {a: 1}\ny: *d\ncontainerDefinitions:\n- name: web\n  cpu: 0\n", map[string]string{"container-name": "web", "image": "i:1"})
	want := "{\n  \"family\": \"web\",\n  \"x\": {\n    \"a\": 1\n  },\n  \"y\": {\n    \"a\": 1\n  },\n  \"containerDefinitions\": [\n    {\n      \"name\": \"web\",\n      \"cpu\": 0,\n      \"image\": \"i:1\"\n    }\n  ]\n}"
	if got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestRenderDescribes(t *testing.T) {
	for want, inputs := range map[string]map[string]string{
		"arn:x": {"task-definition-arn": "arn:x", "task-definition-family": "f"},
		"f":     {"task-definition-family": "f"},
		"f:3":   {"task-definition-family": "f", "task-definition-revision": "3"},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			var in struct {
				TaskDefinition string
				Include        []string
			}
			if err := json.Unmarshal(body, &in); err != nil || in.TaskDefinition != want || !slices.Equal(in.Include, []string{"TAGS"}) {
				t.Errorf("asked %s", body)
			}
			fmt.Fprint(w, `{"taskDefinition":{"taskDefinitionArn":"arn","family":"f","registeredAt":1.5e9,"newerThanTheSDK":true,"containerDefinitions":[{"name":"web","image":"old","newer":{"a":[]}}]},"tags":[{"key":"k","value":""}]}`)
		}))
		defer srv.Close()
		inputs["container-name"], inputs["image"] = "web", "i:1"
		s := newStep(t, srv.URL, inputs)
		if err := Render(t.Context(), s.Job); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(s.file("GITHUB_OUTPUT")["task-definition"])
		if err != nil {
			t.Fatal(err)
		}
		flat := strings.NewReplacer(" ", "", "\n", "").Replace(string(b))
		if flat != `{"containerDefinitions":[{"name":"web","image":"i:1","newer":{"a":[]}}],"family":"f","newerThanTheSDK":true,"tags":[{"key":"k","value":""}]}` {
			t.Errorf("wrote %s", flat)
		}
	}
}

func TestWrongRenderInputs(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"container-name", "", `the input "container-name" is missing`},
		{"image", "", `the input "image" is missing`},
		{"image", "a,b,c", "3 images for 1 containers"},
		{"image", "a b", `"a b"`},
		{"container-name", "web,,side", `the input "container-name" is "web,,side"`},
		{"container-name", "nobody", `taskdef.json:6:27: no container is named "nobody"`},
		{"environment-variables", "A=1\nhunter2", `"environment-variables": no "=" after a name in line 2`},
		{"secrets", "=x", `"secrets"`},
		{"docker-labels", "x", `"docker-labels"`},
		{"log-configuration-options", "x", `"log-configuration-options"`},
		{"log-configuration-log-driver", "carrier-pigeon", "carrier-pigeon"},
		{"task-role-arn", "role", `"task-role-arn"`},
		{"execution-role-arn", "arn:aws:iam::1:role/x", `"execution-role-arn"`},
		{"command", `sh -c "x`, "open \""},
		{"task-definition", "none.json", "no task definition file none.json"},
		{"task-definition", "", "no task definition is given"},
	} {
		inputs := map[string]string{"task-definition": "taskdef.json", "container-name": "web", "image": "i:1"}
		inputs[tt.name] = tt.value
		s := newStep(t, "", inputs)
		s.write("taskdef.json", twoContainers)
		err := Render(t.Context(), s.Job)
		if err == nil || !strings.Contains(err.Error(), tt.want) || fault.Code(err) != fault.Usage {
			t.Errorf("%s=%q: %v (code %d)", tt.name, tt.value, err, fault.Code(err))
		} else if strings.Contains(err.Error()+s.out.String(), "hunter2") {
			t.Errorf("a value got out: %v", err)
		}
		if len(s.file("GITHUB_OUTPUT")) > 0 {
			t.Errorf("%s: outputs were set", tt.name)
		}
	}
}
