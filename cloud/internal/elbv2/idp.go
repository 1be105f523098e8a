package elbv2

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Identity providers answer within these bounds or count as failed.
const (
	providerTimeout = 10 * time.Second
	maxProvider     = 150 << 10 // bytes
	maxKeys         = 10
)

// provider speaks to identity providers on this machine, whatever their certificates say:
// nothing of the local cloud calls out.
var provider = &http.Client{
	Timeout: providerTimeout,
	CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	},
	Transport: &http.Transport{
		DialContext:       dialLoopback,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // on loopback, where no public authority vouches for anyone
		DisableKeepAlives: true,
	},
}

var errElsewhere = errors.New("the local cloud asks identity providers on loopback only")

func dialLoopback(ctx context.Context, network, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%s: %w", addr, errElsewhere)
	}
	return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(host, port))
}

// fetchJSON sends a request to a provider and reads its answer.
func fetchJSON(req *http.Request, into any) error {
	res, err := provider.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxProvider+1))
	switch {
	case err != nil:
		return err
	case len(b) > maxProvider:
		return fmt.Errorf("%s answers with more than %d bytes", req.URL, maxProvider)
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answers %s", req.URL, res.Status)
	}
	return json.Unmarshal(b, into)
}

// checkEndpoint wants a whole URL, by HTTPS or, on loopback, by HTTP.
func checkEndpoint(what, s string) error {
	u, err := url.Parse(s)
	if err == nil && u.Host != "" {
		ip := net.ParseIP(u.Hostname())
		if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
			return nil
		}
	}
	return badAction("The %s '%s' must be a full URL with the HTTPS protocol", what, s)
}
