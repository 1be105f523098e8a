package constraints

import (
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
	"github.com/turnoutdev/turnout/internal/regex"
)

// check is what must hold for the values of one type at one shape. A nil check holds always.
type check struct {
	min, max *float64
	pattern  *pattern
	enum     []string
	secret   bool

	members []memberCheck
	elem    *check
	key     *check
}

type memberCheck struct {
	field    *codec.Field
	required bool
	check    *check
}

type checkKey struct {
	plan  *codec.Plan
	shape string
}

// shape is a line of the table, read.
type shape struct {
	kind     byte
	secret   bool
	min, max *float64
	pattern  string
	targets  []string          // of a list or map
	members  map[string]string // to their shapes, "" where these do not matter
	required map[string]bool
}

func (t *Table) shape(name string) (s shape) {
	line, ok := t.shapes[name]
	if !ok {
		return shape{}
	}
	kind, rest, _ := strings.Cut(line, " ")
	s = shape{kind: kind[0], secret: strings.HasSuffix(kind, "*")}
	_, rest, _ = strings.Cut(rest, " ")
	if s.kind == 's' {
		s.readMembers(rest)
		return s
	}
	limits, rest, _ := strings.Cut(rest, " ")
	low, high, _ := strings.Cut(limits, "..")
	s.min, s.max = bound(low), bound(high)
	switch s.kind {
	case 'l', 'm':
		s.targets = strings.Fields(rest)
	case 't':
		s.pattern = rest
	}
	return s
}

func (s *shape) readMembers(text string) {
	s.members, s.required = map[string]string{}, map[string]bool{}
	for part := range strings.FieldsSeq(text) {
		name, target, _ := strings.Cut(part, "=")
		name, required := strings.CutSuffix(name, "!")
		s.members[name], s.required[name] = target, required
	}
}

func bound(s string) *float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil
	}
	return &f
}

// input returns the check of an operation's input.
func (t *Table) input(op string, p *codec.Plan) *check {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.inputs[op]
	if !ok {
		c = t.compile(p, t.ops[op].input)
		t.inputs[op] = c
	}
	return c
}

// compile makes the check of p's values at a shape, nil if there is nothing to check.
func (t *Table) compile(p *codec.Plan, name string) *check {
	if p.Kind == codec.Pointer {
		return t.compile(p.Elem, name)
	}
	key := checkKey{p, name}
	if c, ok := t.checks[key]; ok {
		return c
	}
	s := t.shape(name)
	c := &check{min: s.min, max: s.max, secret: s.secret}
	t.checks[key] = c // before its members: types may be recursive
	switch p.Kind {
	case codec.Enum:
		c.enum, c.min, c.max = values(p.Type), nil, nil
	case codec.String:
		c.pattern = newPattern(s.pattern)
	case codec.List:
		c.elem = t.compile(p.Elem, target(s, 0))
	case codec.Map:
		c.key = t.compileKey(p, target(s, 0))
		c.elem = t.compile(p.Elem, target(s, 1))
	case codec.Struct, codec.Union:
		t.compileMembers(c, p, s)
	}
	if c.empty() {
		t.checks[key] = nil
		return nil
	}
	return c
}

func (t *Table) compileMembers(c *check, p *codec.Plan, s shape) {
	for i := range p.Fields {
		f := &p.Fields[i]
		m := memberCheck{field: f, required: s.required[f.Name], check: t.compile(f.Plan, s.members[f.Name])}
		if m.required || m.check != nil {
			c.members = append(c.members, m)
		}
	}
}

// compileKey makes the check of a map's keys, which have no plan of their own.
func (t *Table) compileKey(p *codec.Plan, name string) *check {
	s := t.shape(name)
	c := &check{min: s.min, max: s.max, pattern: newPattern(s.pattern)}
	if c.empty() {
		return nil
	}
	return c
}

func target(s shape, i int) string {
	if i < len(s.targets) {
		return s.targets[i]
	}
	return ""
}

func (c *check) empty() bool {
	return c.min == nil && c.max == nil && c.pattern == nil && len(c.enum) == 0 &&
		len(c.members) == 0 && c.elem == nil && c.key == nil
}

// values returns what an SDK's enum type may be.
func values(t reflect.Type) []string {
	vs := reflect.Zero(t).MethodByName("Values").Call(nil)[0]
	names := make([]string, vs.Len())
	for i := range names {
		names[i] = vs.Index(i).String()
	}
	return names
}

// pattern is a regular expression as the model writes it, and as Go reads it.
type pattern struct {
	text string
	re   *regexp.Regexp
}

var (
	astral   = strings.NewReplacer(`\uD800\uDC00-\uDBFF\uDFFF`, `\x{10000}-\x{10FFFF}`, `\ud800\udc00-\udbff\udfff`, `\x{10000}-\x{10FFFF}`)
	utf16Esc = regex.New(`\\u([0-9A-Fa-f]{4})`)
)

// newPattern translates Java's escapes; nil if there is no pattern, or none that Go knows.
func newPattern(text string) *pattern {
	if text == "" {
		return nil
	}
	expr := utf16Esc.ReplaceAllString(astral.Replace(text), `\x{$1}`)
	re, err := regexp.Compile(`\A(?:` + expr + `)\z`)
	if err != nil {
		return nil
	}
	return &pattern{text, re}
}
