package balancer

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"
)

// raw sends bytes and returns the answer as it is on the wire.
func (r *rig) raw(text string) (status string, header http.Header, body string) {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr())
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(c, text)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		r.t.Fatalf("%.60q: %v", text, err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.Status, res.Header, string(b)
}

func TestErrorPages(t *testing.T) {
	r := newRig(t, Options{})
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := addrOf(gone)
	_ = gone.Close()
	r.group("none")
	r.group("closed", closed)
	r.group("rude", backend(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_, _ = io.WriteString(conn, "this is no HTTP\r\n\r\n")
			conn.Close()
		}
	})))
	path := func(p, group string) Rule {
		return Rule{ID: p, Conditions: []Condition{{Field: "path-pattern", Values: []string{p}}}, Action: Action{Forward: &Forward{Groups: []Weighted{{group, 1}}}}}
	}
	r.rules(path("/none", "none"), path("/closed", "closed"), path("/rude", "rude"),
		Rule{ID: "default", Action: Action{Fixed: &Fixed{Status: 404, Body: "nothing here"}}})
	r.apply()
	for _, c := range []struct{ request, status, body string }{
		{"GET /none HTTP/1.1\r\nHost: x\r\n\r\n", "503 Service Temporarily Unavailable", "<center><h1>503 Service Temporarily Unavailable</h1></center>"},
		{"GET /closed HTTP/1.1\r\nHost: x\r\n\r\n", "502 Bad Gateway", "<center><h1>502 Bad Gateway</h1></center>"},
		{"GET /rude HTTP/1.1\r\nHost: x\r\n\r\n", "502 Bad Gateway", "<title>502 Bad Gateway</title>"},
		{"GET / HTTP/1.1\r\n\r\n", "400 Bad Request", "<title>400 Bad Request</title>"},
		{"GET /else HTTP/1.1\r\nHost: x\r\n\r\n", "404 Not Found", "nothing here"},
	} {
		status, header, body := r.raw(c.request)
		if status != c.status || !strings.Contains(body, c.body) || header.Get("Server") != "awselb/2.0" || header.Get("Date") == "" {
			t.Errorf("%.30q: %s %v %q", c.request, status, header, body)
		}
	}
	long := strings.Repeat("a", 70<<10)
	for _, request := range []string{"GET /" + long + " HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + long + "\r\n\r\n"} {
		if status, _, _ := r.raw(request); !strings.HasPrefix(status, "4") {
			t.Errorf("%d bytes of head: %s", len(request), status)
		}
	}
	many := "GET /rude HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: " + strings.Repeat("10.0.0.1, ", 30) + "10.0.0.2\r\n\r\n"
	if status, _, _ := r.raw(many); !strings.HasPrefix(status, "463") {
		t.Errorf("31 addresses: %s", status)
	}
}

func TestATargetThatDoesNotAnswerInTime(t *testing.T) {
	r := newRig(t, Options{})
	h := newHeld(t)
	r.group("web", backend(t, h))
	r.forward("web", 1)
	r.state.Listeners[0].IdleTimeout = 200 * time.Millisecond
	r.apply()
	r.wantStatus(http.StatusGatewayTimeout)
}

func TestWhatTargetsSeeOfTheClient(t *testing.T) {
	r := newRig(t, Options{})
	r.group("web", backend(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		for _, h := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Amzn-Trace-Id", "Connection", "Te", "X-Own"} {
			fmt.Fprintf(w, "%s=%s\n", h, strings.Join(req.Header[h], "|"))
		}
		fmt.Fprintf(w, "Host=%s\n", req.Host)
	})))
	r.forward("web", 1)
	r.apply()
	port := r.addr()[strings.LastIndexByte(r.addr(), ':')+1:]
	_, _, plain := r.raw("GET / HTTP/1.1\r\nHost: example.com\r\nConnection: close, X-Own\r\nX-Own: hop\r\n\r\n")
	_, _, behind := r.raw("GET / HTTP/1.1\r\nHost: example.com\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Amzn-Trace-Id: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=7\r\n\r\n")
	for _, want := range []string{"X-Forwarded-For=127.0.0.1\n", "X-Forwarded-Proto=http\n", "X-Forwarded-Port=" + port + "\n", "X-Amzn-Trace-Id=Root=1-", "Connection=\n", "X-Own=\n", "Host=example.com:" + port + "\n"} {
		if !strings.Contains(plain, want) {
			t.Errorf("no %q in\n%s", want, plain)
		}
	}
	for _, want := range []string{"X-Forwarded-For=203.0.113.7, 127.0.0.1\n", "X-Forwarded-Proto=http\n", "Root=1-5759e988-bd862e3fe1be46a994272793", "Self=1-"} {
		if !strings.Contains(behind, want) {
			t.Errorf("no %q in\n%s", want, behind)
		}
	}
}

