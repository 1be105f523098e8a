package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/turnoutdev/turnout/internal/term"
)

// The examples of docs/ci use verbs, flags, actions and inputs that there are.
func TestTheCIExamples(t *testing.T) {
	files, err := filepath.Glob("../../docs/ci/*.yml")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			var doc any
			if err := yaml.Unmarshal(b, &doc); err != nil {
				t.Fatal(err)
			}
			e := &examples{fail: t.Errorf}
			e.walk("", doc)
			if e.found < 2 {
				t.Errorf("only %d uses of turnout found", e.found)
			}
		})
	}
}

// examples looks for turnout in a CI system's file.
type examples struct {
	fail  func(format string, args ...any)
	found int
}

func (e *examples) walk(key string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if uses, ok := v["uses"].(string); ok {
			with, _ := v["with"].(map[string]any)
			e.uses(uses, with)
		}
		for k, c := range v {
			e.walk(k, c)
		}
	case []any:
		for _, c := range v {
			e.walk(key, c)
		}
	case string:
		switch key {
		case "run", "script", "command", "commands", "before_script":
			e.shell(v)
		}
	}
}

// uses checks an action of this repository and its inputs.
func (e *examples) uses(uses string, with map[string]any) {
	folder, ours := strings.CutPrefix(uses, "turnoutdev/turnout")
	if !ours {
		return
	}
	e.found++
	folder, _, versioned := strings.Cut(folder, "@")
	b, err := os.ReadFile(filepath.Join("..", "..", folder, "action.yml"))
	if err != nil || !versioned {
		e.fail("%s: %v", uses, err)
		return
	}
	var a composite
	if err := yaml.Unmarshal(b, &a); err != nil {
		e.fail("%s: %v", uses, err)
	}
	for name := range with {
		if _, ok := a.Inputs[name]; !ok {
			e.fail("%s has no input %s", uses, name)
		}
	}
	for name, in := range a.Inputs {
		if _, ok := with[name]; in.Required && !ok {
			e.fail("%s needs the input %s", uses, name)
		}
	}
}

var callOfTurnout = regexp.MustCompile(`(?m)(?:^|[;&|(]\s*)\s*turnout ([^\n;&|)]+)`)

// shell checks the calls of turnout in a script.
func (e *examples) shell(script string) {
	script = strings.ReplaceAll(script, "\\\n", " ")
	for _, m := range callOfTurnout.FindAllStringSubmatch(script, -1) {
		e.found++
		e.call(strings.Fields(m[1]))
	}
}

// call lets the command line parse a call, without running it.
func (e *examples) call(args []string) {
	root := newRoot(&global{Streams: &term.Streams{}})
	cmd, rest, err := root.Find(args)
	if err != nil || cmd == root {
		e.fail("turnout %v: no such verb: %v", args, err)
		return
	}
	if err := cmd.ParseFlags(rest); err != nil {
		e.fail("turnout %v: %v", args, err)
		return
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		e.fail("turnout %v: %v", args, err)
	}
}

// The action's inputs become flags of the verbs that it runs.
func TestTheActionsFlags(t *testing.T) {
	b, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`give (--[a-z-]+) `).FindAllStringSubmatch(string(b), -1)
	if len(flags) < 8 {
		t.Fatalf("only %d flags found", len(flags))
	}
	for _, m := range flags {
		known := false
		for _, verb := range []string{"ship", "build", "deploy"} {
			cmd, _, err := newRoot(&global{Streams: &term.Streams{}}).Find([]string{verb})
			if err != nil {
				t.Fatal(err)
			}
			known = known || cmd.ParseFlags([]string{m[1], "30m"}) == nil
		}
		if !known {
			t.Errorf("no verb has the flag %s", m[1])
		}
	}
}

func TestWrongExamplesAreFound(t *testing.T) {
	for _, bad := range []string{"turnout shipp", "turnout deploy --wait-til done", "cd x && turnout stop d-1 d-2", "turnout deploy stray"} {
		faults := 0
		(&examples{fail: func(string, ...any) { faults++ }}).shell(bad)
		if faults != 1 {
			t.Errorf("%s: %d faults", bad, faults)
		}
	}
}
