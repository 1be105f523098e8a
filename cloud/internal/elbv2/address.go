package elbv2

import (
	"crypto/rand"
	"net/netip"
	"runtime"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// ownAddresses tells whether every address of 127.0.0.0/8 can be listened on without
// having been configured, as it is on Linux and Windows.
var ownAddresses = runtime.GOOS == "linux" || runtime.GOOS == "windows"

// allocate returns a loopback address that no load balancer of this cloud has. It is
// random, so that two clouds on one machine do not meet; 127.64.0.0/10 is clear of the
// addresses that systems use themselves (127.0.0.53, 127.0.1.1, …).
func (s *Service) allocate(tx *store.Tx) netip.Addr {
	if !ownAddresses {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	taken := map[netip.Addr]bool{}
	for _, lb := range s.tables.loadBalancers.All(tx, "") {
		taken[lb.Host] = true
	}
	for {
		var b [3]byte
		_, _ = rand.Read(b[:]) // never fails
		a := netip.AddrFrom4([4]byte{127, 64 | b[0]&63, b[1], max(1, b[2]&254)})
		if !taken[a] {
			return a
		}
	}
}
