package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/turnoutdev/turnout/internal/ci"
	"github.com/turnoutdev/turnout/internal/document"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/provision"
	"github.com/turnoutdev/turnout/internal/regex"
	"github.com/turnoutdev/turnout/internal/run"
)

// github is the runner, when a GitHub job runs this command. Its commands go to stderr,
// in one order with the talk; stdout stays data.
func (g *global) github() *ci.GitHub {
	if !ci.OnGitHub(os.Getenv) {
		return nil
	}
	return ci.NewGitHub(os.Getenv, g.Err)
}

// show lets the runner see a run, when there is one.
func (g *global) show(r *run.Run) *run.Run {
	if gh := g.github(); gh != nil {
		g.shown = ci.Show(gh, r)
	}
	return r
}

// tell reports how a command ended to the runner: outputs, summary and, for an error, an
// annotation where it arose. It tells whether it did.
func (g *global) tell(err error) (bool, error) {
	gh := g.github()
	if gh == nil {
		return false, nil
	}
	var told error
	if g.shown != nil {
		told = g.shown.Finish(err, autopsyOf(err))
	}
	var quiet *silent
	if err == nil || errors.As(err, &quiet) {
		return true, told
	}
	if a := autopsyOf(err); a != "" {
		gh.Verbatim(a) // it quotes logs
	}
	n := annotation(err)
	if hint := fault.Hint(err); hint != "" {
		n.Message += "\n" + hint
	}
	gh.Error(n)
	return true, told
}

// autopsyOf is what was found out about a failure, "" for nothing.
func autopsyOf(err error) string {
	var failure *shift.Failure
	if errors.As(err, &failure) {
		return failure.Report.String()
	}
	var unsteady *provision.Unsteady
	if errors.As(err, &unsteady) {
		return unsteady.Report.String()
	}
	return ""
}

// apiNoise is what the SDK says before an API's own words.
var apiNoise = regex.New(`operation error ([^:,]+): (\w+), https? response error StatusCode: \d+, RequestID: [^,]*, (?:api error )?`)

// annotation shows an error where it arose, if that is known.
func annotation(err error) ci.Note {
	n := ci.Note{Message: apiNoise.ReplaceAllString(err.Error(), "$1 $2: ")}
	var doc *document.Error
	if errors.As(err, &doc) {
		n.File, n.Line, n.Column, n.Message = inRepository(doc.File), doc.Line, doc.Column, doc.Message
	}
	return n
}

// inRepository is a file's path as GitHub wants it: from the repository's root.
func inRepository(file string) string {
	root := os.Getenv("GITHUB_WORKSPACE")
	abs, err := filepath.Abs(file)
	if root == "" || err != nil {
		return file
	}
	if rel, err := filepath.Rel(root, abs); err == nil && !strings.HasPrefix(rel, "..") {
		return rel
	}
	return file
}
