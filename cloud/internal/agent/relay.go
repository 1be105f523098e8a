package agent

import (
	"context"
	"io"
	"net"
	"net/netip"
)

// Relay connects what a program inside a sandbox reaches with an address of this machine,
// until either end closes or ctx ends. It is for runtime.SandboxSpec.Services.
func Relay(ctx context.Context, at netip.AddrPort) func(net.Conn) {
	return func(inside net.Conn) {
		defer func() { _ = inside.Close() }()
		outside, err := (&net.Dialer{}).DialContext(ctx, "tcp", at.String())
		if err != nil {
			return // the program sees a closed connection
		}
		defer func() { _ = outside.Close() }()
		defer context.AfterFunc(ctx, func() { _, _ = inside.Close(), outside.Close() })()
		go func() {
			_, _ = io.Copy(outside, inside) // either end may close at any time
			_ = outside.Close()
		}()
		_, _ = io.Copy(inside, outside)
	}
}
