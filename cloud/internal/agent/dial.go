package agent

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Dial connects to a TCP address. Addresses of live tasks are reached through their
// sandbox, wherever its network is; all others by the machine's own network. It fits
// http.Transport.DialContext.
func (a *Agent) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	if s := a.sandboxAt(host); s != nil {
		port, err := strconv.ParseUint(service, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("dial %s: %w", addr, err)
		}
		return s.Dial(ctx, uint16(port))
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

func (a *Agent) sandboxAt(host string) runtime.Sandbox {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sandboxes[ip.Unmap()]
}
