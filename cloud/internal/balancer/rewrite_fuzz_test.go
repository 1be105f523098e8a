package balancer

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// parsed reads what is exactly one head.
func parsed(head string) (r h1.Request, ok bool) {
	var s h1.Scanner
	n, err := s.Scan([]byte(head), h1.MaxRequestHead)
	ok = err == nil && n == len(head) && r.Parse([]byte(head)) == nil
	return r, ok
}

// FuzzRewrites: whatever a rule makes of a request is one request, to the target and to
// net/http alike.
func FuzzRewrites(f *testing.F) {
	f.Add("^/(.*)$", "/v2/$1", "^(.+)$", "inner.$1", "/a?b=c", "example.com:80")
	f.Add("", " ", "", "\r\n", "/", "h")
	f.Add("(/x)?(y)*", "$1$2$3$$", "h", "$0", "/xyy#", "[::1]:80")
	f.Add(".*", "//other/%zz", "a|b", "", "*", "b")
	f.Fuzz(func(t *testing.T, urlRegex, url, hostRegex, host, target, at string) {
		w := compileRewrites(Rule{RewriteURL: &Rewrite{urlRegex, url}, RewriteHost: &Rewrite{hostRegex, host}})
		r, ok := parsed("GET " + target + " HTTP/1.1\r\nHost: " + at + "\r\n\r\n")
		if !ok || len(target) > 1000 || len(url) > 1000 {
			return
		}
		to, ok := w.rewritten(string(r.Host), string(r.Target))
		if !ok {
			return
		}
		if to.host != "" {
			r.Host = []byte(to.host)
		}
		if to.target != "" {
			r.Target = []byte(to.target)
		}
		line := "GET " + string(r.Target) + " HTTP/1.1\r\nHost: " + string(r.Host) + "\r\n\r\n"
		again, ok := parsed(line)
		if !ok {
			t.Fatalf("%q becomes %q", target, line)
		}
		if to.target == "" {
			return // net/http may know better about what came
		}
		std, err := http.ReadRequest(bufio.NewReader(strings.NewReader(line)))
		if err != nil || std.RequestURI != string(again.Target) || len(std.Header) > 0 {
			t.Errorf("%q becomes %q: %+v, %v", target, line, std, err)
		}
	})
}
