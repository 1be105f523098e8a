package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	goruntime "runtime"
	"strings"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// canServe returns why services inside a sandbox are not possible, or nil.
func (d *Driver) canServe() error {
	if !d.info.direct {
		return errors.New("the Docker engine's network is not this machine's")
	}
	if os.Geteuid() != 0 {
		return errors.New("entering a container's network needs root")
	}
	return nil
}

// serve listens inside the network of a process and hands connections on.
func serve(pid int, services map[netip.AddrPort]func(net.Conn)) (io.Closer, error) {
	if len(services) == 0 {
		return nil, nil
	}
	if err := isPause(pid); err != nil {
		return nil, err
	}
	s := &listeners{}
	err := inNetwork(pid, func() error {
		for at, handle := range services {
			if err := s.listen(at, handle); err != nil {
				return fmt.Errorf("serve %s: %w", at, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// isPause makes sure that the engine's process number means the same process here, which
// it does not if this program runs in a container.
func isPause(pid int) error {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || strings.TrimRight(string(line), "\x00") != pausePath {
		return fmt.Errorf("%w: the engine's processes are not visible here", runtime.ErrNoServices)
	}
	return nil
}

// inNetwork runs f on a thread inside the network namespace of a process. The thread ends
// with it, so that it never serves anything else.
func inNetwork(pid int, f func() error) error {
	result := make(chan error)
	go func() {
		goruntime.LockOSThread()
		result <- func() error {
			ns, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", pid))
			if err != nil {
				return err
			}
			defer func() { _ = ns.Close() }() // only entered
			if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("enter the network of process %d: %w", pid, err)
			}
			return f()
		}()
	}()
	return <-result
}

// listeners are the services of one sandbox.
type listeners struct {
	all  []net.Listener
	done sync.WaitGroup
}

// listen runs inside the sandbox's network: it adds the address and serves it.
func (s *listeners) listen(at netip.AddrPort, handle func(net.Conn)) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	ip := at.Addr().AsSlice()
	mask := net.CIDRMask(8*len(ip), 8*len(ip))
	err = netlink.AddrReplace(lo, &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: mask}})
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", at.String())
	if err != nil {
		return err
	}
	s.all = append(s.all, l)
	s.done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go handle(c)
		}
	})
	return nil
}

func (s *listeners) Close() error {
	var err error
	for _, l := range s.all {
		err = errors.Join(err, l.Close())
	}
	s.done.Wait()
	return err
}
