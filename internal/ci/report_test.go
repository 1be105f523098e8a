package ci

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
	"github.com/turnoutdev/turnout/internal/watch"
)

// told plays a short run to a job and returns what the log, the outputs and the summary
// have of it.
func told(t *testing.T, end error, autopsy string) (log string, outputs map[string]string, summary string) {
	t.Helper()
	gh, out, read := job(t, nil)
	r := &run.Run{Config: &config.Config{Service: "web|`x`", Cluster: "demo"}, Report: term.NewReporter(&term.Streams{Err: out})}
	p := Show(gh, r)
	at := time.Unix(0, 0)
	r.Report.Begin("build")
	r.Report.Note("step 1")
	r.Report.Note("step 2")
	r.Report.Note("::add-mask::%s", "e")
	r.Report.Warn("no %s", "cache")
	r.Report.Done("build", "web:1", time.Second)
	r.Report.Skipped("push", "it is there")
	r.Report.Begin("shift")
	r.Report.Note("deployment d-1")
	r.Report.Watched(watch.Event{Kind: watch.Ended, Name: "Install", Status: "Succeeded", Took: time.Second, Time: at})
	r.Report.Watched(watch.Event{Kind: watch.Weights, Blue: 90, Green: 10, Time: at.Add(90 * time.Second)})
	r.Report.Watched(watch.Event{Kind: watch.Service, Message: "not in the summary", Time: at})
	r.Report.Failed("shift", time.Second)
	r.Facts = run.Facts{Image: "repo/web:1", TaskDefinition: "arn:td", DeploymentID: "d-1", Status: "Failed"}
	if err := p.Finish(end, autopsy); err != nil {
		t.Fatal(err)
	}
	return out.String(), parseFile(t, read("GITHUB_OUTPUT")), read("GITHUB_STEP_SUMMARY")
}

func TestAJobSeesTheRun(t *testing.T) {
	log, out, summary := told(t, nil, "")
	token := regexp.MustCompile("[a-z0-9]{26}")
	if len(token.FindAllString(log, -1)) != 2 {
		t.Errorf("log\n%s", log)
	}
	log = token.ReplaceAllString(log, "TOKEN")
	want := "::group::build\n  step 1\n  step 2\n::stop-commands::TOKEN\n  ::add-mask::e\n::TOKEN::\n::warning::no cache\n::endgroup::\n✓ build     web:1 (1s)\n– push      skipped: it is there\n  deployment d-1\n"
	if !strings.HasPrefix(log, want) {
		t.Errorf("log\n%s", log)
	}
	if out["image"] != "repo/web:1" || out["task-definition-arn"] != "arn:td" || out["deployment-id"] != "d-1" || out["codedeploy-deployment-id"] != "d-1" || out["status"] != "Failed" || len(out) != 5 {
		t.Errorf("outputs %v", out)
	}
	for _, want := range []string{
		"### ✅ web\\|&#96;x&#96; is deployed\n", "| ✓ | build | web:1 | 1s |\n", "| – | push | skipped: it is there | 0s |\n",
		"| 0s | ✓ Install 1s |\n", "| 1m30s | ⇄ `░░░░░░░░░░░░░░░░░░██` blue 90 %, green 10 % |\n",
	} {
		if !strings.Contains(summary, want) {
			t.Errorf("%q is not in\n%s", want, summary)
		}
	}
	if strings.Contains(summary, "not in the summary") {
		t.Errorf("summary\n%s", summary)
	}
}

func TestASummaryOfAFailureKeepsLogsFromBeingMarkup(t *testing.T) {
	_, _, summary := told(t, errors.New("it failed [x](http://evil) <img>"), "log: </pre><script>")
	for _, want := range []string{"### ❌ web", "&#91;x](http://evil) &lt;img&gt;", "<pre>log: &lt;/pre&gt;&lt;script&gt;</pre>"} {
		if !strings.Contains(summary, want) {
			t.Errorf("%q is not in\n%s", want, summary)
		}
	}
}
