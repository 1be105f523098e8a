package codedeploy

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// appSpec is what an AppSpec says.
type appSpec struct {
	TaskDefinition string
	Container      string
	Port           int32
	Hooks          map[string]string
}

const malformed = "The deployment failed because the AppSpec file that specifies the deployment configuration is missing or has an invalid configuration. The input AppSpec file is a not well-formed yaml. The template cannot be parsed."

// parseAppSpec reads JSON, else YAML, keys in any casing.
func parseAppSpec(text string) (appSpec, error) {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		v = nil
		if yaml.Unmarshal([]byte(text), &v) != nil {
			return appSpec{}, fmt.Errorf("%s", malformed)
		}
	}
	var a appSpec
	list, _ := get(v, "resources").([]any)
	for _, it := range list {
		m, _ := it.(map[string]any)
		for _, r := range m {
			p := get(r, "properties")
			lb := get(p, "loadBalancerInfo")
			a.TaskDefinition, _ = get(p, "taskDefinition").(string)
			a.Container, _ = get(lb, "containerName").(string)
			switch n := get(lb, "containerPort").(type) {
			case float64:
				a.Port = int32(n)
			case uint64:
				a.Port = int32(n)
			case int64:
				a.Port = int32(n)
			}
		}
	}
	a.Hooks = map[string]string{}
	hooks, _ := get(v, "hooks").([]any)
	for _, it := range hooks {
		m, _ := it.(map[string]any)
		for k, f := range m {
			a.Hooks[strings.ToLower(k)], _ = f.(string)
		}
	}
	if a.TaskDefinition == "" || a.Container == "" || a.Port == 0 {
		return a, fmt.Errorf("%s", malformed)
	}
	return a, nil
}

func get(v any, key string) any {
	m, _ := v.(map[string]any)
	for k, x := range m {
		if strings.EqualFold(k, key) {
			return x
		}
	}
	return nil
}
