package lambda

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// perform runs one invocation in an environment of its own, or an idle one.
func (s *Service) perform(f found, inv *invocation) (result, error) {
	if err := s.admit(f); err != nil {
		return result{}, err
	}
	defer s.leave(f)
	inv.trace = fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", s.Clock.Now().Unix(), ids.Hex(24), ids.Hex(16))
	inv.done = make(chan outcome, 1)
	for {
		e := s.take(f)
		fresh := e == nil
		if fresh {
			var err error
			if e, err = s.boot(s.life, f); err != nil {
				return s.unbootable(f, inv, err)
			}
			if fault := e.begin(s.life, f); fault != nil {
				return s.spoilt(e, inv, fault), nil
			}
		}
		res, handed := s.work(e, f, inv)
		if handed || fresh {
			return res, nil
		}
	}
}

// unbootable tells apart what the function's package is to blame for.
func (s *Service) unbootable(f found, inv *invocation, err error) (result, error) {
	var start *runtime.StartError
	if errors.As(err, &start) {
		fault := &failure{"Runtime.InvalidEntrypoint", "RequestId: " + inv.id + " Error: " + start.Reason}
		return result{payload: fault.json(), fault: true}, nil
	}
	var modelled interface{ ErrorCode() string }
	if errors.As(err, &modelled) {
		return result{}, err
	}
	return result{}, service(fmt.Errorf("run function %s: %w", f.Name, err))
}

// begin waits until a new environment's function asks for work. What it returns is the
// payload of an invocation that found it unable to begin.
func (e *environment) begin(life context.Context, f found) func(id string) []byte {
	limit := max(initLimit, time.Duration(*f.Config.Timeout)*time.Second)
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-e.ready:
		e.began = time.Since(e.born)
		e.journal.drain(settling)
		return nil
	case body := <-e.initFailed:
		return func(string) []byte { return body }
	case <-e.exited:
		select {
		case body := <-e.initFailed: // it said why before it ended
			return func(string) []byte { return body }
		default:
		}
		return e.gone().of
	case <-t.C:
		return (&failure{"Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())}).of
	case <-life.Done():
		return (&failure{"Sandbox.Failure", "the local cloud is being stopped"}).of
	}
}

// of is a failure as the caller of an invocation sees it.
func (f *failure) of(id string) []byte {
	return (&failure{f.Type, "RequestId: " + id + " Error: " + f.Message}).json()
}

// spoilt ends an environment in which an invocation has failed.
func (s *Service) spoilt(e *environment, inv *invocation, why func(id string) []byte) result {
	res := result{payload: why(inv.id), fault: true}
	e.journal.drain(settling)
	e.journal.say("START RequestId: %s Version: %s", inv.id, e.version)
	e.journal.say("%s", res.payload)
	e.journal.say("END RequestId: %s", inv.id)
	res.log = e.journal.recent()
	s.shut(e)
	return res
}

// settling is how long a line may take from a program to its environment's log.
const settling = 10 * time.Millisecond

// work gives an invocation to an environment and waits for the outcome. An environment
// that has ended before gets none.
func (s *Service) work(e *environment, f found, inv *invocation) (res result, handed bool) {
	limit := time.Duration(*f.Config.Timeout) * time.Second
	began := time.Now()
	inv.deadline = began.Add(limit)
	e.journal.begin()
	e.journal.say("START RequestId: %s Version: %s", inv.id, e.version)
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case e.next <- inv:
	case <-e.exited:
		s.shut(e)
		return result{payload: e.gone().of(inv.id), fault: true}, false
	case <-t.C:
		return s.timedOut(e, inv, limit), true
	}
	var out outcome
	select {
	case out = <-inv.done:
	case <-e.exited:
		out.failed = e.gone()
		select {
		case out = <-inv.done: // it answered before it ended
		default:
		}
	case <-t.C:
		return s.timedOut(e, inv, limit), true
	case <-s.life.Done():
		out.failed = &failure{"Sandbox.Failure", "the local cloud is being stopped"}
	}
	res = result{payload: out.payload, fault: out.unhandled}
	if out.failed != nil {
		res = result{payload: out.failed.of(inv.id), fault: true}
	}
	e.journal.drain(settling)
	e.report(f, inv, time.Since(began))
	res.log = e.journal.recent()
	if out.failed != nil {
		s.shut(e)
	} else {
		s.give(e)
	}
	return res, true
}

func (s *Service) timedOut(e *environment, inv *invocation, limit time.Duration) result {
	text := fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())
	res := result{payload: (&failure{"Sandbox.Timedout", text}).of(inv.id), fault: true}
	e.journal.drain(settling)
	e.journal.say("%s %s %s", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), inv.id, text)
	res.log = e.journal.recent()
	s.shut(e)
	return res
}

// report writes the lines by which Lambda ends an invocation's log.
func (e *environment) report(f found, inv *invocation, took time.Duration) {
	e.journal.say("END RequestId: %s", inv.id)
	ms := float64(took) / float64(time.Millisecond)
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB", inv.id, ms, int(ms)+1, *f.Config.MemorySize)
	if e.began > 0 {
		line += fmt.Sprintf("\tInit Duration: %.2f ms", float64(e.began)/float64(time.Millisecond))
		e.began = 0
	}
	e.journal.say("%s", line)
}
