package ci

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Report shows a run to a GitHub job: it passes all on to the reporter of the log, folds
// the talk of the stages before the shift into groups, turns warnings into annotations,
// and at the end sets the step's outputs and writes the job's summary.
type Report struct {
	run.Reporter // of the log
	gh           *GitHub
	run          *run.Run

	mu     sync.Mutex
	stage  string
	open   bool // a group is
	stages []stage
	events []watch.Event
	began  time.Time
}

// stage is a line of the summary.
type stage struct {
	name, result string
	mark         string
	took         time.Duration
}

// Show puts a Report between a run and its reporter.
func Show(gh *GitHub, r *run.Run) *Report {
	p := &Report{Reporter: r.Report, gh: gh, run: r, began: time.Now()}
	r.Report = p
	return p
}

// unfolded are the stages whose talk is what people look for.
var unfolded = map[string]bool{"shift": true, "verify": true}

// Begin notes the stage; its group opens when it has something to say.
func (p *Report) Begin(name string) {
	p.mu.Lock()
	p.stage = name
	p.mu.Unlock()
	p.Reporter.Begin(name)
}

// Note opens the stage's group. What looks like a command, in a builder's output say, is
// shown as text.
func (p *Report) Note(format string, args ...any) {
	p.mu.Lock()
	if !p.open && p.stage != "" && !unfolded[p.stage] {
		p.gh.Group(p.stage)
		p.open = true
	}
	p.mu.Unlock()
	if text := fmt.Sprintf(format, args...); commandLike(text) {
		p.gh.Verbatim("  " + text)
		return
	}
	p.Reporter.Note(format, args...)
}

// Warn annotates the job.
func (p *Report) Warn(format string, args ...any) {
	p.gh.Warning(Note{Message: fmt.Sprintf(format, args...)})
}

// Done ends the stage.
func (p *Report) Done(name, result string, took time.Duration) {
	p.end(stage{name, result, "✓", took})
	p.Reporter.Done(name, result, took)
}

// Skipped ends a stage that had nothing to do.
func (p *Report) Skipped(name, reason string) {
	p.end(stage{name, "skipped: " + reason, "–", 0})
	p.Reporter.Skipped(name, reason)
}

// Failed ends a stage that failed.
func (p *Report) Failed(name string, took time.Duration) {
	p.end(stage{name, "failed", "✗", took})
	p.Reporter.Failed(name, took)
}

// Watched keeps what happened, for the timeline.
func (p *Report) Watched(e watch.Event) {
	p.mu.Lock()
	p.events = append(p.events, e)
	p.mu.Unlock()
	p.Reporter.Watched(e)
}

func (p *Report) end(s stage) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		p.gh.EndGroup()
	}
	p.open, p.stage = false, ""
	p.stages = append(p.stages, s)
}

// Finish sets the outputs and writes the summary; err is how the run ended, autopsy what
// was found if it failed.
func (p *Report) Finish(err error, autopsy string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open {
		p.gh.EndGroup()
		p.open = false
	}
	f := p.run.Facts
	var all error
	for _, o := range [][2]string{
		{"image", f.Image}, {"digest", f.Digest}, {"task-definition-arn", f.TaskDefinition}, {"deployment-id", f.DeploymentID},
		{"codedeploy-deployment-id", codeDeployID(f)}, {"rollback-id", f.RollbackID}, {"status", f.Status}, {"url", f.URL},
	} {
		if o[1] != "" {
			all = errors.Join(all, p.gh.Output(o[0], o[1]))
		}
	}
	return errors.Join(all, p.gh.Summary(p.summary(err, autopsy)))
}

func codeDeployID(f run.Facts) string {
	if !strings.HasPrefix(f.DeploymentID, "d-") {
		return ""
	}
	return f.DeploymentID
}
