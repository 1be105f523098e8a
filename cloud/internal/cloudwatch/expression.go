package cloudwatch

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// vector is a time series of an expression, by the period's start, or a constant.
type vector struct {
	constant bool
	value    float64
	points   map[int64]float64
}

func constant(v float64) vector { return vector{constant: true, value: v} }

// scope is what an expression is evaluated in.
type scope struct {
	vectors map[string]vector // by id
	periods []int64           // starts of all the periods asked for, which FILL needs
}

// expression is a compiled one.
type expression func(scope) vector

// parser reads metric math: arithmetic, comparisons, and the functions in functions.go.
type parser struct {
	rest string
	ids  []string // the ids that occur
}

// compile reads an expression and tells which ids it needs.
func compile(text string) (expression, []string, error) {
	p := &parser{rest: text}
	e, err := p.binary(0)
	if err == nil && p.peek() != "" {
		err = fmt.Errorf("unexpected %q", p.peek())
	}
	if err != nil {
		return nil, nil, fmt.Errorf("expression %q: %w", text, err)
	}
	return e, p.ids, nil
}

// levels are the operators by how tightly they bind, the loosest first.
var levels = [][]string{{"||", "OR"}, {"&&", "AND"}, {"<=", ">=", "==", "!=", "<", ">"}, {"+", "-"}, {"*", "/"}, {"^"}}

// binary reads operators of the level and those that bind more tightly.
func (p *parser) binary(level int) (expression, error) {
	if level == len(levels) {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil {
		op := p.take(levels[level]...)
		if op == "" {
			return left, nil
		}
		var right expression
		if right, err = p.binary(level + 1); err == nil {
			left = combined(left, right, operators[op])
		}
	}
	return nil, err
}

func combined(left, right expression, f func(a, b float64) float64) expression {
	return func(s scope) vector { return zip(left(s), right(s), f) }
}

func (p *parser) unary() (expression, error) {
	if p.take("-") != "" {
		e, err := p.unary()
		return func(s scope) vector {
			return zip(constant(0), e(s), func(_, b float64) float64 { return -b })
		}, err
	}
	return p.operand()
}

func (p *parser) operand() (expression, error) {
	if p.take("(") != "" {
		e, err := p.binary(0)
		if err == nil && p.take(")") == "" {
			err = errors.New("a bracket is not closed")
		}
		return e, err
	}
	t := p.peek()
	p.rest = strings.TrimPrefix(strings.TrimLeft(p.rest, " \t\n"), t)
	switch {
	case t == "":
		return nil, errors.New("it ends too early")
	case t[0] >= '0' && t[0] <= '9' || t[0] == '.':
		v, err := strconv.ParseFloat(t, 64)
		return func(scope) vector { return constant(v) }, err
	case p.take("(") != "":
		return p.function(t)
	case t[0] >= 'a' && t[0] <= 'z':
		p.ids = append(p.ids, t)
		return func(s scope) vector { return s.vectors[t] }, nil
	}
	return nil, fmt.Errorf("unexpected %q", t)
}

// function reads the arguments of one, behind its bracket. Lists in square brackets count
// as so many arguments.
func (p *parser) function(name string) (expression, error) {
	f, ok := functions[name]
	if !ok {
		return nil, fmt.Errorf("unknown function %s", name)
	}
	var args []expression
	for p.take(")") == "" {
		if p.take(",", "[", "]") != "" {
			continue
		}
		e, err := p.binary(0)
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	if len(args) < f.least || (f.most > 0 && len(args) > f.most) {
		return nil, fmt.Errorf("wrong number of arguments of %s", name)
	}
	return func(s scope) vector {
		vs := make([]vector, len(args))
		for i, a := range args {
			vs[i] = a(s)
		}
		return f.apply(s, vs)
	}, nil
}

// take takes one of the tokens off, if it is the next.
func (p *parser) take(tokens ...string) string {
	next := p.peek()
	for _, t := range tokens {
		if next == t {
			p.rest = strings.TrimPrefix(strings.TrimLeft(p.rest, " \t\n"), t)
			return t
		}
	}
	return ""
}

// peek is the next token: a name, a number or a sign; empty at the end.
func (p *parser) peek() string {
	s := strings.TrimLeft(p.rest, " \t\n")
	n := 0
	for n < len(s) && (s[n] == '_' || s[n] == '.' || s[n] >= '0' && s[n] <= '9' || s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z') {
		n++
	}
	if n == 0 && len(s) > 1 {
		switch s[:2] {
		case "<=", ">=", "==", "!=", "&&", "||":
			n = 2
		}
	}
	return s[:max(n, min(1, len(s)))]
}

// zip applies f to what two vectors have at the same time.
func zip(a, b vector, f func(a, b float64) float64) vector {
	if a.constant && b.constant {
		return constant(f(a.value, b.value))
	}
	points := a.points
	if a.constant {
		points = b.points
	}
	out := vector{points: make(map[int64]float64, len(points))}
	for t := range points {
		x, ok := a.at(t)
		y, ok2 := b.at(t)
		if v := f(x, y); ok && ok2 && !math.IsNaN(v) && !math.IsInf(v, 0) {
			out.points[t] = v
		}
	}
	return out
}

func (v vector) at(t int64) (float64, bool) {
	if v.constant {
		return v.value, true
	}
	x, ok := v.points[t]
	return x, ok
}
