package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

const userAgent = "ELB-HealthChecker/2.0"

// mostBody is how much of a health check's body is read, so that its sender can finish.
const mostBody = 256 << 10

// targetTLS speaks to targets. Load balancers do not verify their certificates.
func targetTLS(protocols ...string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, NextProtos: protocols}
}

// askHTTP1 sends a GET request on a connection of its own.
func (p *probe) askHTTP1(ctx context.Context) (int, error) {
	c, err := p.dial(ctx)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = c.SetDeadline(deadline)
	}
	defer context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })()
	if p.Protocol == "HTTPS" {
		c = tls.Client(c, targetTLS())
	}
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nUser-Agent: %s\r\nAccept-Encoding: gzip, compressed\r\n\r\n",
		p.Path, p.addr, userAgent); err != nil {
		return 0, err
	}
	return readStatus(c)
}

// readStatus reads a response and returns its status.
func readStatus(c net.Conn) (int, error) {
	var response h1.Response
	s := stream{Conn: c}
	defer s.free()
	for {
		head, err := s.readHead(h1.MaxResponseHead)
		if err != nil {
			return 0, err
		}
		if err := response.Parse(head, nil); err != nil {
			return 0, err
		}
		s.skip(len(head))
		if response.Status >= 200 {
			break
		}
	}
	_, _ = io.CopyN(io.Discard, c, mostBody)
	return response.Status, nil
}

// askHTTP2 sends a GET request over HTTP/2, or calls a method of gRPC whose status is then
// the code.
func (p *probe) askHTTP2(ctx context.Context) (int, error) {
	tr := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dial(ctx) },
		TLSClientConfig:   targetTLS("h2"),
		Protocols:         new(http.Protocols),
		DisableKeepAlives: true,
	}
	tr.Protocols.SetHTTP2(true)
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	req, err := p.request(ctx)
	if err != nil {
		return 0, err
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err := io.CopyN(io.Discard, res.Body, mostBody); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	if p.version != "GRPC" {
		return res.StatusCode, nil
	}
	return grpcStatus(res)
}

func (p *probe) request(ctx context.Context) (*http.Request, error) {
	method, body := http.MethodGet, ""
	if p.version == "GRPC" {
		method, body = http.MethodPost, "\x00\x00\x00\x00\x00" // one empty message
	}
	url := strings.ToLower(p.Protocol) + "://" + p.addr.String() + p.Path
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", userAgent)
	if p.version == "GRPC" {
		req.Header.Set("Content-Type", "application/grpc")
		req.Header.Set("Te", "trailers")
	}
	return req, nil
}

// grpcStatus is in the trailer, or in the header when there is no message.
func grpcStatus(res *http.Response) (int, error) {
	v := res.Trailer.Get("Grpc-Status")
	if v == "" {
		v = res.Header.Get("Grpc-Status")
	}
	code, err := strconv.Atoi(v)
	if err != nil {
		return 0, fmt.Errorf("gRPC status %q of a response with HTTP status %d", v, res.StatusCode)
	}
	return code, nil
}
