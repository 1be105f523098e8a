package appspec

import (
	"strings"
	"testing"
)

const seed = `{
    "version": 0.0,
    "Resources": [
      {
        "TargetService": {
          "Type": "AWS::ECS::Service",
          "Properties": {
            "TaskDefinition": "<TASK_DEFINITION>",
            "LoadBalancerInfo": {
              "ContainerName": "fastapi",
              "ContainerPort": 9000
            }
          }
        }
      }
    ]
  }
`

func TestSetTaskDefinitionInAnyForm(t *testing.T) {
	const arn = "arn:aws:ecs:us-east-1:123456789012:task-definition/fastapi:7"
	lower := strings.NewReplacer("Resources", "resources", "TaskDefinition\"", "taskDefinition\"", "Properties", "properties",
		"LoadBalancerInfo", "loadBalancerInfo", "ContainerName", "containerName", "ContainerPort", "containerPort", "Type", "type").Replace(seed)
	yaml := "version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        TaskDefinition: <TASK_DEFINITION> # filled in\n        LoadBalancerInfo:\n          ContainerName: \"fastapi\"\n          ContainerPort: 9000\nHooks:\n  - BeforeAllowTraffic: check\n"
	for name, src := range map[string]string{"seed": seed, "lower case": lower, "yaml": yaml} {
		t.Run(name, func(t *testing.T) {
			a, err := Parse("appspec", []byte(src))
			if err != nil {
				t.Fatal(err)
			}
			if a.Container() != "fastapi" || a.Port() != 9000 || a.TaskDefinition() != "<TASK_DEFINITION>" {
				t.Errorf("read %q %d %q", a.Container(), a.Port(), a.TaskDefinition())
			}
			if err := a.SetTaskDefinition(arn); err != nil {
				t.Fatal(err)
			}
			if got, want := string(a.Bytes()), strings.Replace(src, "<TASK_DEFINITION>", arn, 1); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if _, err := Parse("again", a.Bytes()); err != nil {
				t.Errorf("result does not parse: %v", err)
			}
		})
	}
}

func TestMissingTaskDefinitionIsAdded(t *testing.T) {
	a, err := Parse("appspec.json", []byte(strings.Replace(seed, "\"TaskDefinition\": \"<TASK_DEFINITION>\",\n", "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.SetTaskDefinition("td:1"); err != nil {
		t.Fatal(err)
	}
	b, err := Parse("again", a.Bytes())
	if err != nil || b.TaskDefinition() != "td:1" {
		t.Errorf("got %v\n%s", err, a.Bytes())
	}
}

func TestFaultsCarryPlaceAndHint(t *testing.T) {
	tests := []struct{ old, new, want string }{
		{`9000`, `"9000"`, "appspec.json:11:32: LoadBalancerInfo: ContainerPort must be a number, without quotes"},
		{`9000`, `90000`, "ContainerPort 90000 is no port"},
		{`"ContainerName": "fastapi",`, ``, "appspec.json:9:33: LoadBalancerInfo has no ContainerName"},
		{`"Type": "AWS::ECS::Service"`, `"Type": "AWS::Lambda::Function"`, `resource "TargetService" has type "AWS::Lambda::Function"`},
		{`"Resources"`, `"Things"`, `no "Resources"`},
		{`"LoadBalancerInfo": {`, `"Other": {`, "has no LoadBalancerInfo"},
		{`"version": 0.0,`, `"version": 0.0, "Hooks": [{"Install": "f"}],`, `"Install" is no lifecycle event`},
	}
	for _, tt := range tests {
		_, err := Parse("appspec.json", []byte(strings.Replace(seed, tt.old, tt.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.new, err, tt.want)
		}
	}
}
