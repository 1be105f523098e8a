package pipeline

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

// stage does what its functions do; those that are nil do nothing.
type stage struct {
	name  string
	check func() error
	skip  string
	run   func(context.Context) error
}

func (s stage) String() string       { return s.name }
func (s stage) Skip(*run.Run) string { return s.skip }
func (s stage) Check(context.Context, *run.Run) error {
	if s.check == nil {
		return nil
	}
	return s.check()
}

func (s stage) Run(ctx context.Context, _ *run.Run) (string, error) {
	if s.run == nil {
		return s.name + " is done", nil
	}
	return "", s.run(ctx)
}

// plain can neither check nor skip.
type plain struct{ name string }

func (p plain) String() string                                { return p.name }
func (p plain) Run(context.Context, *run.Run) (string, error) { return "", nil }

// play executes stages and returns what the journal tells of it.
func play(t *testing.T, ctx context.Context, stages ...Stage) (journal string, r *run.Run, err error) {
	t.Helper()
	j, err := run.Create(t.TempDir(), "1")
	if err != nil {
		t.Fatal(err)
	}
	var talk bytes.Buffer
	r = &run.Run{Journal: j, Report: term.NewReporter(&term.Streams{Out: &talk, Err: &talk})}
	cleaned := 0
	r.Cleanup(func() error { cleaned++; return nil })
	err = Execute(ctx, r, stages)
	if cleaned != 1 {
		t.Errorf("cleaned up %d times", cleaned)
	}
	entries, jerr := run.ReadJournal(j.Path())
	if jerr != nil || j.Close() != nil {
		t.Fatal(jerr)
	}
	var out []string
	for _, e := range entries {
		out = append(out, strings.TrimSuffix(e.Event+":"+e.Stage, ":"))
	}
	return strings.Join(out, " "), r, err
}

func TestStagesRunInOrderAndAreJournaled(t *testing.T) {
	journal, _, err := play(t, t.Context(), stage{name: "a"}, stage{name: "b", skip: "no need"}, plain{"c"})
	if want := "start stage:a done:a skipped:b stage:c done:c end"; journal != want || err != nil {
		t.Errorf("%s, %v; want %s", journal, err, want)
	}
}

// What can be known is known before anything is done, or written.
func TestAllChecksComeFirst(t *testing.T) {
	no := errors.New("no")
	ran := false
	journal, _, err := play(t, t.Context(), stage{name: "a", run: func(context.Context) error { ran = true; return nil }}, stage{name: "b", check: func() error { return no }})
	if journal != "" || !errors.Is(err, no) || ran {
		t.Errorf("%q, %v, ran: %v", journal, err, ran)
	}
}

func TestAFailureEndsTheRun(t *testing.T) {
	no := errors.New("no")
	journal, _, err := play(t, t.Context(), stage{name: "a", run: func(context.Context) error { return no }}, plain{"b"})
	if journal != "start stage:a failed:a" || !errors.Is(err, no) || err.Error() != "a: no" {
		t.Errorf("%s, %v", journal, err)
	}
}

func TestACancelledRunBeginsNoFurtherStage(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	journal, _, err := play(t, ctx, stage{name: "a", run: func(context.Context) error { cancel(gone); return nil }}, plain{"b"})
	if journal != "start stage:a done:a" || !errors.Is(err, gone) {
		t.Errorf("%s, %v", journal, err)
	}
}

// A stage that cannot be journaled is not run: nobody could pick the run up again.
func TestNoStepWithoutAJournal(t *testing.T) {
	j, err := run.Create(t.TempDir(), "1")
	if err != nil || j.Close() != nil {
		t.Fatal(err)
	}
	ran := false
	r := &run.Run{Journal: j, Tried: true}
	if err := Execute(t.Context(), r, []Stage{stage{name: "a", run: func(context.Context) error { ran = true; return nil }}}); err == nil || ran {
		t.Errorf("%v, ran: %v", err, ran)
	}
}

func TestTheListsOfStages(t *testing.T) {
	for name, want := range map[string]string{
		"ship":   "locate build push render preflight register shift verify",
		"build":  "build push",
		"bundle": "build push render bundle",
		"deploy": "locate render preflight register shift verify",
	} {
		var got []string
		for _, s := range Lists[name] {
			got = append(got, s.String())
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", name, s, want)
		}
	}
	if len(Ship) != 8 {
		t.Error("a part of Ship has changed it")
	}
}
