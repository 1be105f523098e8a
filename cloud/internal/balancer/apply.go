package balancer

import (
	"errors"
	"fmt"
)

// Apply makes s hold. When it returns, new requests follow s; those in flight end by the
// state that they began in. Targets that are not in s any more drain. The error tells of
// listeners that could not be opened anywhere: everything else holds nevertheless, and a
// later Apply tries them again.
func (b *Balancer) Apply(s State) error {
	changed, err := b.apply(s)
	for id := range changed {
		b.opts.OnHealth(id)
	}
	return err
}

func (b *Balancer) apply(s State) (changed map[string]bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, fmt.Errorf("apply: %w", ErrClosed)
	}
	leave, changed := b.applyGroups(s.Groups)
	gone, err := b.applyListeners(s.Listeners)
	b.publish()
	for _, l := range b.listeners {
		b.serve(l)
	}
	for _, l := range gone {
		b.shut(l)
	}
	for _, t := range leave {
		b.retire(t)
	}
	return changed, err
}

// applyListeners opens what is new and returns what is to be shut.
func (b *Balancer) applyListeners(want []Listener) (gone []*listener, err error) {
	keep := map[string]bool{}
	for _, w := range want {
		keep[w.ID] = true
		if l := b.listeners[w.ID]; l != nil && l.config.Addr != w.Addr {
			l.unbind() // its connections live on
			l.bound, l.why = noAddr, nil
		}
	}
	for id, l := range b.listeners {
		if !keep[id] {
			l.unbind() // now, since another listener may want the address
			delete(b.listeners, id)
			gone = append(gone, l)
		}
	}
	var errs []error
	for _, w := range want {
		l := b.listeners[w.ID]
		if l == nil {
			l = b.newListener(w.ID)
			b.listeners[w.ID] = l
		}
		l.config = w
		if err := l.bind(); err != nil {
			errs = append(errs, err)
		}
	}
	return gone, errors.Join(errs...)
}
