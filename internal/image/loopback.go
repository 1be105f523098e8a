package image

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
)

var errPlain = errors.New("it speaks plain HTTP, which is for loopback addresses only")

// loopbackOnly refuses plain HTTP to anywhere but this machine: passwords and images cross
// no network in the clear, whatever a registry redirects to.
type loopbackOnly struct{ http.RoundTripper }

func (l loopbackOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopback(r.URL.Hostname()) {
		return nil, fmt.Errorf("%s: %w", r.URL.Host, errPlain)
	}
	return l.RoundTripper.RoundTrip(r)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
