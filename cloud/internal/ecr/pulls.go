package ecr

import (
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// pulls are the times of pulls that are not yet in the store. A crash loses at most a
// minute of them.
type pulls struct {
	mu   sync.Mutex
	last map[string]time.Time // by key of the image
}

func (p *pulls) note(key string, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = map[string]time.Time{}
	}
	p.last[key] = now
}

// of returns when an image was last pulled.
func (p *pulls) of(key string, stored time.Time) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t := p.last[key]; t.After(stored) {
		return t
	}
	return stored
}

func (p *pulls) take() map[string]time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.last
	p.last = nil
	return last
}

func (s *Service) flushPulls() error {
	last := s.pulls.take()
	if len(last) == 0 {
		return nil
	}
	return s.Store.Update(func(tx *store.Tx) error {
		for key, when := range last {
			if i, ok := s.images.Get(tx, key); ok && when.After(i.Pulled) {
				i.Pulled = when
				s.images.Put(tx, key, i)
			}
		}
		return nil
	})
}
