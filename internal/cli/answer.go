package cli

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/turnoutdev/turnout/internal/fault"
)

// failure is what --json prints of a verb that failed before it had a result.
type failure struct {
	OK    bool   `json:"ok"`             // false
	Error string `json:"error"`          // what is wrong
	Hint  string `json:"hint,omitempty"` // the next step
	Code  int    `json:"exitCode"`       // see docs/exit-codes.md
}

// answer prints the result of verbs that else only talk, when --json asks for it.
func (g *global) answer(v any) error {
	if !g.JSON {
		return nil
	}
	return g.printJSON(v)
}

// printDocument prints a result that is a document by itself, with --json and without.
func (g *global) printDocument(b []byte) error {
	g.answered = true
	_, err := g.Out.Write(b)
	return err
}

// printJSON prints the result of --json.
func (g *global) printJSON(v any) error {
	g.answered = true
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(g.Out, "%s\n", b)
	return err
}

// printLine prints one of several objects of --json, each on a line of its own.
func (g *global) printLine(v any) error {
	g.lines = true
	return json.NewEncoder(g.Out).Encode(v)
}

// failed prints an error for --json, where no result has told of it.
func (g *global) failed(err error) error {
	if g.answered {
		return nil
	}
	f := failure{Error: err.Error(), Hint: fault.Hint(err), Code: fault.Code(err)}
	if g.lines {
		return g.printLine(f)
	}
	return g.printJSON(f)
}

// asksForJSON tells whether --json is among arguments that could not be parsed.
func asksForJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.Contains(args, "--json")
}
