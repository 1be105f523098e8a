package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSmallestFile(t *testing.T) {
	c, err := Parse("x/turnout.yml", []byte("service: hello\n"))
	if err != nil {
		t.Fatal(err)
	}
	in := c.Infrastructure
	if c.Cluster != "default" || c.Image.Repository != "hello" || c.TaskDef != "taskdef.json" ||
		c.CodeDeploy.Application != "AppECS-default-hello" || in.TargetGroups[1] != "hello-green" ||
		in.TerminationWait != 5*time.Minute || in.Health.Interval != 30*time.Second || in.LoadBalancer.Port != 80 {
		t.Errorf("defaults: %+v", c)
	}
	if got := c.Path("taskdef.json"); got != filepath.Join("x", "taskdef.json") {
		t.Errorf("path %q", got)
	}
}

func TestFaults(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", "turnout.yml: the file is empty"},
		{"cluster: c\n", "turnout.yml:1:1: service: no service is named"},
		{"service: a b\n", `turnout.yml:1:10: service: "a b" is not a valid name`},
		{"service: " + strings.Repeat("a", 256) + "\n", "is not a valid name"},
		{"service: a\ncodedeploy: {group: " + strings.Repeat("g", 101) + "}\n", "codedeploy.group: "},
		{"service: a\ninfrastructure:\n  load_balancer: {name: " + strings.Repeat("l", 33) + "}\n", "infrastructure.load_balancer.name: "},
		{"service: a\nclutser: b\n", `turnout.yml:2:1: unknown key "clutser"`},
		{"service: a\ninfrastructure:\n  desired_count: two\n", "turnout.yml:3:18: "},
		{"service: a\ninfrastructure:\n  health:\n    path: healthz\n", `turnout.yml:4:11: infrastructure.health.path: path "healthz" does not begin with a slash`},
		{"service: a\ninfrastructure:\n  termination_wait: 90s\n", "turnout.yml:3:21: infrastructure.termination_wait: 1m30s"},
		{"service: a\nservice: b\n", "turnout.yml:2:1: "},
		{"service: [\n", "turnout.yml:1:"},
	}
	for _, tt := range tests {
		_, err := Parse("turnout.yml", []byte(tt.in))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: got %v, want %q", tt.in, err, tt.want)
		}
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	_, err := Parse("turnout.yml", []byte("service: a\nimage: {builder: kaniko}\nrehearse: {rate: -1}\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("want two faults, got %v", err)
	}
}

func TestLoadFindsTheFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "no turnout.yml in") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "turnout.yaml"), []byte("service: a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "appspec.yml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(dir)
	if err != nil || c.AppSpec != "appspec.yml" {
		t.Errorf("got %+v, %v", c, err)
	}
}
