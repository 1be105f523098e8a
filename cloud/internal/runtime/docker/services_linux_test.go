package docker

import (
	"errors"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func TestServicesAreOnlyPutIntoAPauseContainer(t *testing.T) {
	if c, err := serve(os.Getpid(), nil); c != nil || err != nil {
		t.Errorf("no services: %v, %v", c, err)
	}
	services := map[netip.AddrPort]func(net.Conn){netip.MustParseAddrPort("169.254.170.2:80"): func(c net.Conn) { c.Close() }}
	for _, pid := range []int{os.Getpid(), 1 << 30} {
		if _, err := serve(pid, services); !errors.Is(err, runtime.ErrNoServices) {
			t.Errorf("process %d: %v, want ErrNoServices", pid, err)
		}
	}
}

func TestInNetwork(t *testing.T) {
	if err := inNetwork(1<<30, func() error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("network of no process: %v", err)
	}
	oops := errors.New("oops")
	d := live(t, false)
	if err := d.canServe(); err != nil {
		t.Logf("no services here: %v", err)
		return
	}
	s := boxed(t, d).(*sandbox)
	var inside []net.Addr
	err := inNetwork(s.pid, func() (err error) {
		inside, err = net.InterfaceAddrs()
		return errors.Join(err, oops)
	})
	if !errors.Is(err, oops) {
		t.Errorf("error of the function: %v", err)
	}
	found := false
	for _, a := range inside {
		found = found || a.String() == s.addr.String()+"/16"
	}
	if !found {
		t.Errorf("addresses inside are %v, want %v among them", inside, s.addr)
	}
}
