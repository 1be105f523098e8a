// Package probe asks an HTTP server whether it answers as it should: status, body and
// headers, as many times in a row as wanted.
package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// maxBody bounds what is read of an answer.
const maxBody = 1 << 20

// Probe is what is asked and what is expected.
type Probe struct {
	URL      string
	Address  string // host:port to dial instead of the URL's, "" for the URL's
	Method   string // "" for GET
	Send     http.Header
	Insecure bool          // any certificate will do
	Timeout  time.Duration // of one request; 0 for 10 s

	Status  []Range          // any of them; none for 200
	Body    *regexp.Regexp   // that the body without its last line end matches; nil for any
	Headers []HeaderExpected // all of them

	Count    int           // answers in a row; 0 for 1
	Interval time.Duration // between them
	Within   time.Duration // how long failures are put up with; 0 for not at all
}

// Range is a range of statuses, both ends in it.
type Range struct{ From, To int }

func (r Range) String() string {
	if r.From == r.To {
		return fmt.Sprint(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

// HeaderExpected is a header that an answer must have; a nil pattern is any value.
type HeaderExpected struct {
	Name  string
	Value *regexp.Regexp
}

// Attempt is one request.
type Attempt struct {
	Time   time.Time     `json:"time"`
	Took   time.Duration `json:"took"`             // nanoseconds, to the last byte
	Status int           `json:"status,omitempty"` // 0: no answer
	Error  string        `json:"error,omitempty"`  // why it did not pass
}

// ErrFailed is matched by Run's error when the answers were not as expected.
var ErrFailed = errors.New("not as expected")

// Run asks until Count answers in a row have passed. each hears of every attempt. The
// error is the last failure, or the end of ctx.
func (p *Probe) Run(ctx context.Context, each func(Attempt)) error {
	client, began, row := p.client(), time.Now(), 0
	defer client.CloseIdleConnections()
	for {
		a := p.ask(ctx, client)
		if context.Cause(ctx) != nil {
			return context.Cause(ctx)
		}
		each(a)
		if row++; a.Error != "" {
			row = 0
			if time.Since(began) >= p.Within {
				return fmt.Errorf("%s is %w: %s", p.URL, ErrFailed, a.Error)
			}
		}
		if row >= max(p.Count, 1) {
			return nil
		}
		wait := p.Interval
		if a.Error != "" {
			wait = min(max(wait, minRetry), max(p.Within-time.Since(began), 0))
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// minRetry is the least time between a failure and the next attempt.
const minRetry = 200 * time.Millisecond

// client follows no redirects, which are answers too, and keeps no connection, so that
// each attempt goes the whole way.
func (p *Probe) client() *http.Client {
	dial := (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: p.Insecure}, //nolint:gosec // asked for: --insecure
		DialContext:     dial,
	}
	if p.Address != "" {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { return dial(ctx, network, p.Address) }
	}
	timeout := p.Timeout
	if timeout == 0 {
		timeout = 10 * time.Second
	}
	return &http.Client{Transport: t, Timeout: timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (p *Probe) ask(ctx context.Context, client *http.Client) Attempt {
	a := Attempt{Time: time.Now().UTC()}
	method := p.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, p.URL, nil)
	if err != nil {
		a.Error = err.Error()
		return a
	}
	for k, v := range p.Send {
		req.Header[k] = v
	}
	if h := req.Header.Get("Host"); h != "" {
		req.Host = h
	}
	res, err := client.Do(req)
	if err != nil {
		a.Took, a.Error = time.Since(a.Time), err.Error()
		return a
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	a.Took, a.Status = time.Since(a.Time), res.StatusCode
	if err != nil {
		a.Error = "its body broke off: " + err.Error()
		return a
	}
	a.Error = p.judge(res, body)
	return a
}

// judge says what is not as expected, "" when all is.
func (p *Probe) judge(res *http.Response, body []byte) string {
	wanted := p.Status
	if len(wanted) == 0 {
		wanted = []Range{{200, 200}}
	}
	if !slices.ContainsFunc(wanted, func(r Range) bool { return res.StatusCode >= r.From && res.StatusCode <= r.To }) {
		return fmt.Sprintf("status %d, expected %s: %s", res.StatusCode, words(wanted), excerpt(body))
	}
	for _, h := range p.Headers {
		values := res.Header.Values(h.Name)
		switch {
		case len(values) == 0:
			return "no header " + h.Name
		case h.Value != nil && !slices.ContainsFunc(values, h.Value.MatchString):
			return fmt.Sprintf("header %s is %q, expected %q", h.Name, strings.Join(values, ", "), h.Value)
		}
	}
	if p.Body != nil && !p.Body.Match(bytes.TrimRight(body, "\r\n")) {
		return fmt.Sprintf("the body does not match %q: %s", p.Body, excerpt(body))
	}
	return ""
}

func words(all []Range) string {
	out := make([]string, len(all))
	for i, r := range all {
		out[i] = r.String()
	}
	return strings.Join(out, " or ")
}

// excerpt is the beginning of a body, on one line.
func excerpt(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 200)]), "?")), " ")
	if text == "" {
		return "an empty body"
	}
	return text
}
