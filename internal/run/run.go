// Package run holds what one run of the pipeline knows: the configuration it was started
// with, the facts that its stages found so far, and the append-only journal that keeps
// them. Stages share nothing but a Run.
package run

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/image"
	"github.com/turnoutdev/turnout/internal/watch"
)

// Run is one run of the pipeline.
type Run struct {
	ID      string
	Config  *config.Config
	AWS     *awsclient.Clients
	Facts   Facts
	Options Options
	Report  Reporter
	Journal *Journal // nil keeps none

	Built   *image.Built   // what build made and push sends; not kept across processes
	cleanup []func() error // run by Finish, last first
}

// Cleanup has f called when the run ends, however it ends.
func (r *Run) Cleanup(f func() error) { r.cleanup = append(r.cleanup, f) }

// Finish undoes what stages left to be cleaned up.
func (r *Run) Finish() error {
	var errs []error
	for _, f := range slices.Backward(r.cleanup) {
		errs = append(errs, f())
	}
	r.cleanup = nil
	return errors.Join(errs...)
}

// Options are what the command line adds to the configuration.
type Options struct {
	WaitUntil        string        // shifted, done; "" for done
	Deadline         time.Duration // longest wait beyond the group's own waits; 0 for 30 min
	DeploymentConfig string        // overrides the group's, "" for it
	Description      string
	Source           string // folder to build from instead of the configuration's, for baselines
	URL              string // where the production listener is reached, "" to ask AWS
}

// Facts are what the stages found and did, in order. They are journaled and printed by
// --json; no secret is ever among them.
type Facts struct {
	Commit         string `json:"commit,omitempty"`         // full hash, "" outside a repository
	Tag            string `json:"tag,omitempty"`            // the image's tag
	Builder        string `json:"builder,omitempty"`        // docker, podman, buildah, builtin
	Image          string `json:"image,omitempty"`          // repository URI and tag
	Digest         string `json:"digest,omitempty"`         // sha256:… of the pushed manifest
	TaskDefinition string `json:"taskDefinition,omitempty"` // ARN of the registered revision
	Application    string `json:"application,omitempty"`
	Group          string `json:"deploymentGroup,omitempty"`
	DeploymentID   string `json:"deploymentId,omitempty"`
	Status         string `json:"status,omitempty"`     // of the deployment, at the end
	RollbackID     string `json:"rollbackId,omitempty"` // the deployment that rolled it back
	URL            string `json:"url,omitempty"`        // production listener
	Rendered       []byte `json:"rendered,omitempty"`   // the task definition to register
}

// NewID makes a run's id: its time and four random digits, so that ids sort by time.
func NewID(now time.Time) string {
	var b [2]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%s-%x", now.UTC().Format("20060102T150405"), b)
}

// Reporter shows a run to its user. internal/term has one for terminals, one for CI logs
// and one for --json.
type Reporter interface {
	Begin(stage string)
	Done(stage, result string, took time.Duration)
	Skipped(stage, reason string)
	Failed(stage string, took time.Duration)
	Watched(e watch.Event)           // something that happened to the deployment
	Note(format string, args ...any) // progress inside a stage
	Warn(format string, args ...any)
}
