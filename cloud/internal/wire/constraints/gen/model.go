package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// model is the part of a service-2.json that matters here.
type model struct {
	Metadata struct {
		Protocol string `json:"protocol"`
		Version  string `json:"apiVersion"`
	} `json:"metadata"`
	Operations map[string]operation `json:"operations"`
	Shapes     map[string]*shape    `json:"shapes"`

	constrained map[string]bool
}

type operation struct {
	HTTP struct {
		Method string `json:"method"`
		URI    string `json:"requestUri"`
		Status int    `json:"responseCode"`
	} `json:"http"`
	Input    *ref   `json:"input"`
	Output   *ref   `json:"output"`
	AuthType string `json:"authtype"`
}

type ref struct {
	Shape    string `json:"shape"`
	Location string `json:"location"`
	Name     string `json:"locationName"`
}

type shape struct {
	Type      string         `json:"type"`
	Members   map[string]ref `json:"members"`
	Required  []string       `json:"required"`
	Payload   string         `json:"payload"`
	Member    *ref           `json:"member"`
	Key       *ref           `json:"key"`
	Value     *ref           `json:"value"`
	Min       *json.Number   `json:"min"`
	Max       *json.Number   `json:"max"`
	Pattern   string         `json:"pattern"`
	Sensitive bool           `json:"sensitive"`
	Exception bool           `json:"exception"`
	Fault     bool           `json:"fault"`
	Error     struct {
		Code   string `json:"code"`
		Status int    `json:"httpStatusCode"`
	} `json:"error"`
}

// load reads the newest version of a service's model.
func load(data, service string) (*model, error) {
	paths, err := filepath.Glob(filepath.Join(data, service, "*", "service-2.json*"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("no model of %s in %s", service, data)
	}
	slices.Sort(paths)
	f, err := os.Open(paths[len(paths)-1])
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	var src io.Reader = f
	if strings.HasSuffix(f.Name(), ".gz") {
		if src, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	m := &model{constrained: map[string]bool{}}
	if err := json.NewDecoder(src).Decode(m); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	m.findConstrained()
	return m, nil
}

// findConstrained marks the shapes that have constraints or lead to some. Shapes may be
// recursive, so it goes on until nothing changes.
func (m *model) findConstrained() {
	for changed := true; changed; {
		changed = false
		for name, s := range m.Shapes {
			if !m.constrained[name] && (s.own() || slices.ContainsFunc(s.refs(), func(r string) bool { return m.constrained[r] })) {
				m.constrained[name] = true
				changed = true
			}
		}
	}
}

// own reports whether a shape has constraints itself. A minimum of 0 for a length is none.
func (s *shape) own() bool {
	return s.Pattern != "" || s.Max != nil || len(s.Required) > 0 ||
		s.Min != nil && (s.Min.String() != "0" || s.number())
}

func (s *shape) number() bool {
	return s.Type == "integer" || s.Type == "long" || s.Type == "float" || s.Type == "double"
}

func (s *shape) refs() []string {
	var names []string
	for _, r := range s.Members {
		names = append(names, r.Shape)
	}
	for _, r := range []*ref{s.Member, s.Key, s.Value} {
		if r != nil {
			names = append(names, r.Shape)
		}
	}
	return names
}

// reachable returns the shapes that operations' inputs lead to, in order of name.
func (m *model) reachable() []string {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if !seen[name] {
			seen[name] = true
			for _, r := range m.Shapes[name].refs() {
				visit(r)
			}
		}
	}
	for _, op := range m.Operations {
		if op.Input != nil {
			visit(op.Input.Shape)
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
