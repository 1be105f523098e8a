package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/probe"
	"github.com/turnoutdev/turnout/internal/term"
)

// verifyOptions are the options of `turnout verify`.
type verifyOptions struct {
	named
	probe.Probe
	test            bool
	url, path, host string
	status, body    string
	send, expect    []string
}

func newVerify(g *global) *cobra.Command {
	o := &verifyOptions{named: named{global: g}}
	c := &cobra.Command{
		Use:   "verify",
		Short: "Probe the service on its production or test listener",
		Long: `Verify sends requests to the service's production listener, to its test listener, or to
--url, and makes sure of status, body and headers. It ends with code 0 when the last
--count answers were as expected, and with 1 otherwise; nothing is changed. It is made for
the wait before traffic moves, where the test listener shows the new revision already:

  turnout verify --test --path /healthz --count 5 && turnout continue || turnout stop`,
		Example: `  turnout verify
  turnout verify --test --path /version --body '^v42$'
  turnout verify --path / --host shop.example.com --status 200-299 --header 'content-type: text/html'
  turnout verify --count 20 --interval 500ms --within 2m`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return o.run(c.Context()) },
	}
	o.flags(c)
	f := c.Flags()
	f.BoolVar(&o.test, "test", false, "ask the test listener")
	f.StringVar(&o.url, "url", "", "ask this `URL` instead of a listener (default: turnout.yml's verify.url)")
	f.StringVar(&o.path, "path", "", "`PATH` and query (default: turnout.yml's verify.path, else /)")
	f.StringVar(&o.host, "host", "", "`NAME` to ask for, as TLS and the Host header have it; the listener is reached all the same")
	f.StringVar(&o.Method, "method", "GET", "`METHOD` of the requests")
	f.StringArrayVar(&o.send, "send", nil, "`HEADER` to send, NAME: VALUE; may be repeated")
	f.StringVar(&o.status, "status", "", "`CODES` expected, such as 200, 200-299 or 200,204 (default: turnout.yml's verify.status, else 200)")
	f.StringVar(&o.body, "body", "", "`REGEXP` that the body (without its last line end) must match")
	f.StringArrayVar(&o.expect, "header", nil, "`HEADER` expected, NAME or NAME: REGEXP; may be repeated")
	f.IntVar(&o.Count, "count", 1, "`N` answers in a row must be as expected")
	f.DurationVar(&o.Interval, "interval", time.Second, "`TIME` between requests")
	f.DurationVar(&o.Within, "within", 0, "put up with failures for this `TIME`; the row begins again (default: not at all)")
	f.DurationVar(&o.Timeout, "timeout", 10*time.Second, "longest `TIME` to wait for one answer")
	f.BoolVar(&o.Insecure, "insecure", false, "accept any certificate")
	return c
}

// verified is what --json prints.
type verified struct {
	URL      string          `json:"url"`
	OK       bool            `json:"ok"`
	Error    string          `json:"error,omitempty"`
	Attempts []probe.Attempt `json:"attempts"`
}

func (o *verifyOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := o.locate(ctx); err != nil {
		return err
	}
	out := verified{URL: o.URL, Attempts: []probe.Attempt{}}
	err := o.Run(ctx, func(a probe.Attempt) {
		out.Attempts = append(out.Attempts, a)
		if a.Error != "" {
			o.Talk("  %s %s %s", o.Bad("✗"), o.Dim(term.Short(a.Took)), a.Error)
		} else {
			o.Talk("  %s %s %d", o.Good("✓"), o.Dim(term.Short(a.Took)), a.Status)
		}
	})
	if out.OK = err == nil; err != nil {
		out.Error = err.Error()
	}
	if o.JSON {
		if jerr := o.printJSON(out); jerr != nil {
			return errors.Join(jerr, err)
		}
	}
	if errors.Is(err, probe.ErrFailed) {
		return fault.New(fault.Failed, "`turnout status` shows what serves, `turnout logs` what it writes", "%w", err)
	}
	if err == nil {
		o.Talk("%s %s", o.URL, o.Good("answers as expected"))
	}
	return err
}

// check reads the options, before any call is made.
func (o *verifyOptions) check() error {
	if o.Count < 1 || o.Interval < 0 || o.Within < 0 || o.Timeout <= 0 {
		return fault.New(fault.Usage, "--count is 1 or more, --timeout more than 0, --interval and --within 0 or more", "--count, --interval, --within or --timeout is out of range")
	}
	if o.url != "" && o.test {
		return fault.New(fault.Usage, "leave one out", "--url and --test name two addresses")
	}
	if o.path != "" && !strings.HasPrefix(o.path, "/") {
		return fault.New(fault.Usage, "such as /healthz", "--path %q does not begin with a slash", o.path)
	}
	var err error
	if o.status != "" {
		if o.Status, err = probe.Statuses(o.status); err != nil {
			return fault.New(fault.Usage, "such as 200, 200-299 or 200,204", "--status: %w", err)
		}
	}
	if o.body != "" {
		if o.Body, err = regexp.Compile(o.body); err != nil {
			return fault.New(fault.Usage, "a regular expression of Go's form", "--body: %w", err)
		}
	}
	for _, e := range o.expect {
		h, err := probe.Expected(e)
		if err != nil {
			return fault.New(fault.Usage, "NAME or NAME: REGEXP", "--header: %w", err)
		}
		o.Headers = append(o.Headers, h)
	}
	o.Send = http.Header{}
	for _, e := range o.send {
		name, value, ok := strings.Cut(e, ":")
		if !ok || strings.TrimSpace(name) == "" {
			return fault.New(fault.Usage, "NAME: VALUE", "--send %q is no header", e)
		}
		o.Send.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return nil
}

// locate finds what to ask: --url, turnout.yml's verify.url, or a listener of the service.
func (o *verifyOptions) locate(ctx context.Context) error {
	c, err := o.conf()
	if err != nil && (o.url == "" || !errors.Is(err, config.ErrNone)) {
		return err
	}
	given := o.url
	if c != nil {
		if o.path == "" {
			o.path = c.Verify.Path
		}
		if o.Status == nil {
			o.Status = []probe.Range{{From: c.Verify.Status, To: c.Verify.Status}}
		}
		if !o.test {
			given = first(o.url, c.Verify.URL)
		}
	}
	if given != "" {
		u, err := url.Parse(given)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fault.New(fault.Usage, "such as https://shop.example.com/healthz", "%q is no address of the web", given)
		}
		if o.host != "" {
			return fault.New(fault.Usage, "put the name into the address, or send another with --send 'Host: NAME'", "--host is for the service's listeners")
		}
		if u.Path == "" {
			given += first(o.path, "/")
		}
		o.URL = given
		return nil
	}
	s, err := o.find(ctx)
	if err != nil {
		return err
	}
	a, err := s.Address(ctx, o.test)
	if err != nil {
		return err
	}
	o.URL, o.Address = fmt.Sprintf("%s://%s%s", a.Scheme, first(o.host, a.Name), first(o.path, "/")), a.Dial
	return nil
}
