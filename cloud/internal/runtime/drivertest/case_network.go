package drivertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func testTwoOnOnePort(r *rig) {
	blue, green := r.box(), r.box()
	if blue.Addr() == green.Addr() || !blue.Addr().Is4() || blue.Addr().IsLoopback() {
		r.Fatalf("addresses %v and %v", blue.Addr(), green.Addr())
	}
	blue.run(command("serve", "9000", "blue"))
	green.run(command("serve", "9000", "green"))
	for b, want := range map[*box]string{blue: "blue ", green: "green "} {
		if got := b.page(9000); !strings.HasPrefix(got, want) {
			r.Errorf("%v serves %q, want %q", b.Addr(), got, want)
		}
	}
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if got, err := green.fetch(9000); err != nil || !strings.HasPrefix(got, "green ") {
				r.Errorf("one of many: %q, %v", got, err)
			}
		})
	}
	wg.Wait()
}

func testDialRefused(r *rig) {
	b := r.box()
	b.run()
	began := time.Now()
	c, err := b.Dial(r.context(), 9000)
	if err == nil {
		c.Close()
		r.Error("dial where nobody listens gives a connection")
	}
	if d := time.Since(began); d > 3*time.Second {
		r.Errorf("that took %v", d)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if c, err := b.Dial(ctx, 9000); err == nil {
		c.Close()
		r.Error("dial with an ended context gives a connection")
	}
}

// The containers of a sandbox share its network.
func testLocalhost(r *rig) {
	b := r.box()
	b.run(command("serve", "9000", "shared"))
	b.page(9000)
	for _, host := range []string{"127.0.0.1", b.Addr().String()} {
		if got := b.output(command("get", "http://"+host+":9000/")); !strings.HasPrefix(got, "shared ") {
			r.Errorf("from another container, %s serves %q", host, got)
		}
	}
}

func testServices(r *rig) {
	echo := netip.MustParseAddrPort("169.254.170.2:80")
	other := netip.MustParseAddrPort("10.98.7.6:4566")
	greet := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			defer c.Close()
			fmt.Fprint(c, text)
		}
	}
	spec := runtime.SandboxSpec{ID: newID(), Services: map[netip.AddrPort]func(net.Conn){echo: greet("metadata"), other: greet("the API")}}
	s, err := r.driver.Create(r.context(), spec)
	if errors.Is(err, runtime.ErrNoServices) {
		r.Logf("this driver says: %v", err)
		return
	}
	if err != nil {
		r.Fatal(err)
	}
	b := &box{Sandbox: s, r: r}
	defer s.Close(context.Background())
	for addr, want := range map[netip.AddrPort]string{echo: "metadata", other: "the API"} {
		if got := b.output(command("dial", addr.String())); got != want {
			r.Errorf("%v says %q, want %q", addr, got, want)
		}
	}
	u := b.run(func(s *runtime.ContainerSpec) { s.User = "app" })
	if _, out, errs := u.exec("dial", echo.String()); out != "metadata" {
		r.Errorf("exec gets %q %s", out, errs)
	}
}
