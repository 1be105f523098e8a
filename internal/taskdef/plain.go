package taskdef

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Plain is a task definition as a JSON tree from which everything has gone that ECS adds
// when it describes one: read-only fields, defaults, empty lists, and orders that mean
// nothing. Two documents that register the same definition have equal Plains.
//
// document is what RegisterTaskDefinition takes, or describe-task-definition's inner
// object. The forms of defaults are measured on AWS; the order of environment and
// secrets means nothing to ECS.
func Plain(document []byte) (map[string]any, error) {
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber() // 0.5 and large numbers stay as they are written
	var td map[string]any
	if err := dec.Decode(&td); err != nil {
		return nil, fmt.Errorf("task definition: %w", err)
	}
	for _, k := range ReadOnly {
		delete(td, k)
	}
	td, _ = prune(td).(map[string]any)
	amount(td, "cpu", "vcpu")
	amount(td, "memory", "gb")
	unset(td, "networkMode", "bridge")
	unset(td, "enableFaultInjection", false)
	for _, v := range objects(td["volumes"]) {
		if efs, ok := v["efsVolumeConfiguration"].(map[string]any); ok {
			unset(efs, "rootDirectory", "/")
		}
	}
	sorted(td, "requiresCompatibilities", text)
	sorted(td, "tags", member("key"))
	for _, c := range objects(td["containerDefinitions"]) {
		container(c, td["networkMode"])
	}
	return td, nil
}

// Equal tells whether two documents register the same definition.
func Equal(a, b []byte) (bool, error) {
	x, err := Plain(a)
	if err != nil {
		return false, err
	}
	y, err := Plain(b)
	return err == nil && reflect.DeepEqual(x, y), err
}

// container takes a container's defaults away.
func container(c map[string]any, network any) {
	unset(c, "cpu", json.Number("0"))
	unset(c, "essential", true)
	for _, p := range objects(c["portMappings"]) {
		unset(p, "protocol", "tcp")
		unset(p, "hostPort", json.Number("0"))
		if network == "awsvpc" || network == "host" {
			unset(p, "hostPort", p["containerPort"])
		}
	}
	if h, ok := c["healthCheck"].(map[string]any); ok {
		unset(h, "interval", json.Number("30"))
		unset(h, "timeout", json.Number("5"))
		unset(h, "retries", json.Number("3"))
	}
	sorted(c, "environment", member("name"))
	sorted(c, "secrets", member("name"))
	for _, m := range objects(c["mountPoints"]) {
		unset(m, "readOnly", false)
	}
}

// prune takes nulls, empty lists and empty objects away. Empty strings stay: they mean
// something in an environment.
func prune(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			if e = prune(e); empty(e) {
				delete(v, k)
			} else {
				v[k] = e
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i])
		}
	}
	return v
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

func unset(m map[string]any, key string, value any) {
	if v, ok := m[key]; ok && reflect.DeepEqual(v, value) {
		delete(m, key)
	}
}

// amount brings a size to the form that ECS gives back: "1 vCPU" is "1024", "2GB" is "2048".
func amount(td map[string]any, key, unit string) {
	s := fmt.Sprint(td[key])
	number := strings.TrimSpace(strings.TrimSuffix(strings.ToLower(strings.TrimSpace(s)), unit))
	switch f, err := strconv.ParseFloat(number, 64); {
	case td[key] == nil || err != nil:
	case len(number) != len(strings.TrimSpace(s)):
		td[key] = strconv.Itoa(int(f * 1024))
	default:
		td[key] = number
	}
}

func objects(v any) []map[string]any {
	list, _ := v.([]any)
	var out []map[string]any
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// sorted orders a list whose order means nothing.
func sorted(m map[string]any, key string, by func(any) string) {
	if list, ok := m[key].([]any); ok {
		list = slices.Clone(list)
		sort.SliceStable(list, func(i, j int) bool { return by(list[i]) < by(list[j]) })
		m[key] = list
	}
}

func text(v any) string { return fmt.Sprint(v) }

func member(name string) func(any) string {
	return func(v any) string {
		m, _ := v.(map[string]any)
		return fmt.Sprint(m[name])
	}
}
