package balancer

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// seen tells a target's view of the request line and the host.
func seen() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", r.Host, r.RequestURI)
	})
}

func TestRewrites(t *testing.T) {
	r := newRig(t, Options{})
	r.group("app", backend(t, seen()))
	forward := Action{Forward: &Forward{Groups: []Weighted{{"app", 1}}}}
	r.rules(
		Rule{ID: "1", Conditions: []Condition{{Field: "path-pattern", Regex: []string{`^/dp/[A-Z0-9]+/?$`}}}, Action: forward,
			RewriteURL:  &Rewrite{`^/dp/([A-Z0-9]+)/?(\?.*)?$`, "product.php?id=$1"},
			RewriteHost: &Rewrite{`^shop-(.+)\.com$`, "internal.$1.test"}},
		Rule{ID: "2", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/api/*"}}}, Action: forward,
			RewriteURL: &Rewrite{"^([^?]*)", "/v2$1"}},
		Rule{ID: "3", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/bad/*"}}}, Action: forward,
			RewriteURL: &Rewrite{"^/bad/(.*)$", "/%zz$1"}},
		Rule{ID: "4", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/nohost"}}}, Action: forward,
			RewriteHost: &Rewrite{"^.*$", "a b"}},
		Rule{ID: "default", Action: forward},
	)
	r.apply()
	_, port, _ := strings.Cut(r.addr(), ":")
	for _, tc := range []struct {
		path, host string
		status     int
		want       string
	}{
		{"/dp/B09/?ref=1", "shop-blue.com:" + port, 200, "internal.blue.test:" + port + " /product.php?id=B09"},
		{"/dp/B09", "other.org:" + port, 200, "other.org:" + port + " /product.php?id=B09"},
		{"/dp/b09", "other.org:" + port, 200, "other.org:" + port + " /dp/b09"},
		{"/api/x%20y?a=1&b=%2F", "h:" + port, 200, "h:" + port + " /v2/api/x%20y?a=1&b=%2F"},
		{"/bad/1", "h", 500, ""},
		{"/nohost", "h", 500, ""},
	} {
		status, body := r.get(tc.path, "Host", tc.host)
		if status != tc.status || status == 200 && body != tc.want {
			t.Errorf("%s at %s: %d %q, want %d %q", tc.path, tc.host, status, body, tc.status, tc.want)
		}
	}
}

// HTTP/2 goes another way and is rewritten all the same.
func TestRewritesHTTP2(t *testing.T) {
	r := newRig(t, Options{})
	r.group("app", backend(t, seen()))
	r.rules(Rule{ID: "default", Action: Action{Forward: &Forward{Groups: []Weighted{{"app", 1}}}},
		RewriteURL: &Rewrite{"^/old/(.*)", "/new/$1"}, RewriteHost: &Rewrite{"^127", "128"}})
	r.apply()
	status, body := r.getHTTP2(t, "/old/x%2Fy?q=1")
	if _, port, _ := strings.Cut(r.addr(), ":"); status != 200 || body != "128.0.0.1:"+port+" /new/x%2Fy?q=1" {
		t.Errorf("%d %q", status, body)
	}
}

// getHTTP2 asks by HTTP/2's prior knowledge.
func (r *rig) getHTTP2(t *testing.T, path string, header ...string) (int, string) {
	t.Helper()
	res := r.doHTTP2(t, path, header...)
	return res.StatusCode, res.body
}

func (r *rig) doHTTP2(t *testing.T, path string, header ...string) answer {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols), TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	tr.Protocols.SetUnencryptedHTTP2(true)
	defer tr.CloseIdleConnections()
	req, err := http.NewRequest("GET", r.url()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := tr.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, string(b)}
}

func TestReplacement(t *testing.T) {
	r := compileRewrite(&Rewrite{`(\w+)-(\w+)(!)?`, "$2.$1$3 $$ $x"})
	for in, want := range map[string]string{
		"blue-green":   "green.blue $$ $x",
		"a-b! and c-d": "b.a! $$ $x and c-d",
		"none":         "none",
	} {
		if got, _ := r.apply(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got, _ := compileRewrite(&Rewrite{"^a", "$1x"}).apply("abc"); got != "xbc" {
		t.Errorf("a group that is not there leaves %q", got)
	}
}

func TestRegexConditions(t *testing.T) {
	r := newRig(t, Options{})
	for i, c := range []Condition{
		{Field: "host-header", Regex: []string{`^nothing$`, `^.+\.blue\.com$`}},
		{Field: "host-header", Regex: []string{`^ported:8443$`}},
		{Field: "http-header", Header: "User-Agent", Regex: []string{`^(?i)curl/[78]\.`}},
	} {
		r.state.Listeners[0].Rules = append(r.state.Listeners[0].Rules, Rule{ID: fmt.Sprint(i), Conditions: []Condition{c}, Action: Action{Fixed: &Fixed{Status: 201 + i}}})
	}
	r.state.Listeners[0].Rules = append(r.state.Listeners[0].Rules, Rule{ID: "default", Action: Action{Fixed: &Fixed{Status: 404}}})
	r.apply()
	for _, tc := range []struct {
		header []string
		want   int
	}{
		{[]string{"Host", "a.blue.com"}, 201}, {[]string{"Host", "a.blue.com:81"}, 201}, {[]string{"Host", "blue.com"}, 404},
		{[]string{"Host", "ported:8443"}, 202}, {[]string{"Host", "ported"}, 404},
		{[]string{"User-Agent", "CURL/8.1"}, 203}, {[]string{"User-Agent", "curl/6.0"}, 404},
	} {
		if got, _ := r.get("/", tc.header...); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.header, got, tc.want)
		}
	}
}
