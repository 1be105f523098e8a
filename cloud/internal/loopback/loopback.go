// Package loopback tells which names and addresses mean this machine and no other.
package loopback

import (
	"net"
	"net/netip"
)

// Host tells whether a host, with or without a port, is this machine by its own name: a
// web page that plays with DNS to get in arrives under a foreign one.
func Host(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	ip, err := netip.ParseAddr(trim(host))
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// trim takes the brackets off an IPv6 address without a port.
func trim(host string) string {
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}
