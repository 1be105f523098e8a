// Package action is the official GitHub actions' other implementation: login, render,
// deploy and credentials take the inputs of amazon-ecr-login,
// amazon-ecs-render-task-definition, amazon-ecs-deploy-task-definition and
// configure-aws-credentials, and set the same outputs, so that a workflow changes one
// line to use them.
//
// They differ where the official ones have faults: nothing is registered before all that
// can be checked is checked, documents keep fields and empty values that mean something,
// an error that no retry mends ends the wait, a failure is explained, and no secret
// stands in an argument list or is printed before it is masked. docs/ci/actions.md lists
// every difference.
package action

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/ci"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Job is the step that runs an action.
type Job struct {
	*ci.GitHub
	// Connect makes the AWS clients, when inputs have been found to be right; region "" is
	// the environment's.
	Connect func(ctx context.Context, region string) (*awsclient.Clients, error)
	// Watched shows what happens to a deployment; nil shows nothing.
	Watched func(watch.Event)
}

// required is an input that must be given.
func (j *Job) required(name string) (string, error) {
	if v := j.Input(name); v != "" {
		return v, nil
	}
	return "", fault.New(fault.Usage, "give it under `with:`", "the input %q is missing", name)
}

// path is a file's path; relative ones start at the workspace.
func (j *Job) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(j.Env("GITHUB_WORKSPACE"), name)
}

// shown is a file's path as annotations name it: from the workspace on.
func (j *Job) shown(file string) string {
	rel, err := filepath.Rel(j.Env("GITHUB_WORKSPACE"), file)
	if err != nil || strings.HasPrefix(rel, "..") {
		return file
	}
	return rel
}

// yes tells whether an input is "true". As in the official actions, anything else is no;
// what is neither is refused.
func (j *Job) yes(name string, otherwise bool) (bool, error) {
	switch v := strings.ToLower(j.Input(name)); v {
	case "":
		return otherwise, nil
	case "true", "false":
		return v == "true", nil
	default:
		return false, fault.New(fault.Usage, "\"true\" or \"false\"", "the input %q is %q", name, j.Input(name))
	}
}

// number is a whole number from least to most, or otherwise when the input is not given.
func (j *Job) number(name string, otherwise, least, most int) (int, error) {
	v := j.Input(name)
	if v == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, fault.New(fault.Usage, fmt.Sprintf("a whole number from %d to %d", least, most), "the input %q is %q", name, v)
	}
	return n, nil
}

// oneOf is an input with a fixed set of values.
func (j *Job) oneOf(name, otherwise string, values ...string) (string, error) {
	v := j.Input(name)
	if v == "" {
		return otherwise, nil
	}
	if !slices.Contains(values, v) {
		return "", fault.New(fault.Usage, "one of "+strings.Join(values, ", "), "the input %q is %q", name, v)
	}
	return v, nil
}

// list splits at commas and leaves out what is empty.
func list(s string) []string {
	var out []string
	for _, p := range strings.Split(s, ",") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// lines splits at line ends and leaves out what is empty.
func lines(s string) []string {
	var out []string
	for _, l := range strings.Split(s, "\n") {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	return out
}
