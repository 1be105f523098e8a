package taskdef

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `{
  "family": "hello",
  "futureField": {"kept": [1, 2.50]},
  "containerDefinitions": [
    { "name": "side", "image": "side:1" },
    { "name": "hello", "image": "<IMAGE>", "command": ["sh", "-c", ""] }
  ]
}
`

func TestSetImageChangesOnlyTheImage(t *testing.T) {
	td, err := Parse("taskdef.json", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if err := td.SetImage("hello", "127.0.0.1:4566/hello:abc"); err != nil {
		t.Fatal(err)
	}
	if got, want := string(td.Bytes()), strings.Replace(sample, "<IMAGE>", "127.0.0.1:4566/hello:abc", 1); got != want {
		t.Errorf("got\n%s", got)
	}
	def, err := td.Definition()
	if err != nil {
		t.Fatal(err)
	}
	if *def.ContainerDefinitions[1].Image != "127.0.0.1:4566/hello:abc" || def.ContainerDefinitions[1].Command[2] != "" {
		t.Errorf("decoded %+v", def.ContainerDefinitions[1])
	}
}

func TestUnknownContainerNamesTheOthers(t *testing.T) {
	td, err := Parse("taskdef.json", []byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	err = td.SetImage("web", "x")
	if err == nil || err.Error() != `taskdef.json:4:27: no container is named "web"` {
		t.Errorf("got %v", err)
	}
}

func TestDescribeOutputIsUnwrappedAndStripped(t *testing.T) {
	src := `{"taskDefinition": {
  "taskDefinitionArn": "arn:aws:ecs:us-east-1:1:task-definition/hello:3",
  "containerDefinitions": [{"name": "hello", "image": "x"}],
  "family": "hello",
  "revision": 3,
  "status": "ACTIVE"
}, "tags": []}`
	td, err := Parse("f", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	gone, err := td.StripReadOnly()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Join(gone, " ") != "taskDefinitionArn revision status" {
		t.Errorf("stripped %v", gone)
	}
	want := "{\n  \"containerDefinitions\": [{\"name\": \"hello\", \"image\": \"x\"}],\n  \"family\": \"hello\"\n}"
	if got := string(td.Bytes()); got != want {
		t.Errorf("got %s", got)
	}
}

func TestYAML(t *testing.T) {
	file := filepath.Join(t.TempDir(), "taskdef.yaml")
	src := "family: hello # ours\nrevision: 4\ncontainerDefinitions:\n  - name: hello\n    image: old:1 # set by turnout\n    memory: 128\n"
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	td, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := td.SetImage("hello", "new@sha256:ab"); err != nil {
		t.Fatal(err)
	}
	if _, err := td.StripReadOnly(); err != nil {
		t.Fatal(err)
	}
	want := strings.Replace(strings.Replace(src, "revision: 4\n", "", 1), "old:1", "new@sha256:ab", 1)
	if got := string(td.Bytes()); got != want {
		t.Errorf("got\n%s", got)
	}
	js, err := td.JSON()
	if err != nil || !strings.Contains(string(js), `"image": "new@sha256:ab"`) {
		t.Errorf("JSON %s, %v", js, err)
	}
}

func TestMalformed(t *testing.T) {
	for src, want := range map[string]string{
		`[]`:                          "expected an object, found a list",
		`{"family":"x"}`:              `no "containerDefinitions"`,
		`{"containerDefinitions":[]}`: "containerDefinitions is empty",
		`{"containerDefinitions":[{"image":"x"}]}`: "containerDefinitions[0] has no name",
		`{"containerDefinitions":{}}`:              "expected a list",
	} {
		if _, err := Parse("f", []byte(src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", src, err, want)
		}
	}
}
