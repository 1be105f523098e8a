package balancer

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// recorder keeps what is told of requests and connections.
type recorder struct {
	mu      sync.Mutex
	entries []Entry
	conns   []Connection
}

func (r *recorder) options() Options {
	return Options{
		OnRequest:    func(e Entry) { r.mu.Lock(); defer r.mu.Unlock(); r.entries = append(r.entries, e) },
		OnConnection: func(c Connection) { r.mu.Lock(); defer r.mu.Unlock(); r.conns = append(r.conns, c) },
	}
}

// next waits for the next entry, which is told after the client has its answer.
func (r *recorder) next(t *testing.T) Entry {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		r.mu.Lock()
		if len(r.entries) > 0 {
			e := r.entries[0]
			r.entries = r.entries[1:]
			r.mu.Unlock()
			return e
		}
		r.mu.Unlock()
	}
	t.Fatal("nothing was recorded")
	return Entry{}
}

func TestEntries(t *testing.T) {
	var rec recorder
	r := newRig(t, rec.options())
	target := backend(t, says("hello"))
	r.group("app", target)
	forward := Action{Forward: &Forward{Groups: []Weighted{{"app", 1}}}}
	r.rules(
		Rule{ID: "moved", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/moved"}}}, Action: Action{Redirect: &Redirect{Status: 302, Path: "/x"}}},
		Rule{ID: "new", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/old"}}}, Action: forward, RewriteURL: &Rewrite{"old", "new"}},
		Rule{ID: "default", Action: forward})
	r.apply()
	r.want("hello") // nobody records
	r.state.Listeners[0].Record = true
	r.apply()

	_, _, body := r.raw("POST /a?b HTTP/1.1\r\nHost: h:1\r\nUser-Agent: test\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody")
	e := rec.next(t)
	_, port, _ := strings.Cut(r.addr(), ":")
	got := fmt.Sprint(e.Rule, e.Action, e.Group, e.Target == target, e.Client.Addr().String(), e.Protocol, e.Method, e.Scheme, e.Host, e.Port == port, e.Path, e.UserAgent, e.Status, e.TargetStatus)
	if want := fmt.Sprint("default", "forward", "app", true, "127.0.0.1", "HTTP/1.1", "POST", "http", "h", true, "/a?b", "test", 200, 200); got != want {
		t.Errorf("told of\n%s, want\n%s", got, want)
	}
	if e.Received != int64(len("POST /a?b HTTP/1.1\r\nHost: h:1\r\nUser-Agent: test\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody")) || e.Sent < int64(len(body)+17) {
		t.Errorf("%d bytes came, %d went", e.Received, e.Sent)
	}
	if !strings.HasPrefix(e.Trace, "Root=1-") || !strings.HasPrefix(e.Conn, "TID_") || e.Waited < 0 || e.Answering <= 0 || e.Answered < 0 {
		t.Errorf("%+v", e)
	}

	r.get("/moved")
	if e := rec.next(t); e.Action != "redirect" || e.Status != 302 || !strings.HasSuffix(e.Location, "/x") || e.Waited != -1 || e.Target.IsValid() {
		t.Errorf("a redirect: %+v", e)
	}
	r.get("/old")
	if e := rec.next(t); e.Path != "/old" || e.NewPath != "/new" {
		t.Errorf("a rewrite: %+v", e)
	}
	r.raw("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
	if e := rec.next(t); e.Doubt != "Ambiguous" || e.DoubtReason != "UndefinedContentLengthSemantics" {
		t.Errorf("an ambiguous request: %+v", e)
	}
	r.raw("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
	if e := rec.next(t); e.Doubt != "Severe" || e.DoubtReason != "BothTeClPresent" || e.Status != 400 || e.Method != "-" {
		t.Errorf("a severe request: %+v", e)
	}
	r.doHTTP2(t, "/h2")
	if e := rec.next(t); e.Protocol != "HTTP/2.0" || e.Status != 200 || e.TargetStatus != 200 || e.Sent != int64(len("hello")) || e.Conn == "" || e.Path != "/h2" {
		t.Errorf("HTTP/2: %+v", e)
	}
}

func TestConnectionsAreTold(t *testing.T) {
	var rec recorder
	r := newRig(t, rec.options())
	l := &r.state.Listeners[0]
	l.Protocol, l.TLS, l.RecordConns = "HTTPS", &tls.Config{Certificates: []tls.Certificate{selfSigned(t, "x")}}, true
	r.rules(Rule{ID: "default", Action: Action{Fixed: &Fixed{Status: 200}}})
	r.apply()
	tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, ServerName: "x"}}
	defer tr.CloseIdleConnections()
	res, err := (&http.Client{Transport: tr}).Get("https://" + r.addr())
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	rec.mu.Lock()
	defer rec.mu.Unlock()
	if c := rec.conns; len(c) != 1 || c[0].TLS.Version != "TLSv1.3" || c[0].Verify != "Success" || c[0].Handshake <= 0 || c[0].TLS.ServerName != "x" {
		t.Errorf("told of %+v", c)
	}
}
