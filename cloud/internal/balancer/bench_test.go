package balancer

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// fixedBackend answers every request with the same bytes and costs next to nothing itself.
func fixedBackend(b *testing.B) netip.AddrPort {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				s := stream{Conn: c}
				defer s.free()
				for {
					head, err := s.readHead(h1.MaxRequestHead)
					if err != nil {
						return
					}
					s.skip(len(head))
					if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"); err != nil {
						return
					}
				}
			}()
		}
	}()
	return addrOf(l)
}

const benchRequest = "GET /items/17?page=2 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench/1.0\r\n" +
	"Accept: text/html,application/json\r\nAccept-Encoding: gzip\r\nCookie: session=0123456789abcdef\r\n\r\n"

// benchState is a listener with a few rules before the one that serves.
func benchState(target netip.AddrPort) State {
	forward := Action{Forward: &Forward{Groups: []Weighted{{"blue", 90}, {"green", 10}}}}
	return State{
		Listeners: []Listener{{ID: "web", Addr: loopback(0), Protocol: "HTTP", Rules: []Rule{
			{ID: "1", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/admin/*"}}}, Action: forward},
			{ID: "2", Conditions: []Condition{{Field: "host-header", Values: []string{"*.other.com"}}}, Action: forward},
			{ID: "3", Conditions: []Condition{{Field: "http-header", Header: "X-Canary", Values: []string{"yes"}}}, Action: forward},
			{ID: "default", Action: forward},
		}}},
		Groups: []Group{
			{ID: "blue", Name: "blue", Protocol: "HTTP", InUse: true, Health: HealthCheck{Disabled: true}, Targets: []Target{{Addr: target}}},
			{ID: "green", Name: "green", Protocol: "HTTP", InUse: true, Health: HealthCheck{Disabled: true}, Targets: []Target{{Addr: target}}},
		},
	}
}

func benchBalancer(b *testing.B) *Balancer {
	lb := New(Options{Log: slog.New(slog.DiscardHandler)})
	b.Cleanup(func() { _ = lb.Close(b.Context()) })
	if err := lb.Apply(benchState(fixedBackend(b))); err != nil {
		b.Fatal(err)
	}
	return lb
}

// BenchmarkRelay is one request and its response on connections that stay open.
func BenchmarkRelay(b *testing.B) {
	lb := benchBalancer(b)
	at, _ := lb.Bound("web")
	c, err := net.Dial("tcp", at.String())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	r := bufio.NewReader(c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.WriteString(c, benchRequest); err != nil {
			b.Fatal(err)
		}
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := r.Discard(2); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecide is routing alone.
func BenchmarkDecide(b *testing.B) {
	lb := benchBalancer(b)
	var req h1.Request
	if err := req.Parse([]byte(benchRequest)); err != nil {
		b.Fatal(err)
	}
	q := relayQuery{&req, netip.MustParseAddr("127.0.0.1")}
	l := lb.listeners["web"]
	b.ReportAllocs()
	for b.Loop() {
		v := lb.decide(l, q)
		v.target.release()
	}
}

// BenchmarkCompose is the head that the target gets.
func BenchmarkCompose(b *testing.B) {
	lb := benchBalancer(b)
	l := lb.listeners["web"]
	c := &client{l: l, from: netip.MustParseAddr("127.0.0.1")}
	x := newExchange(c)
	if err := x.req.Parse([]byte(benchRequest)); err != nil {
		b.Fatal(err)
	}
	x.v = lb.decide(l, relayQuery{&x.req, c.from})
	defer x.v.target.release()
	b.ReportAllocs()
	for b.Loop() {
		x.composeRequest()
	}
}
