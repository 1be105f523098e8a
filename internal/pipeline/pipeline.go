// Package pipeline takes a service from its source to shifted traffic: one literal list
// of stages, run in order. Stages know nothing of each other; what they share travels in
// the run record.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline/build"
	"github.com/turnoutdev/turnout/internal/pipeline/locate"
	"github.com/turnoutdev/turnout/internal/pipeline/pack"
	"github.com/turnoutdev/turnout/internal/pipeline/preflight"
	"github.com/turnoutdev/turnout/internal/pipeline/push"
	"github.com/turnoutdev/turnout/internal/pipeline/register"
	"github.com/turnoutdev/turnout/internal/pipeline/render"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/pipeline/verify"
	"github.com/turnoutdev/turnout/internal/run"
)

// Stage is one step. Run returns one line about what it did.
type Stage interface {
	String() string
	Run(ctx context.Context, r *run.Run) (result string, err error)
}

// Checker is a stage that can find faults before any stage has run.
type Checker interface {
	Check(ctx context.Context, r *run.Run) error
}

// Skipper is a stage that may have nothing to do; a reason means it is skipped.
type Skipper interface {
	Skip(r *run.Run) (reason string)
}

// Ship is the whole way from the source to verified traffic.
var Ship = []Stage{
	locate.Stage{},    // the service, its controller, its deployment group
	build.Stage{},     // the image, tagged with the commit
	push.Stage{},      // to ECR, by digest
	render.Stage{},    // the image into the task definition
	preflight.Stage{}, // nothing that can be known beforehand stands in the way
	register.Stage{},  // a new revision
	shift.Stage{},     // CodeDeploy or ECS moves the traffic
	verify.Stage{},    // the new revision serves
}

// Parts of Ship: the image alone, the way of an image that was pushed already, and what
// a service needs before it can be created.
var (
	Build         = Ship[1:3]
	Bundle        = []Stage{build.Stage{}, push.Stage{}, render.Stage{}, pack.Stage{}} // what a later job deploys
	Deploy        = append([]Stage{locate.Stage{}}, Ship[3:]...)
	FirstRevision = []Stage{build.Stage{}, push.Stage{}, render.Stage{}, register.Stage{}}
	Drill         = []Stage{locate.Stage{}, register.Stage{}, shift.Stage{}} // what the run already has rendered
)

// Lists are the stages by the verb that runs them, for runs that are picked up again.
var Lists = map[string][]Stage{"ship": Ship, "build": Build, "bundle": Bundle, "deploy": Deploy}

// Execute runs the stages in order, each journaled before and after. All checks run
// before the first stage, so that what can be known is known before anything changes.
func Execute(ctx context.Context, r *run.Run, stages []Stage) (err error) {
	defer func() { err = errors.Join(err, r.Finish()) }()
	for _, s := range stages {
		if c, ok := s.(Checker); ok {
			if err := c.Check(ctx, r); err != nil {
				return err
			}
		}
	}
	begin := run.Entry{Event: "start", Start: r.Start, Facts: &r.Facts}
	if r.Tried {
		begin.Event = "resume"
	}
	if err := r.Journal.Write(begin); err != nil {
		return err
	}
	for _, s := range stages {
		if err := step(ctx, r, s); err != nil {
			return interrupted(ctx, r, s, err)
		}
	}
	return r.Journal.Write(run.Entry{Event: "end", Facts: &r.Facts})
}

// interrupted says of a run that was cancelled where it stood, what had been made by then,
// and how it goes on, unless the stage has said so itself.
func interrupted(ctx context.Context, r *run.Run, s Stage, err error) error {
	var own *fault.Error
	told := errors.As(err, &own) && own.Code != fault.Failed
	if ctx.Err() == nil || told || !errors.Is(err, context.Canceled) {
		return err
	}
	stands := "nothing was deployed"
	switch f := r.Facts; {
	case f.DeploymentID != "":
		stands = "deployment " + f.DeploymentID + " stands"
	case f.TaskDefinition != "" && !f.Reused:
		stands += ", " + f.TaskDefinition + " is registered"
	}
	hint := ""
	if r.Start != nil && Lists[r.Start.Verb] != nil {
		hint = "`turnout resume " + r.ID + "` goes on with it"
	}
	return fault.New(fault.Interrupted, hint, "%s: %w; %s", s, context.Cause(ctx), stands)
}

func step(ctx context.Context, r *run.Run, s Stage) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	name := s.String()
	if sk, ok := s.(Skipper); ok {
		if why := sk.Skip(r); why != "" {
			r.Report.Skipped(name, why)
			return r.Journal.Write(run.Entry{Event: "skipped", Stage: name, Facts: &r.Facts})
		}
	}
	if err := r.Journal.Write(run.Entry{Event: "stage", Stage: name, Facts: &r.Facts}); err != nil {
		return err
	}
	began := time.Now()
	r.Report.Begin(name)
	result, err := s.Run(ctx, r)
	if err != nil {
		r.Report.Failed(name, time.Since(began))
		if jerr := r.Journal.Write(run.Entry{Event: "failed", Stage: name, Error: err.Error(), Facts: &r.Facts}); jerr != nil {
			return fmt.Errorf("%w (and the journal: %w)", err, jerr)
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	r.Report.Done(name, result, time.Since(began))
	return r.Journal.Write(run.Entry{Event: "done", Stage: name, Facts: &r.Facts})
}
