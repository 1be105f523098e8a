package elbv2

import (
	"net/netip"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// Listening tells where all listeners really stand.
func (s *Service) Listening() []netip.AddrPort {
	var ids []string
	s.Store.View(func(tx *store.Tx) {
		for id := range s.tables.listeners.All(tx, "") {
			ids = append(ids, id)
		}
	})
	var out []netip.AddrPort
	for _, id := range ids {
		if at, _ := s.Balancer.Bound(id); at.IsValid() {
			out = append(out, at)
		}
	}
	return out
}
