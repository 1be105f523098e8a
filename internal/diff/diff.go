// Package diff tells how two task definitions differ, as ECS sees them: what ECS adds by
// itself and orders that mean nothing are no difference, and values that look secret are
// compared but never shown.
//
// There is no way to have them shown: a diff is read in logs and chats.
package diff

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/turnoutdev/turnout/internal/taskdef"
)

// Op is what happened to a value.
type Op string

// The operations.
const (
	Added   Op = "added"
	Removed Op = "removed"
	Changed Op = "changed"
)

// Change is one difference. Before and After are JSON values, masked where secret.
type Change struct {
	Path   string `json:"path"` // such as containerDefinitions[web].environment[PORT]
	Op     Op     `json:"op"`
	Before any    `json:"before,omitempty"`
	After  any    `json:"after,omitempty"`
	Masked bool   `json:"masked,omitempty"`
}

// Documents compares two task definitions, each as RegisterTaskDefinition takes it or as
// describe-task-definition gives it. No changes: they register the same.
func Documents(before, after []byte) ([]Change, error) {
	a, err := taskdef.Plain(before)
	if err != nil {
		return nil, err
	}
	b, err := taskdef.Plain(after)
	if err != nil {
		return nil, err
	}
	d := &differ{changes: []Change{}}
	d.objects("", a, b)
	return d.changes, nil
}

// differ collects changes in the order of their paths. It compares values and notes their
// masked forms.
type differ struct {
	changes []Change
}

func (d *differ) values(path string, a, b any) {
	if reflect.DeepEqual(a, b) {
		return
	}
	if x, ok := a.(map[string]any); ok {
		if y, ok := b.(map[string]any); ok {
			d.objects(path, x, y)
			return
		}
	}
	x, xlist := a.([]any)
	y, ylist := b.([]any)
	if key := common(x, y); key != "" && (xlist || a == nil) && (ylist || b == nil) {
		d.lists(path, key, x, y)
		return
	}
	d.note(path, a, b)
}

func (d *differ) objects(path string, a, b map[string]any) {
	for _, k := range union(a, b) {
		d.values(strings.TrimPrefix(path+"."+k, "."), a[k], b[k])
	}
}

// lists compares lists of objects by what names each of them.
func (d *differ) lists(path, key string, a, b []any) {
	x, y := named(a, key), named(b, key)
	for _, k := range union(x, y) {
		at := path + "[" + k + "]"
		m, n := x[k], y[k]
		if pair(m, n) { // {name, value}: the value is what there is to tell
			d.note(at, value(m), value(n))
			continue
		}
		d.values(at, m, n)
	}
}

// keys are the members by which ECS's lists of objects name their items.
var keys = []string{"name", "key", "containerName", "containerPath", "containerPort", "sourceContainer", "hostPath", "namespace"}

// common is the member that names every item of both lists, each once; "" for none.
func common(a, b []any) string {
	if len(a)+len(b) == 0 {
		return ""
	}
	for _, k := range keys {
		if x, y := named(a, k), named(b, k); len(x) == len(a) && len(y) == len(b) {
			return k
		}
	}
	return ""
}

func named(list []any, key string) map[string]any {
	out := map[string]any{}
	for _, e := range list {
		if m, ok := e.(map[string]any); ok && m[key] != nil {
			out[fmt.Sprint(m[key])] = e
		}
	}
	return out
}

// pair tells whether both (or the one there is) are a name and a value, nothing else.
func pair(all ...any) bool {
	for _, e := range all {
		if e == nil {
			continue
		}
		m, ok := e.(map[string]any)
		if !ok || len(m) != 2 || (m["name"] == nil && m["key"] == nil) || value(m) == nil {
			return false
		}
	}
	return true
}

func value(e any) any {
	m, _ := e.(map[string]any)
	for _, k := range []string{"value", "valueFrom"} {
		if v := m[k]; v != nil {
			return v
		}
	}
	return nil
}

func (d *differ) note(path string, a, b any) {
	if reflect.DeepEqual(a, b) {
		return
	}
	c := Change{Path: path, Op: Changed}
	switch {
	case a == nil:
		c.Op = Added
	case b == nil:
		c.Op = Removed
	}
	name := lastName(path)
	c.Before, c.After = Masked(name, a), Masked(name, b)
	c.Masked = !reflect.DeepEqual(c.Before, a) || !reflect.DeepEqual(c.After, b)
	d.changes = append(d.changes, c)
}

// lastName is the member or the item that a path ends with.
func lastName(path string) string {
	if strings.HasSuffix(path, "]") {
		return path[strings.LastIndexByte(path, '[')+1 : len(path)-1]
	}
	return path[strings.LastIndexByte(path, '.')+1:]
}

// union are the members of both, sorted.
func union(a, b map[string]any) []string {
	var out []string
	for k := range a {
		out = append(out, k)
	}
	for k := range b {
		out = append(out, k)
	}
	sort.Strings(out)
	return slices.Compact(out)
}
