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

	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/doctor"
	"github.com/turnoutdev/turnout/internal/image"
	"github.com/turnoutdev/turnout/internal/taskdef"
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
	Tool    string   // turnout and its version
	Start   *Start   // as journaled; nil for runs that nobody picks up

	// What stages read for each other; not kept across processes.
	Built    *image.Built                 // what build made and push sends
	Group    *cdtypes.DeploymentGroupInfo // CodeDeploy's deployment group, as locate found it
	Service  *ecstypes.Service            // the service, where locate had to read it
	Examined *doctor.Report               // what the preflight found
	Told     *watch.Memory                // what its user has seen

	// Tried tells that a deployment may have been created already: the run was picked up
	// again, or an answer was lost.
	Tried bool

	cleanup []func() error // run by Finish, last first
}

// Change is all that the run changes in the task definition: what the configuration says,
// the image that was built, and what was asked for, in this order.
func (r *Run) Change() taskdef.Change {
	c := r.Config.Render.Change()
	if r.Facts.Image != "" {
		c = c.And(taskdef.OfImage("", r.Facts.Image))
	}
	for _, i := range r.Options.Images {
		c = c.And(taskdef.OfImage(i.Container, i.Ref))
	}
	return c.And(r.Options.Change)
}

// Until is how far the run is to wait.
func (r *Run) Until() watch.Until {
	if r.Options.WaitUntil == "" {
		return watch.Done
	}
	return r.Options.WaitUntil
}

// Pace is how often AWS is asked while the run waits.
func (r *Run) Pace() watch.Pace {
	if r.AWS.Local {
		return watch.Local()
	}
	return watch.Pace{}
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

// Options are what the command line adds to the configuration. They are journaled, so
// that a run which is picked up again goes on as it was told to.
type Options struct {
	WaitUntil        watch.Until   `json:"waitUntil,omitempty"`        // "" for done
	Deadline         time.Duration `json:"deadline,omitempty"`         // ns; longest wait beyond the group's own waits; 0 for 30 min
	DeploymentConfig string        `json:"deploymentConfig,omitempty"` // overrides the group's, "" for it
	Description      string        `json:"description,omitempty"`
	Source           string        `json:"source,omitempty"`        // folder to build from instead of the configuration's, for baselines
	URL              string        `json:"url,omitempty"`           // where the production listener is reached, "" to ask AWS
	Preflight        bool          `json:"preflight,omitempty"`     // have the doctor look before anything is done
	Strict           bool          `json:"strict,omitempty"`        // warnings about documents are errors
	ForceRegister    bool          `json:"forceRegister,omitempty"` // register even when an equal revision stands
	IfActive         IfActive      `json:"ifActive,omitempty"`      // "" for refuse
	OnCancel         OnCancel      `json:"onCancel,omitempty"`      // "" to ask on a terminal, else leave
	Images           []Image       `json:"images,omitempty"`        // to put into the task definition, beside what was built

	// Change is what else to change in the task definition. Its values may be secret and
	// are not journaled: Changed tells that there were some.
	Change  taskdef.Change `json:"-"`
	Changed bool           `json:"changed,omitempty"`

	Bundle  string `json:"bundle,omitempty"`  // file to write what was built to, "" for none
	SignKey string `json:"signKey,omitempty"` // file of the key that signs it, "" for none

	// Ask puts a question to whoever sits at the terminal; nil where nobody does.
	Ask func(question string, answers ...string) (string, error) `json:"-"`
}

// Image is an image for a container; an empty Container is the one that the load
// balancer reaches.
type Image struct {
	Container string `json:"container,omitempty"`
	Ref       string `json:"ref"`
}

// IfActive says what to do when the service is being deployed already.
type IfActive string

// What to do about a deployment that is active already.
const (
	Refuse    IfActive = "refuse"    // fail, before anything is registered
	Wait      IfActive = "wait"      // follow it to its end first
	Supersede IfActive = "supersede" // stop it, without rollback, and deploy
)

// OnCancel says what becomes of a deployment whose run is cancelled.
type OnCancel string

// What becomes of the deployment of a cancelled run.
const (
	Leave    OnCancel = "leave"    // it goes on
	Stop     OnCancel = "stop"     // it is stopped where it stands
	Rollback OnCancel = "rollback" // it is stopped and rolled back
)

// Facts are what the stages found and did, in order. They are journaled and printed by
// --json; no secret is ever among them.
type Facts struct {
	Controller     string `json:"controller,omitempty"` // CODE_DEPLOY or ECS
	Application    string `json:"application,omitempty"`
	Group          string `json:"deploymentGroup,omitempty"`
	Commit         string `json:"commit,omitempty"`         // full hash, "" outside a repository
	Tag            string `json:"tag,omitempty"`            // the image's tag
	Builder        string `json:"builder,omitempty"`        // docker, podman, buildah, builtin
	Image          string `json:"image,omitempty"`          // repository URI and tag
	Digest         string `json:"digest,omitempty"`         // sha256:… of the pushed manifest
	TaskDefinition string `json:"taskDefinition,omitempty"` // ARN of the registered revision
	Reused         bool   `json:"reused,omitempty"`         // an equal revision stood already
	Previous       string `json:"previous,omitempty"`       // ARN of the revision that served before, where known
	DeploymentID   string `json:"deploymentId,omitempty"`   // d-… of CodeDeploy, ecs-svc/… of ECS
	Status         string `json:"status,omitempty"`         // of the deployment, at the end
	RollbackID     string `json:"rollbackId,omitempty"`     // the deployment that rolled it back
	URL            string `json:"url,omitempty"`            // production listener
	Rendered       []byte `json:"rendered,omitempty"`       // the task definition to register
}

// The deployment controllers, by their names in ECS's API.
const (
	CodeDeploy = "CODE_DEPLOY"
	Rolling    = "ECS"
)

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
