package lambda

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

var errClosed = &types.ServiceException{Type: aws.String("Service"), Message: aws.String("the local cloud is being stopped")}

// admit counts an invocation in, if so many may run at a time. leave counts it out.
func (s *Service) admit(f found) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	limit, why := accountConcurrency, types.ThrottleReasonConcurrentInvocationLimitExceeded
	if f.Reserved != nil {
		limit, why = int(*f.Reserved), types.ThrottleReasonReservedFunctionConcurrentInvocationLimitExceeded
	}
	if s.busy[f.Name] >= limit {
		return &types.TooManyRequestsException{Type: user, Reason: why, Message: aws.String("Rate Exceeded.")}
	}
	s.busy[f.Name]++
	s.tasks.Add(1)
	return nil
}

func (s *Service) leave(f found) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[f.Name]--; s.busy[f.Name] == 0 {
		delete(s.busy, f.Name)
	}
	s.tasks.Done()
}

// take returns the idle environment of a revision that worked last, or nil.
func (s *Service) take(f found) *environment {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := *f.Config.RevisionId
	all := s.idle[id]
	if len(all) == 0 {
		return nil
	}
	e := all[len(all)-1]
	if s.idle[id] = all[:len(all)-1]; len(all) == 1 {
		delete(s.idle, id)
	}
	return e
}

// give back an environment for the next invocation, unless its time is over.
func (s *Service) give(e *environment) {
	var r revision
	s.Store.View(func(tx *store.Tx) { r, _ = s.t.revisions.Get(tx, key(e.name, e.version)) })
	s.mu.Lock()
	keep := !s.closed && aws.ToString(r.Config.RevisionId) == e.revision && time.Since(e.born) < maxAge
	if keep {
		e.idleSince = time.Now()
		s.idle[e.revision] = append(s.idle[e.revision], e)
	}
	s.mu.Unlock()
	if !keep {
		s.shut(e)
	}
}

// retire ends the idle environments of a function that has changed.
func (s *Service) retire(name string) {
	s.reap(func(e *environment) bool { return e.name == name })
}

// reap ends the idle environments that over accepts.
func (s *Service) reap(over func(*environment) bool) {
	var gone []*environment
	s.mu.Lock()
	for id, all := range s.idle {
		s.idle[id] = slices.DeleteFunc(all, func(e *environment) bool {
			if over(e) {
				gone = append(gone, e)
				return true
			}
			return false
		})
		if len(s.idle[id]) == 0 {
			delete(s.idle, id)
		}
	}
	s.mu.Unlock()
	for _, e := range gone {
		s.shut(e)
	}
}

// shutLimit is how long the end of an environment may take.
const shutLimit = 30 * time.Second

func (s *Service) shut(e *environment) {
	ctx, cancel := context.WithTimeout(context.Background(), shutLimit)
	defer cancel()
	if err := e.close(ctx); err != nil && !errors.Is(err, context.Canceled) {
		s.Log.Error("end a function's environment", "function", e.name, "error", err)
	}
}
