package cli

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/turnoutdev/turnout/internal/taskdef"
	"github.com/turnoutdev/turnout/internal/term"
)

// turnout runs a command line that needs neither a cloud nor a terminal.
func turnout(t *testing.T, args ...string) (code int, out, talk string) {
	t.Helper()
	var o, e bytes.Buffer
	code = Run(t.Context(), args, &term.Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// everyCommand are all commands, the hidden ones too.
func everyCommand(c *cobra.Command) []*cobra.Command {
	out := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		out = append(out, everyCommand(sub)...)
	}
	return out
}

func TestFlagsTellTheirValues(t *testing.T) {
	count := 0
	for _, c := range everyCommand(newRoot(&global{Streams: &term.Streams{}})) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			count++
			name, usage := pflag.UnquoteUsage(f)
			switch {
			case f.Value.Type() == "bool" && name != "":
				t.Errorf("%s --%s takes no value, and is shown with %q", c.CommandPath(), f.Name, name)
			case f.Value.Type() != "bool" && strings.ToLower(name) == name:
				t.Errorf("%s --%s has a value named %q", c.CommandPath(), f.Name, name)
			case strings.ContainsAny(name, " \t\n"):
				t.Errorf("%s --%s: %q is no name of a value", c.CommandPath(), f.Name, name)
			case strings.Contains(usage, "`") || strings.Contains(usage, "\n"):
				t.Errorf("%s --%s: %q has marks that are printed", c.CommandPath(), f.Name, usage)
			}
		})
	}
	if count < 300 {
		t.Errorf("only %d flags were seen", count)
	}
}

func TestEveryVerbHasHelp(t *testing.T) {
	for _, c := range everyCommand(newRoot(&global{Streams: &term.Streams{}})) {
		text := helpText(c, 100, func(s string) string { return s })
		if c.Example == "" || !strings.Contains(text, "Examples:") {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for i, line := range strings.Split(text, "\n") {
			if len([]rune(line)) > 120 {
				t.Errorf("%s, line %d of its help is %d columns wide: %s", c.CommandPath(), i+1, len([]rune(line)), line)
			}
		}
		if n := len(c.Short); n > 65 && c.HasParent() && !strings.HasPrefix(c.CommandPath(), "turnout action") {
			t.Errorf("%s is told in %d columns, and does not fit beside its name", c.CommandPath(), n)
		}
		if lines := strings.Count(text, "\n"); lines > 75 {
			t.Errorf("the help of %s has %d lines", c.CommandPath(), lines)
		}
	}
}

// TestExamplesAreRight: each line that begins with turnout has a verb and flags that there
// are.
func TestExamplesAreRight(t *testing.T) {
	read := 0
	for _, c := range everyCommand(newRoot(&global{Streams: &term.Streams{}})) {
		for line := range strings.Lines(strings.ReplaceAll(c.Example, "\\\n", "")) {
			line, ok := strings.CutPrefix(strings.TrimSpace(line), "turnout ")
			if !ok || strings.Contains(line, "$(") {
				continue
			}
			line = regexp.MustCompile(`\s+#.*| \| .*| > .*| && .*`).ReplaceAllString(line, "")
			words, err := taskdef.Words(line)
			if err != nil {
				t.Errorf("%s: %s: %v", c.CommandPath(), line, err)
				continue
			}
			cmd, rest, err := newRoot(&global{Streams: &term.Streams{}}).Find(words)
			if err == nil && cmd.HasParent() {
				if err = cmd.ParseFlags(rest); err == nil {
					err = cmd.ValidateArgs(cmd.Flags().Args())
				}
			} else {
				err = errors.Join(err, errors.New("no verb"))
			}
			if err != nil {
				t.Errorf("%s: turnout %s: %v", c.CommandPath(), line, err)
			}
			read++
		}
	}
	if read < 100 {
		t.Errorf("only %d examples were read", read)
	}
}

// TestFlagsStandWhereTheyMeanSomething: who looks at a verb sees what applies to it.
func TestFlagsStandWhereTheyMeanSomething(t *testing.T) {
	builds := []string{"turnout rehearse", "turnout ship", "turnout build", "turnout provision", "turnout policy"}
	noCloud := []string{"turnout render", "turnout schema", "turnout version", "turnout man", "turnout up", "turnout down", "turnout env", "turnout bench", "turnout chaos add"}
	noResult := []string{"turnout action", "turnout completion", "turnout help"} // what they print is for other programs, or for people
	for _, c := range everyCommand(newRoot(&global{Streams: &term.Streams{}})) {
		if c.HasSubCommands() {
			continue
		}
		path := c.CommandPath()
		has := func(name string) bool { return c.Flags().Lookup(name) != nil }
		if has("builder") != slices.Contains(builds, path) {
			t.Errorf("%s: --builder is %v", path, has("builder"))
		}
		if slices.Contains(noCloud, path) && has("profile") || has("profile") != has("role") || has("local") != has("profile") {
			t.Errorf("%s: --local %v, --profile %v, --role %v", path, has("local"), has("profile"), has("role"))
		}
		prints := !slices.ContainsFunc(noResult, func(p string) bool { return strings.HasPrefix(path, p) })
		if has("json") != prints {
			t.Errorf("%s: --json is %v", path, has("json"))
		}
	}
}

func TestWrongWordsGetAHint(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"shp", "error: unknown command \"shp\" for turnout\n hint: did you mean `turnout ship`?"},
		{"zzz", "unknown command \"zzz\" for turnout\n hint: `turnout --help` lists what there is"},
		{"wait servicex", "unknown command \"servicex\" for turnout wait\n hint: did you mean `turnout wait service`?"},
		{"wait servicex --deadline 1s", "unknown command \"servicex\" for turnout wait"},
		{"chaos ad error", "did you mean `turnout chaos add`?"},
		{"help shpi", "did you mean `turnout ship`?"},
		{"help wait tsk", "did you mean `turnout wait task`?"},
		{"schema --builder x", "turnout schema: unknown flag: --builder\n hint: `turnout schema --help` shows what there is"},
		{"ship --wait-util done", "unknown flag: --wait-util\n hint: did you mean --wait-until?"},
		{"--cluster", "turnout: unknown flag: --cluster\n hint: flags stand after the verb, such as `turnout status --cluster`"},
		{"ship extra", "turnout ship takes no arguments, and got \"extra\"\n hint: `turnout ship --help` shows how it is used"},
		{"man", "turnout man needs --dir\n hint: `turnout man --help` shows how it is used"},
		{"env --shell --docker", "--docker and --shell exclude each other\n hint: leave one out"},
		{"stop a b", "turnout stop takes at most one argument, and got 2"},
		{"snapshot save", "turnout snapshot save takes one argument, and got 0"},
		{"wait task", "turnout wait task takes at least one argument, and got 0"},
		{"status -f nowhere", "nowhere: there is no such file or folder\n hint: --file names a turnout.yml"},
	} {
		code, out, talk := turnout(t, strings.Fields(c.args)...)
		if code != 2 || out != "" || !strings.Contains(talk, c.want) {
			t.Errorf("turnout %s: code %d, stdout %q, stderr %q", c.args, code, out, talk)
		}
	}
}

