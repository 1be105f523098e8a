package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

// watch runs `turnout watch` without a configuration: ids are enough.
func (w *town) watch(args ...string) (code int, out, talk string) {
	w.t.Helper()
	var o, e bytes.Buffer
	args = append([]string{"watch", "--local", "--state", w.state, "-f", w.t.TempDir()}, args...)
	code = Run(w.t.Context(), args, &term.Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

// A deployment that failed and one that went well, told of together and apart: a rollback
// that completed is no success, and the causes are found without turnout.yml.
func TestSeveralAreWatchedTogether(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	image := w.must(0, "build", "--builder", "builtin").Image
	good := w.must(0, "deploy", "--image", image).DeploymentID
	bad := w.must(fault.RolledBack, "deploy", "--image", image, "--env", "PORT=none").DeploymentID

	code, _, talk := w.watch(good, bad)
	if code != fault.RolledBack {
		t.Errorf("exit code %d\n%s", code, talk)
	}
	for _, want := range []string{
		good + "        0s  ✓ BeforeInstall\n", "\n" + bad + "       ", bad + " Why deployment " + bad + " failed", bad + "   likely fix   Container hello ended by itself with exit code 1",
		"error: deployment " + bad + " Failed, rolled back by d-", "rollback Succeeded",
	} {
		if !strings.Contains(talk, want) {
			t.Errorf("no %q in\n%s", want, talk)
		}
	}
	if strings.Contains(talk, good+" Why") || strings.Count(talk, "likely fix") != 1 {
		t.Errorf("a success is explained\n%s", talk)
	}

	code, out, talk := w.watch(good, bad, "--json")
	seen := map[string]int{}
	for line := range strings.Lines(out) {
		var e struct{ DeploymentID, Error string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		seen[e.DeploymentID+e.Error]++
	}
	if code != fault.RolledBack || seen[good] == 0 || seen[bad] == 0 || len(seen) != 4 { // and the rollback, and the error
		t.Errorf("exit code %d, events %v\n%s", code, seen, talk)
	}
	if code, _, talk := w.watch(good); code != 0 || strings.Contains(talk, "error") {
		t.Errorf("exit code %d\n%s", code, talk)
	}
}

// Values of --env are in the revision, and nowhere else: not in the journal, so that a run
// which is to be resumed before it has registered says that they are missing.
func TestValuesOfEditsAreKeptNowhere(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	image := w.must(0, "build", "--builder", "builtin").Image
	const planted = "hunter2-planted"
	var talk bytes.Buffer
	if code, _ := w.turnout(t.Context(), &talk, "deploy", "--image", image, "--env", "API_KEY="+planted, "--wait-until", "registered"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, talk.String())
	}
	if code := Run(t.Context(), []string{"diff", "--local", "--state", w.state, "-f", w.dir, "--env", "API_KEY=" + planted}, &term.Streams{Out: &talk, Err: &talk}); code != 0 || !strings.Contains(talk.String(), "API_KEY") {
		t.Errorf("exit code %d\n%s", code, talk.String())
	}
	if _, err := w.cloud.Inject(cloud.Fault{Kind: "expired", Service: "ecs", Operation: "RegisterTaskDefinition", Count: 1}); err != nil {
		t.Fatal(err)
	}
	_, r := w.turnout(t.Context(), &talk, "deploy", "--image", image, "--env", "API_KEY="+planted, "--force-register")
	w.cloud.ClearFaults()
	if code, again := w.turnout(t.Context(), &talk, "resume", r.Run); code != fault.Usage || !strings.Contains(again.Error, "are kept nowhere") {
		t.Errorf("resume: exit code %d: %s", code, again.Error)
	}
	journals, err := run.Folder()
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{"output": talk.String(), "journals": below(t, journals)} {
		if text == "" || strings.Contains(text, planted) {
			t.Errorf("in %s:\n%s", place, text)
		}
	}
}
