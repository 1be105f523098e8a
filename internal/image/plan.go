package image

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// plan is a Dockerfile as it was read.
type plan struct {
	stages []instructions.Stage
	meta   []instructions.ArgCommand // before the first FROM
	escape rune
	target int
	needed map[int]bool // stages that the target is made of
}

// parse reads the Dockerfile.
func parse(o BuildOptions) (*plan, error) {
	src, err := os.ReadFile(o.Dockerfile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	ast, err := parser.Parse(bytes.NewReader(src))
	if err != nil {
		return nil, refuse(o.Dockerfile, err)
	}
	p := &plan{escape: ast.EscapeToken, needed: map[int]bool{}}
	if p.stages, p.meta, err = instructions.Parse(ast.AST, nil); err != nil {
		return nil, refuse(o.Dockerfile, err)
	}
	p.target = len(p.stages) - 1
	if o.Target != "" {
		if p.target = p.find(len(p.stages), o.Target); p.target < 0 {
			return nil, fmt.Errorf("%w: %s has no stage named %q", ErrInput, o.Dockerfile, o.Target)
		}
	}
	p.need(p.target)
	return p, nil
}

// refuse gives a parser's error the file's name and, when it knows one, the line.
func refuse(file string, err error) error {
	var at *parser.LocationError
	if errors.As(err, &at) && len(at.Locations) > 0 && len(at.Locations[0]) > 0 {
		return fmt.Errorf("%w: %s:%d: %w", ErrInput, file, at.Locations[0][0].Start.Line, err)
	}
	return fmt.Errorf("%w: %s: %w", ErrInput, file, err)
}

// find returns the number of the stage called name among the first n, or -1. Of two with
// the same name the later is meant.
func (p *plan) find(n int, name string) int {
	for i := n - 1; i >= 0; i-- {
		if strings.EqualFold(p.stages[i].Name, name) && name != "" || strconv.Itoa(i) == name {
			return i
		}
	}
	return -1
}

// need marks a stage and all that it takes from.
func (p *plan) need(i int) {
	if i < 0 || p.needed[i] {
		return
	}
	p.needed[i] = true
	s := &p.stages[i]
	p.needNamed(i, s.BaseName)
	for _, c := range s.Commands {
		if c, ok := c.(*instructions.CopyCommand); ok && c.From != "" {
			p.needNamed(i, c.From)
		}
	}
}

// needNamed marks the stage that a name means; with a variable in it, it may be any.
func (p *plan) needNamed(before int, name string) {
	if strings.Contains(name, "$") {
		for i := range before {
			p.need(i)
		}
		return
	}
	p.need(p.find(before, name))
}
