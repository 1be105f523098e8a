package rehearse

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// ColourHeader is the response header in which the local cloud's load balancer names the
// target group that served a request. It exists in rehearsals only.
const ColourHeader = "X-Turnout-Target-Group"

// Load is a constant load: requests begin at a fixed rate however long they take, and
// latency counts from the moment at which a request should have begun.
type Load struct {
	URL    string // production listener, with the path to ask for
	Stream string // URL of a streaming endpoint to hold open, "" for none
	Rate   int    // requests a second

	mu      sync.Mutex
	samples []sample
	streams StreamStats
}

// sample is one finished request.
type sample struct {
	end    time.Time
	group  string // the target group that answered, "" when none did
	took   time.Duration
	failed string // "" for success
}

// StreamStats tells how the long stream fared.
type StreamStats struct {
	Opened int `json:"opened"` // how often it had to be opened
	Events int `json:"events"` // lines received
	Failed int `json:"failed"` // opens that were refused
}

// newConnectionEvery makes one request in this many use a connection of its own.
const newConnectionEvery = 4

// Run sends the load until ctx ends and all begun requests have ended.
func (l *Load) Run(ctx context.Context) {
	kept := &http.Transport{MaxIdleConnsPerHost: 256, IdleConnTimeout: 30 * time.Second, DisableCompression: true}
	fresh := &http.Transport{DisableKeepAlives: true, DisableCompression: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	defer kept.CloseIdleConnections()
	clients := [2]*http.Client{{Transport: kept, Timeout: 30 * time.Second}, {Transport: fresh, Timeout: 30 * time.Second}}
	var wg sync.WaitGroup
	defer wg.Wait()
	if l.Stream != "" {
		wg.Go(func() { l.stream(ctx) })
	}
	began := time.Now()
	gap := time.Second / time.Duration(l.Rate)
	for n := 0; ; n++ {
		due := began.Add(time.Duration(n) * gap)
		if !pause(ctx, time.Until(due)) {
			return
		}
		c := clients[0]
		if n%newConnectionEvery == 0 {
			c = clients[1]
		}
		wg.Go(func() { l.ask(c, due) })
	}
}

// pause sleeps and tells whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// ask sends one request. It is not cut off when the load ends: what began counts.
func (l *Load) ask(c *http.Client, due time.Time) {
	s := sample{}
	res, err := c.Get(l.URL)
	if err == nil {
		s.group = res.Header.Get(ColourHeader)
		_, err = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	switch {
	case err != nil:
		s.failed = err.Error()
	case res.StatusCode >= 400:
		s.failed = fmt.Sprintf("HTTP %d", res.StatusCode)
	}
	s.end = time.Now()
	s.took = s.end.Sub(due)
	l.mu.Lock()
	l.samples = append(l.samples, s)
	l.mu.Unlock()
}

// stream holds one long response open, and opens it again when its target was drained.
func (l *Load) stream(ctx context.Context) {
	tr := &http.Transport{DisableCompression: true}
	defer tr.CloseIdleConnections()
	c := &http.Client{Transport: tr}
	for ctx.Err() == nil {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, l.Stream, nil)
		if err != nil {
			return
		}
		l.follow(ctx, c, req)
	}
}

// follow opens the stream once and reads it to its end.
func (l *Load) follow(ctx context.Context, c *http.Client, req *http.Request) {
	res, err := c.Do(req)
	if err == nil {
		defer func() { _ = res.Body.Close() }()
	}
	l.mu.Lock()
	if err == nil && res.StatusCode < 400 {
		l.streams.Opened++
	} else if ctx.Err() == nil {
		l.streams.Failed++
	}
	l.mu.Unlock()
	if err != nil {
		pause(ctx, 10*time.Millisecond)
		return
	}
	l.read(res.Body)
}

func (l *Load) read(body io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			l.mu.Lock()
			l.streams.Events++
			l.mu.Unlock()
		}
		if err != nil { // the end of a stream is its target's drain, or ours
			return
		}
	}
}

// ColourStats sums up what one target group served.
type ColourStats struct {
	Group    string        `json:"targetGroup"`      // "" for requests that no target answered
	Colour   string        `json:"colour,omitempty"` // blue served before, green is what was deployed; "" for a rolling service
	Requests int           `json:"requests"`
	Failures int           `json:"failures"`
	P50      time.Duration `json:"p50"` // nanoseconds, client side
	P99      time.Duration `json:"p99"`
	Example  string        `json:"example,omitempty"` // one failure
}

// Between sums up the requests that ended in [from, to), a row per target group.
func (l *Load) Between(from, to time.Time) []ColourStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	took := map[string][]time.Duration{}
	rows := map[string]*ColourStats{}
	for _, s := range l.samples {
		if s.end.Before(from) || !s.end.Before(to) {
			continue
		}
		r := rows[s.group]
		if r == nil {
			r = &ColourStats{Group: s.group}
			rows[s.group] = r
		}
		r.Requests++
		took[s.group] = append(took[s.group], s.took)
		if s.failed != "" {
			r.Failures++
			r.Example = s.failed
		}
	}
	var out []ColourStats
	for g, r := range rows {
		slices.Sort(took[g])
		r.P50, r.P99 = quantile(took[g], 0.50), quantile(took[g], 0.99)
		out = append(out, *r)
	}
	slices.SortFunc(out, func(a, b ColourStats) int { return compare(a.Group, b.Group) })
	return out
}

// colour names the target groups by what they are in an act that began then: blue serves
// at its beginning, whatever the group is called.
func (l *Load) colour(a *Act, began time.Time) {
	if !strings.HasPrefix(a.Deployment, "d-") { // a rolling service has one group
		return
	}
	blue := l.firstSince(began)
	for i := range a.Colours {
		switch a.Colours[i].Group {
		case "":
		case blue:
			a.Colours[i].Colour = "blue"
		default:
			a.Colours[i].Colour = "green"
		}
	}
}

// firstSince is the target group that answered first after from.
func (l *Load) firstSince(from time.Time) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.samples {
		if !s.end.Before(from) && s.group != "" {
			return s.group
		}
	}
	return ""
}

// Streams tells how the long stream fared so far.
func (l *Load) Streams() StreamStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.streams
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// quantile takes sorted values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(float64(len(sorted)-1)*q)]
}
