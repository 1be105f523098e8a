// Package rehearse plays a whole deployment through under load: it ships the work tree
// while requests flow, then drills the rollback with a version that never turns healthy,
// and reports what users would have noticed.
//
// It drives the same pipeline as `turnout ship` and knows the cloud only by its
// endpoint; the caller has provisioned the baseline.
package rehearse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/internal/pipeline"
	"github.com/turnoutdev/turnout/internal/pipeline/shift"
	"github.com/turnoutdev/turnout/internal/run"
)

// Rehearsal is one rehearsal of a provisioned service.
type Rehearsal struct {
	URL    string // production listener, http://host:port
	Path   string
	Stream string // path, "" for none
	Rate   int
	Rounds int                      // how often the work tree is shipped, one after the other; 0 means once
	Drills int                      // how often the rollback is drilled; 0 means once
	NewRun func() (*run.Run, error) // a fresh run for each deployment
	Tell   func(format string, args ...any)
}

// Act is one part of the rehearsal.
type Act struct {
	Name       string        `json:"name"`
	OK         bool          `json:"ok"`
	Why        string        `json:"why,omitempty"` // when not OK
	Took       time.Duration `json:"took"`          // nanoseconds
	Deployment string        `json:"deployment,omitempty"`
	Rollback   string        `json:"rollback,omitempty"`
	Colours    []ColourStats `json:"colours"`
}

// Failures counts the act's failed requests.
func (a *Act) Failures() int {
	n := 0
	for _, c := range a.Colours {
		n += c.Failures
	}
	return n
}

// Report is the outcome of a rehearsal.
type Report struct {
	OK     bool        `json:"ok"`
	Rate   int         `json:"rate"`
	Acts   []Act       `json:"acts"`
	Stream StreamStats `json:"stream"`
	Facts  run.Facts   `json:"facts"` // of the shipped version
}

// Run plays all acts. An error means that the rehearsal could not be played; what went
// wrong in the play stands in the report.
func (r *Rehearsal) Run(ctx context.Context) (*Report, error) {
	load := &Load{URL: r.URL + r.Path, Rate: r.Rate}
	if r.Stream != "" {
		load.Stream = r.URL + r.Stream
	}
	lctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { load.Run(lctx) })
	defer wg.Wait()
	defer stop()

	rep := &Report{Rate: r.Rate}
	rounds, drills := max(r.Rounds, 1), max(r.Drills, 1)
	if err := r.acts(ctx, load, rep, rounds, drills); err != nil {
		return rep, err
	}
	stop()
	wg.Wait()
	rep.Stream = load.Streams()
	rep.OK = len(rep.Acts) == rounds+drills && rep.Stream.Failed == 0
	for i := range rep.Acts {
		rep.OK = rep.OK && rep.Acts[i].OK
	}
	return rep, nil
}

// acts plays rounds and drills; it ends early, without an error, when a round failed.
func (r *Rehearsal) acts(ctx context.Context, load *Load, rep *Report, rounds, drills int) error {
	var shipped *run.Run
	var err error
	for range rounds {
		if shipped, err = r.ship(ctx, load, rep); err != nil || shipped == nil {
			return err
		}
		rep.Facts = shipped.Facts
	}
	for range drills {
		if err := r.drill(ctx, load, rep, shipped); err != nil {
			return err
		}
	}
	return nil
}

// settle lets the load run a moment longer, so that what follows an event is seen too.
const settle = 250 * time.Millisecond

// act plays one act under load and sums it up.
func (r *Rehearsal) act(ctx context.Context, load *Load, rep *Report, name string, play func(*Act)) error {
	r.Tell("\n%s, %d requests a second", name, r.Rate)
	began := time.Now()
	a := Act{Name: name}
	pause(ctx, settle)
	play(&a)
	a.Took = time.Since(began) - settle
	pause(ctx, settle)
	if err := context.Cause(ctx); err != nil {
		return err
	}
	a.Colours = load.Between(began, time.Now())
	load.colour(&a, began)
	if n := a.Failures(); n > 0 {
		a.OK, a.Why = false, fmt.Sprintf("%d requests failed", n)
	}
	if len(a.Colours) == 0 {
		a.OK, a.Why = false, "no request was answered"
	}
	rep.Acts = append(rep.Acts, a)
	return nil
}

// ship deploys the work tree; nil when that failed.
func (r *Rehearsal) ship(ctx context.Context, load *Load, rep *Report) (*run.Run, error) {
	v, err := r.NewRun()
	if err != nil {
		return nil, err
	}
	err = r.act(ctx, load, rep, "Ship the work tree", func(a *Act) {
		err := pipeline.Execute(ctx, v, pipeline.Ship)
		a.OK, a.Deployment = err == nil, v.Facts.DeploymentID
		if err != nil {
			a.Why = why(r, err)
		}
	})
	if err != nil || !rep.Acts[len(rep.Acts)-1].OK {
		return nil, err
	}
	return v, nil
}

// drill deploys a version that never turns healthy and expects the rollback.
func (r *Rehearsal) drill(ctx context.Context, load *Load, rep *Report, shipped *run.Run) error {
	v, err := r.NewRun()
	if err != nil {
		return err
	}
	v.Options.WaitUntil = ""
	v.Options.Description = "rollback drill: a version that never turns healthy"
	if v.Facts.Rendered, err = neverHealthy(shipped.Facts.Rendered, shipped.Config.Container); err != nil {
		return err
	}
	return r.act(ctx, load, rep, "Rollback drill: a version that never turns healthy", func(a *Act) {
		r.Tell("  its container's own health check always fails: that the load balancer finds its targets healthy is not enough")
		err := pipeline.Execute(ctx, v, pipeline.Drill)
		a.Deployment, a.Rollback = v.Facts.DeploymentID, v.Facts.RollbackID
		var f *shift.Failure
		switch {
		case err == nil:
			a.Why = "the broken version was deployed as if it were well"
		case !errors.As(err, &f):
			a.Why = why(r, err)
		case f.Rollback != "Succeeded":
			a.Why = f.Error()
		default:
			a.OK = true
			r.Tell("  %s, as it should", f.Error())
		}
	})
}

// why tells an error's story now and returns its line.
func why(r *Rehearsal, err error) string {
	var f *shift.Failure
	if errors.As(err, &f) {
		r.Tell("\n%s", f.Report.String())
		if f.Report.ErrorCode == "TIMEOUT" {
			r.Tell("  The time scale shortens CodeDeploy's hour, but not your program's start: if it starts slowly, choose a smaller --time-scale.")
		}
	}
	return err.Error()
}
