package balancer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// outcome is what one health check found.
type outcome struct {
	ok                  bool
	reason, description string
}

var (
	passed   = outcome{ok: true}
	timedOut = outcome{reason: "Target.Timeout", description: "Request timed out"}
	failed   = outcome{reason: "Target.FailedHealthChecks", description: "Health checks failed"}
)

func mismatch(code int) outcome {
	return outcome{reason: "Target.ResponseCodeMismatch", description: fmt.Sprintf("Health checks failed with these codes: [%d]", code)}
}

// probe checks one target's health, with the group's configuration of when it was made.
type probe struct {
	HealthCheck
	t       *target
	addr    netip.AddrPort
	matcher matcher
	version string // of the protocol: HTTP1, HTTP2, GRPC
}

// newProbe fills in ELB's defaults. Balancer.mu is held.
func newProbe(t *target) *probe {
	g := t.group.config
	p := &probe{HealthCheck: g.Health, t: t, addr: t.addr, version: cmp.Or(g.ProtocolVersion, "HTTP1")}
	if p.Port != 0 {
		p.addr = netip.AddrPortFrom(t.addr.Addr(), p.Port)
	}
	p.Interval = cmp.Or(p.Interval, 30*time.Second)
	p.Timeout = cmp.Or(p.Timeout, 5*time.Second)
	p.Healthy, p.Unhealthy = max(p.Healthy, 1), max(p.Unhealthy, 1)
	p.Protocol = cmp.Or(p.Protocol, "HTTP")
	path, codes := "/", "200"
	if p.version == "GRPC" {
		path, codes = "/AWS.ALB/healthcheck", "12"
	}
	p.Path = cmp.Or(p.Path, path)
	p.matcher = parseMatcher(cmp.Or(p.Matcher, codes))
	return p
}

// run checks once.
func (p *probe) run(ctx context.Context) outcome {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	code, err := p.ask(ctx)
	var timeout net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		if p.Protocol == "TCP" {
			return failed
		}
		return timedOut
	case err != nil:
		return failed
	case p.Protocol != "TCP" && !p.matcher.matches(code):
		return mismatch(code)
	}
	return passed
}

// ask returns the code that the target answers with.
func (p *probe) ask(ctx context.Context) (code int, err error) {
	switch {
	case p.Protocol == "TCP":
		c, err := p.dial(ctx)
		if err == nil {
			c.Close()
		}
		return 0, err
	case p.version == "HTTP1":
		return p.askHTTP1(ctx)
	}
	return p.askHTTP2(ctx)
}

func (p *probe) dial(ctx context.Context) (net.Conn, error) {
	if p.t.function != "" {
		return p.t.connectFunction(true), nil
	}
	return p.t.b.opts.Dial(ctx, "tcp", p.addr.String())
}

// matcher is a list of code ranges, such as "200-299,301".
type matcher [][2]int

// parseMatcher leaves out what is not a code or a range of codes.
func parseMatcher(s string) (m matcher) {
	for part := range strings.SplitSeq(s, ",") {
		low, high, ranged := strings.Cut(strings.TrimSpace(part), "-")
		if !ranged {
			high = low
		}
		from, err := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err == nil && err2 == nil {
			m = append(m, [2]int{from, to})
		}
	}
	return m
}

func (m matcher) matches(code int) bool {
	for _, r := range m {
		if r[0] <= code && code <= r[1] {
			return true
		}
	}
	return false
}
