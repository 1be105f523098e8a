package iam

import (
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// now is a timestamp as IAM keeps them, to the second.
func (s *Service) now() *time.Time {
	t := s.Clock.Now().UTC().Truncate(time.Second)
	return &t
}

// born is when the cloud's account was made: when its root user got the key.
func (s *Service) born() *time.Time {
	var t time.Time
	s.Store.View(func(tx *store.Tx) {
		k, _ := s.tables.keys.Get(tx, s.RootAccessKeyID)
		t = k.Created.UTC().Truncate(time.Second)
	})
	return &t
}
