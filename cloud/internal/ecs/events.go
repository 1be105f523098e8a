package ecs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxEvents = 100
	// quiet is how long a condition that lasts is not told again.
	quiet = 6 * time.Hour
)

func eventKey(service string, n int64) string { return fmt.Sprintf("%s/%019d", service, n) }

// eventsOf are a service's events, newest first.
func (s *Service) eventsOf(tx *store.Tx, key string) []types.ServiceEvent {
	out := []types.ServiceEvent{}
	for _, e := range s.t.events.All(tx, key+"/") {
		out = append(out, types.ServiceEvent{Id: aws.String(e.ID), CreatedAt: aws.Time(e.At), Message: aws.String(e.Message)})
	}
	slices.Reverse(out)
	return out
}

// tell adds an event and drops the oldest beyond what is kept. The caller stores v.
func (s *Service) tell(tx *store.Tx, v *service, format string, args ...any) {
	v.Told++
	s.t.events.Put(tx, eventKey(v.key(), v.Told), event{ID: ids.UUID(), At: s.Clock.Now(), Message: fmt.Sprintf(format, args...)})
	s.t.events.Delete(tx, eventKey(v.key(), v.Told-maxEvents))
}

// tellOnce tells a condition, unless it was told a short while ago.
func (s *Service) tellOnce(tx *store.Tx, v *service, format string, args ...any) {
	m, since := fmt.Sprintf(format, args...), s.Clock.Now().Add(-s.Clock.Scale(quiet))
	for _, e := range s.t.events.All(tx, v.key()+"/") {
		if e.Message == m && e.At.After(since) {
			return
		}
	}
	s.tell(tx, v, "%s", m)
}

// tellSteady tells that a set is steady, unless that was the last that was told.
func (s *Service) tellSteady(tx *store.Tx, v *service, x set) {
	m := subject(*v, x) + " has reached a steady state."
	e, ok := s.t.events.Get(tx, eventKey(v.key(), v.Told))
	if ok && e.Message == m && s.Clock.Now().Sub(e.At) < s.Clock.Scale(quiet) {
		return
	}
	s.tell(tx, v, "%s", m)
}

// subject begins an event's text.
func subject(v service, x set) string {
	if v.rolling() {
		return "(service " + v.Name + ")"
	}
	return "(service " + v.Name + ", taskSet " + x.ID + ")"
}

// taskList is how events name tasks.
func taskList(tasks []task) string {
	var b strings.Builder
	for _, t := range tasks {
		b.WriteString(" (task " + t.ID + ")")
	}
	return strings.TrimSpace(b.String())
}