func TestFlagsMayStandBeforeTheVerb(t *testing.T) {
	for _, args := range []string{"--json version", "--quiet --json version", "--version --json", "-v --json"} {
		if code, out, talk := turnout(t, strings.Fields(args)...); code != 0 || !strings.Contains(out, `"version": "(devel)"`) {
			t.Errorf("turnout %s: code %d, %s%s", args, code, out, talk)
		}
	}
	if code, _, talk := turnout(t, "--local", "-f", t.TempDir(), "status"); code != 2 || !strings.Contains(talk, "no turnout.yml") {
		t.Errorf("code %d, %s", code, talk)
	}
}

// TestAFailureUnderJSON: whoever parses stdout finds one object there, whatever went wrong.
func TestAFailureUnderJSON(t *testing.T) {
	empty := t.TempDir()
	for _, args := range [][]string{
		{"status", "-f", empty, "--json"},
		{"status", "--nosuch", "--json"},
		{"wait", "servicex", "--json"},
		{"watch", "a", "b", "--json"},
		{"down", "--json", "--state", empty, "extra"},
		{"chaos", "list", "--json", "--state", empty},
	} {
		var out, talk bytes.Buffer // there is no schema of a verb that there is not
		code := Run(t.Context(), args, &term.Streams{In: strings.NewReader(""), Out: &out, Err: &talk})
		if code != 2 || !strings.Contains(talk.String(), "error: ") {
			t.Errorf("turnout %q: code %d, stderr %q", args, code, talk.String())
		}
		var f failure
		if err := decodeStrictly(out.String(), &f); err != nil || f.OK || f.Code != 2 || f.Hint == "" || !strings.Contains(talk.String(), f.Error) {
			t.Errorf("turnout %q printed %s (%v)", args, out.String(), err)
		}
	}
	if _, out, _ := turnout(t, "status", "-f", empty); out != "" {
		t.Errorf("without --json: %s", out)
	}
}

func TestCompletion(t *testing.T) {
	for _, s := range shells {
		if code, out, talk := turnout(t, "completion", s.name); code != 0 || !strings.Contains(out, "turnout") || talk != "" {
			t.Errorf("%s: code %d, %.80s %s", s.name, code, out, talk)
		}
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"ship", "--wait-until", ""}, "registered\ncreated\nshifted\nstable\ndone\n:4"},
		{[]string{"ship", "--on-cancel", ""}, "leave\nstop\nrollback\n:4"},
		{[]string{"deploy", "--if-active", ""}, "refuse\nwait\nsupersede\n:4"},
		{[]string{"up", "--driver", ""}, "auto\ndocker\nnative\nfake\n:4"},
		{[]string{"rehearse", "--config", ""}, strings.Join(predefined, "\n") + "\n:4"},
		{[]string{"build", "--builder", ""}, "auto\ndocker\npodman\nbuildah\nbuiltin\n:4"},
		{[]string{"status", "--cluster", ""}, ":4"},       // no files
		{[]string{"build", "--bundle", ""}, ":0"},         // files
		{[]string{"chaos", "add", "thr"}, "throttle\n:4"}, // an argument
		{[]string{"schema", "wait", ""}, "deployment\nservice\ntask\n:4"},
	} {
		if _, out, _ := turnout(t, append([]string{"__completeNoDesc"}, c.args...)...); strings.TrimSpace(out) != c.want {
			t.Errorf("%q completes %q, want %q", c.args, out, c.want)
		}
	}
}

// What most people look for stands on the first screen: how far is waited, what becomes of
// another deployment and of one that is interrupted.
func TestTheFirstScreenOfHelp(t *testing.T) {
	for _, c := range everyCommand(newRoot(&global{Streams: &term.Streams{}})) {
		if c.Name() != "ship" && c.CommandPath() != "turnout deploy" {
			continue
		}
		lines := strings.Split(helpText(c, 100, func(s string) string { return s }), "\n")
		screen := strings.Join(lines[:36], "\n")
		for _, want := range []string{"--image", "--wait-until", "--if-active", "--on-cancel", "--config", "\n" + inDefinition} {
			if !strings.Contains(screen, want) {
				t.Errorf("%s: %q is not on the first screen\n%s", c.CommandPath(), want, screen)
			}
		}
	}
}
