//go:build !linux

package docker

import (
	"errors"
	"io"
	"net"
	"net/netip"
)

func (d *Driver) canServe() error {
	return errors.New("the Docker engine runs in a virtual machine, whose networks cannot be entered")
}

// serve is not called: canServe refuses.
func serve(int, map[netip.AddrPort]func(net.Conn)) (io.Closer, error) { return nil, nil }
