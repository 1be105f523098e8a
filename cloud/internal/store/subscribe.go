package store

import "slices"

// Subscription tells that tables have changed. Signals are coalesced: one means "look
// again", however much has changed.
type Subscription struct {
	C      <-chan struct{}
	c      chan struct{}
	tables []string
	s      *Store
}

// Subscribe reports changes of the named tables, of all tables when none is named.
// Close it when done.
func (s *Store) Subscribe(tables ...string) *Subscription {
	c := make(chan struct{}, 1)
	sub := &Subscription{C: c, c: c, tables: tables, s: s}
	s.subMu.Lock()
	s.subs[sub] = struct{}{}
	s.subMu.Unlock()
	return sub
}

// Close ends the subscription; C stays open and silent.
func (sub *Subscription) Close() {
	sub.s.subMu.Lock()
	delete(sub.s.subs, sub)
	sub.s.subMu.Unlock()
}

func (s *Store) notify(tx *Tx) {
	if len(tx.changes) == 0 {
		return
	}
	s.subMu.Lock()
	defer s.subMu.Unlock()
	for sub := range s.subs {
		if sub.wants(tx) {
			select {
			case sub.c <- struct{}{}:
			default:
			}
		}
	}
}

func (sub *Subscription) wants(tx *Tx) bool {
	if len(sub.tables) == 0 {
		return true
	}
	return slices.ContainsFunc(sub.tables, func(t string) bool { return tx.changes[t] != nil })
}
