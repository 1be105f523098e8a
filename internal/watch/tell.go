package watch

import (
	"slices"
	"time"
)

// teller gathers what one poll found and tells it in the order in which it happened, so
// that a story told by several calls reads as one.
type teller struct {
	to      func(Event)
	id      string // of the deployment
	batch   []Event
	latest  time.Time // the latest time that AWS has told
	changed bool      // the poll found something
}

// emit notes an event. One without a time of its own is of now; AWS's clock and this
// machine's may differ, so now is never before what AWS has told.
func (t *teller) emit(e Event) {
	t.changed = true
	e.DeploymentID = t.id
	if e.Time.IsZero() {
		e.Time = t.now()
	} else if e.Time.After(t.latest) {
		t.latest = e.Time
	}
	t.batch = append(t.batch, e)
}

func (t *teller) now() time.Time {
	if now := time.Now(); now.After(t.latest) {
		return now
	}
	return t.latest
}

// flush tells what was noted. What happened at the same time keeps the order in which it
// was noted; a message that ECS gives once for each target is told once.
func (t *teller) flush() {
	batch := t.batch
	t.batch = nil
	slices.SortStableFunc(batch, func(a, b Event) int { return a.Time.Compare(b.Time) })
	said := map[string]bool{}
	for _, e := range batch {
		if e.Kind == Service {
			if said[e.Message] {
				continue
			}
			said[e.Message] = true
		}
		if t.to != nil {
			t.to(e)
		}
	}
}
