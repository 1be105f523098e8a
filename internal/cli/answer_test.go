package cli

import (
	"bytes"
	"errors"
	"testing"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/tail"
	"github.com/turnoutdev/turnout/internal/term"
)

// TestOneFailureForReaders: a failure is told once, in the form in which the verb prints.
func TestOneFailureForReaders(t *testing.T) {
	err := fault.New(fault.TimedOut, "wait on", "%w", errors.New("too late"))
	for _, c := range []struct {
		name, want string
		before     func(*global) error
	}{
		{"nothing was printed", "{\n  \"ok\": false,\n  \"error\": \"too late\",\n  \"hint\": \"wait on\",\n  \"exitCode\": 6\n}\n", func(*global) error { return nil }},
		{"the result told of it", "{\n  \"ended\": 3\n}\n", func(g *global) error { return g.printJSON(cleared{3}) }},
		{"lines were printed", `{"time":"0001-01-01T00:00:00Z","task":"","container":"","message":"a","logGroup":"","logStream":""}` + "\n" +
			`{"ok":false,"error":"too late","hint":"wait on","exitCode":6}` + "\n", func(g *global) error { return g.printLine(tail.Line{Message: "a"}) }},
	} {
		var out bytes.Buffer
		g := &global{Streams: &term.Streams{Out: &out}}
		if e := errors.Join(c.before(g), g.failed(err)); e != nil || out.String() != c.want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.name, e, out.String(), c.want)
		}
	}
}

func TestAsksForJSON(t *testing.T) {
	if !asksForJSON([]string{"run", "--json", "--", "x"}) || asksForJSON([]string{"run", "--", "x", "--json"}) {
		t.Error("what follows -- is the command's")
	}
}
