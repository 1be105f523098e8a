package ci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// job is a runner with the files that GitHub gives a step.
func job(t *testing.T, vars map[string]string) (*GitHub, *strings.Builder, func(variable string) string) {
	t.Helper()
	env := map[string]string{}
	for _, f := range []string{"GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"} {
		env[f] = filepath.Join(t.TempDir(), f)
	}
	for k, v := range vars {
		env[k] = v
	}
	var out strings.Builder
	read := func(variable string) string {
		b, err := os.ReadFile(env[variable])
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return NewGitHub(func(k string) string { return env[k] }, &out), &out, read
}

func TestInputsAsTheRunnerPassesThem(t *testing.T) {
	g, _, _ := job(t, map[string]string{"INPUT_TASK-DEFINITION": " a.json\n", "INPUT_WAIT_FOR_MINUTES": "5", "INPUT_MY_KEY": "x"})
	for name, want := range map[string]string{"task-definition": "a.json", "wait-for-minutes": "5", "my key": "x", "none": ""} {
		if got := g.Input(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// parseFile reads a command file as the runner does.
func parseFile(t *testing.T, s string) map[string]string {
	t.Helper()
	out := map[string]string{}
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		name, end, ok := strings.Cut(lines[i], "<<")
		if !ok {
			t.Fatalf("line %q", lines[i])
		}
		var value []string
		for i++; lines[i] != end; i++ {
			value = append(value, lines[i])
		}
		out[name] = strings.Join(value, "\n")
	}
	return out
}

func TestValuesCannotEscapeTheirDelimiters(t *testing.T) {
	g, _, read := job(t, nil)
	nasty := "one\nEOF\nname=evil\nturnout_\n\nlast"
	if err := g.Output("a", nasty); err != nil {
		t.Fatal(err)
	}
	if err := g.Output("b", ""); err != nil {
		t.Fatal(err)
	}
	if err := g.Output("b\nc<<x", "v"); err == nil {
		t.Error("a name of two lines was taken")
	}
	got := parseFile(t, read("GITHUB_OUTPUT"))
	if got["a"] != nasty || got["b"] != "" || len(got) != 2 {
		t.Errorf("read %q", got)
	}
}

func TestCommandsAreEscaped(t *testing.T) {
	g, out, _ := job(t, nil)
	g.Mask("one\ntwo")
	g.Mask("  ")
	g.Error(Note{Title: "a, b: c", File: "task.json", Line: 4, Column: 2, Message: "50 %\nlost"})
	g.Warning(Note{Line: 4, Message: "m"})
	g.Group("build")
	g.EndGroup()
	want := "::add-mask::one%0Atwo\n::add-mask::one\n::add-mask::two\n" +
		"::error title=a%2C b%3A c,file=task.json,line=4,col=2::50 %25%0Alost\n" +
		"::warning::m\n::group::build\n::endgroup::\n"
	if out.String() != want {
		t.Errorf("got\n%s", out)
	}
}

func TestTextOfOthersGivesNoOrders(t *testing.T) {
	g, out, _ := job(t, nil)
	g.Verbatim("hello\n::add-mask::a\n")
	g.Info("plain %d", 1)
	g.Info("log\n ::set-env name=PATH::/tmp")
	lines := strings.Split(out.String(), "\n")
	token, ok := strings.CutPrefix(lines[0], "::stop-commands::")
	if !ok || len(token) < 20 || lines[2] != "::add-mask::a" || lines[3] != "::"+token+"::" || lines[4] != "plain 1" {
		t.Fatalf("got %q", lines)
	}
	if !strings.HasPrefix(lines[5], "::stop-commands::") || strings.Contains(lines[5], token) {
		t.Errorf("got %q", lines[5])
	}
}

func TestOldRunners(t *testing.T) {
	g, out, _ := job(t, map[string]string{"GITHUB_OUTPUT": "", "GITHUB_ENV": "", "GITHUB_STATE": "", "GITHUB_STEP_SUMMARY": ""})
	for _, err := range []error{g.Output("o", "a\nb"), g.Export("e", "1"), g.State("s", "2"), g.Summary("# x")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if want := "\n::set-output name=o::a%0Ab\n::set-env name=e::1\n::save-state name=s::2\n"; out.String() != want {
		t.Errorf("got %q", out.String())
	}
}

func TestSummaryIsBounded(t *testing.T) {
	g, _, read := job(t, nil)
	if err := g.Summary(strings.Repeat("ä", maxSummary)); err != nil {
		t.Fatal(err)
	}
	if s := read("GITHUB_STEP_SUMMARY"); len(s) > maxSummary || !strings.HasSuffix(s, "(cut)\n") {
		t.Errorf("%d bytes, ends %q", len(s), s[len(s)-10:])
	}
}
