package probe

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func server(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhatIsExpected(t *testing.T) {
	url := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Version", "v42")
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/", http.StatusFound)
			return
		}
		fmt.Fprintf(w, "hello %s from %s\n", r.Header.Get("X-Who"), r.Host)
	})
	version := []HeaderExpected{{"X-Version", regexp.MustCompile(`^v4\d$`)}}
	for want, p := range map[string]Probe{
		"":                           {Send: http.Header{"X-Who": {"you"}, "Host": {"shop.example"}}, Body: regexp.MustCompile(`^hello you from shop\.example`), Headers: version},
		"status 200, expected 204":   {Status: []Range{{204, 204}}},
		"expected 200: <a href":      {URL: "/moved"}, // a redirect is an answer, not followed
		"does not match \"goodbye\"": {Body: regexp.MustCompile("goodbye")},
		"no header X-Other":          {Headers: []HeaderExpected{{Name: "X-Other"}}},
		`header X-Version is "v42"`:  {Headers: []HeaderExpected{{"X-Version", regexp.MustCompile("v5")}}},
		"connection refused":         {Address: "127.0.0.1:1"},
	} {
		p.URL = url + p.URL
		err := p.Run(t.Context(), func(Attempt) {})
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", want, err)
		}
	}
}

func TestAnswersInARow(t *testing.T) {
	var n atomic.Int32
	url := server(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	p := Probe{URL: url, Count: 4, Within: 5 * time.Second}
	var got []string
	if err := p.Run(t.Context(), func(a Attempt) { got = append(got, fmt.Sprint(a.Status)) }); err != nil {
		t.Error(err)
	}
	if s := strings.Join(got, " "); s != "200 200 502 200 200 200 200" {
		t.Error(s)
	}
	n.Store(0)
	p.Within = 0
	if err := p.Run(t.Context(), func(Attempt) {}); !errors.Is(err, ErrFailed) || n.Load() != 3 {
		t.Errorf("%v after %d", err, n.Load())
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{"200": "200", "200,204": "200 or 204", "200-299,301": "200-299 or 301", "": "", "abc": "", "600": "", "299-200": ""} {
		got, err := Statuses(text)
		if (err != nil) != (want == "") || err == nil && words(got) != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if h, err := Expected("content-type: ^text/"); err != nil || h.Name != "Content-Type" || !h.Value.MatchString("text/html") {
		t.Errorf("%+v, %v", h, err)
	}
	for _, text := range []string{": x", "X: ("} {
		if _, err := Expected(text); err == nil {
			t.Errorf("%q has no error", text)
		}
	}
}