// jar is a client that keeps cookies.
func (r *rig) jar() func() (string, []*http.Cookie) {
	r.t.Helper()
	j, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	client := &http.Client{Jar: j, Transport: r.http.Transport}
	return func() (string, []*http.Cookie) {
		r.t.Helper()
		res, err := client.Get(r.url())
		if err != nil {
			r.t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			r.t.Fatal(err)
		}
		return string(b), res.Cookies()
	}
}

func TestStickyTargets(t *testing.T) {
	app := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.SetCookie(w, &http.Cookie{Name: "SESSION", Value: "s-" + name, Path: "/"})
			_, _ = io.WriteString(w, name)
		})
	}
	for kind, cookie := range map[string]string{"lb_cookie": "AWSALB", "app_cookie": "AWSALBAPP-0"} {
		r := newRig(t, Options{})
		a, b := backend(t, app("a")), backend(t, app("b"))
		g := r.group("web", a, b)
		g.Stickiness = Stickiness{Type: kind, Cookie: "SESSION", Duration: time.Hour}
		r.forward("web", 1)
		r.apply()
		for range 8 {
			get := r.jar()
			first, set := get()
			found := false
			for _, c := range set {
				found = found || c.Name == cookie
			}
			if !found {
				t.Errorf("%s: no cookie %s in %v", kind, cookie, set)
			}
			for range 5 {
				if again, _ := get(); again != first {
					t.Errorf("%s: first to %s, then to %s", kind, first, again)
				}
			}
		}
		// A target that leaves takes nobody with it.
		get := r.jar()
		first, _ := get()
		rest := map[string]string{"a": "b", "b": "a"}[first]
		if first == "a" {
			r.group("web", b)
		} else {
			r.group("web", a)
		}
		r.apply()
		if again, _ := get(); again != rest {
			t.Errorf("%s: %s has left, and %s answers", kind, first, again)
		}
	}
}

func TestStickyGroups(t *testing.T) {
	r := newRig(t, Options{})
	r.group("blue", backend(t, says("blue")))
	r.group("green", backend(t, says("green")))
	f := r.forward("blue", 50, "green", 50)
	f.Stickiness = time.Hour
	r.apply()
	seen := map[string]int{}
	for range 20 {
		get := r.jar()
		first, set := get()
		seen[first]++
		if len(set) == 0 || set[0].Name != "AWSALBTG" {
			t.Fatalf("cookies %v", set)
		}
		for range 3 {
			if again, _ := get(); again != first {
				t.Errorf("first %s, then %s", first, again)
			}
		}
	}
	if seen["blue"] < 5 || seen["green"] < 5 {
		t.Errorf("new clients: %v", seen)
	}
}

func TestRules(t *testing.T) {
	r := newRig(t, Options{})
	answer := func(id string, conditions ...Condition) Rule {
		return Rule{ID: id, Conditions: conditions, Action: Action{Fixed: &Fixed{Status: 200, Body: id}}}
	}
	r.rules(
		answer("host", Condition{Field: "host-header", Values: []string{"*.example.com"}}),
		answer("both", Condition{Field: "path-pattern", Values: []string{"/api/*"}}, Condition{Field: "http-request-method", Values: []string{"POST", "PUT"}}),
		answer("path", Condition{Field: "path-pattern", Values: []string{"/api/*", "/v?/x"}}),
		answer("header", Condition{Field: "http-header", Header: "X-Canary", Values: []string{"yes*"}}),
		answer("query", Condition{Field: "query-string", Query: []KeyValue{{"version", "2"}, {"", "beta"}}}),
		Rule{ID: "moved", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/old"}}}, Action: Action{Redirect: &Redirect{Status: 301, Protocol: "HTTPS", Host: "#{host}", Port: "443", Path: "/new#{path}", Query: "#{query}"}}},
		answer("elsewhere", Condition{Field: "source-ip", Values: []string{"10.0.0.0/8"}}),
		answer("here", Condition{Field: "source-ip", Values: []string{"127.0.0.0/8", "::1/128"}}),
	)
	r.apply()
	for _, c := range []struct {
		method, path string
		header       []string
		want         string
	}{
		{"GET", "/api/x", []string{"Host", "WWW.Example.com"}, "host"},
		{"GET", "/api/x", nil, "path"},
		{"PUT", "/api/x", nil, "both"},
		{"GET", "/v2/x", nil, "path"},
		{"GET", "/V2/x", nil, "here"}, // paths tell case apart
		{"GET", "/", []string{"X-Canary", "YES please"}, "header"},
		{"GET", "/?version=2", nil, "query"},
		{"GET", "/?any=beta", nil, "query"},
		{"GET", "/?version=3", nil, "here"},
	} {
		if res := r.do(c.method, c.path, "", c.header...); res.body != c.want {
			t.Errorf("%s %s %v: %d %q, want %q", c.method, c.path, c.header, res.StatusCode, res.body, c.want)
		}
	}
	res := r.do("GET", "/old?a=b", "", "Host", "shop.test")
	if res.StatusCode != 301 || res.Header.Get("Location") != "https://shop.test:443/newold?a=b" {
		t.Errorf("%d %s", res.StatusCode, res.Header.Get("Location"))
	}
}
