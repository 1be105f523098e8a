package balancer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fields answers with all fields of a request, sorted, and some of its own.
func fields() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "app/1")
		w.Header().Set("X-Frame-Options", "ALLOWALL")
		lines := []string{"Host: " + r.Host}
		for name, values := range r.Header {
			lines = append(lines, name+": "+strings.Join(values, "|"))
		}
		slices.Sort(lines)
		_, _ = io.WriteString(w, strings.Join(lines, "\n")+"\n")
	})
}

// settings gives the listener settings for HTTP and returns both of its ways to serve:
// HTTP/1 and HTTP/2.
func (r *rig) settings(h HTTP) map[string]func(path string, header ...string) answer {
	r.state.Listeners[0].HTTP = &h
	r.apply()
	return map[string]func(string, ...string) answer{
		"HTTP/1": func(path string, header ...string) answer { return r.do("GET", path, "", header...) },
		"HTTP/2": func(path string, header ...string) answer { return r.doHTTP2(r.t, path, header...) },
	}
}

func wantLines(t *testing.T, where, body string, want, not []string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains("\n"+body, "\n"+w+"\n") {
			t.Errorf("%s: no %q in\n%s", where, w, body)
		}
	}
	for _, n := range not {
		if strings.Contains(body, n) {
			t.Errorf("%s: %q in\n%s", where, n, body)
		}
	}
}

func TestForwardedFor(t *testing.T) {
	r := newRig(t, Options{})
	r.group("app", backend(t, fields()))
	r.forward("app", 1)
	for _, tc := range []struct {
		set       HTTP
		want, not []string
	}{
		{HTTP{}, []string{"X-Forwarded-For: 10.1.1.1, 127.0.0.1"}, nil},
		{HTTP{ForwardedFor: "append", HideServer: true}, []string{"X-Forwarded-For: 10.1.1.1, 127.0.0.1"}, nil},
		{HTTP{ForwardedFor: "preserve"}, []string{"X-Forwarded-For: 10.1.1.1"}, nil},
		{HTTP{ForwardedFor: "remove"}, nil, []string{"X-Forwarded-For"}},
	} {
		for name, get := range r.settings(tc.set) {
			wantLines(t, name+" "+tc.set.ForwardedFor, get("/", "X-Forwarded-For", "10.1.1.1").body, append(tc.want, "X-Forwarded-Proto: http"), tc.not)
		}
	}
	for name, get := range r.settings(HTTP{ClientPort: true}) {
		body := get("/").body
		if !strings.Contains(body, "X-Forwarded-For: 127.0.0.1:") {
			t.Errorf("%s: no client's port in\n%s", name, body)
		}
	}
	for name, get := range r.settings(HTTP{ForwardedFor: "preserve"}) {
		wantLines(t, name, get("/").body, nil, []string{"X-Forwarded-For"})
	}
}

func TestHostHeader(t *testing.T) {
	r := newRig(t, Options{})
	r.group("app", backend(t, fields()))
	r.forward("app", 1)
	r.settings(HTTP{})
	_, port, _ := strings.Cut(r.addr(), ":")
	for _, tc := range []struct {
		set        HTTP
		host, want string
	}{
		{HTTP{}, "example.com", "example.com:" + port},
		{HTTP{}, "example.com:77", "example.com:77"},
		{HTTP{PreserveHost: true}, "example.com", "example.com"},
		{HTTP{PreserveHost: true}, "[::1]", "[::1]"},
		{HTTP{}, "[::1]", "[::1]:" + port},
	} {
		r.settings(tc.set)
		if _, _, body := r.raw("GET / HTTP/1.1\r\nHost: " + tc.host + "\r\n\r\n"); !strings.Contains(body, "Host: "+tc.want+"\n") {
			t.Errorf("%s, preserved %t: want %s in\n%s", tc.host, tc.set.PreserveHost, tc.want, body)
		}
	}
	at80 := &routes{}
	if got := at80.hostOf("example.com:8080", ""); got != "example.com" {
		t.Errorf("at port 80: %s", got)
	}
	x := &exchange{v: verdict{routes: at80}}
	x.req.Host = []byte("example.com:8080")
	if got := string(x.appendHost(nil)); got != "example.com" {
		t.Errorf("at port 80: %s", got)
	}
}

func TestFieldsDroppedAndSet(t *testing.T) {
	r := newRig(t, Options{})
	r.group("app", backend(t, fields()))
	r.forward("app", 1)
	r.state.Listeners[0].Rules = append([]Rule{{ID: "1", Conditions: []Condition{{Field: "path-pattern", Values: []string{"/own"}}}, Action: Action{Fixed: &Fixed{Status: 200}}}}, r.state.Listeners[0].Rules...)
	for name, get := range r.settings(HTTP{}) {
		wantLines(t, name, get("/", "X_bad", "1", "X-Good", "2").body, []string{"X_bad: 1", "X-Good: 2"}, nil)
		if got := get("/own").Header["Server"]; fmt.Sprint(got) != "[awselb/2.0]" {
			t.Errorf("%s: the load balancer is %v", name, got)
		}
	}
	set := HTTP{DropInvalidFields: true, HideServer: true, Response: []Header{{"Strict-Transport-Security", "max-age=60"}, {"X-Frame-Options", "DENY"}}}
	for name, get := range r.settings(set) {
		a := get("/", "X_bad", "1", "X-Good", "2")
		wantLines(t, name, a.body, []string{"X-Good: 2"}, []string{"X_bad"})
		own := get("/own")
		for _, h := range []http.Header{a.Header, own.Header} {
			if fmt.Sprint(h["Strict-Transport-Security"], h["X-Frame-Options"]) != "[max-age=60] [DENY]" {
				t.Errorf("%s: %v", name, h)
			}
		}
		if a.Header.Get("Server") != "app/1" || own.Header["Server"] != nil {
			t.Errorf("%s: servers are %v and %v", name, a.Header["Server"], own.Header["Server"])
		}
	}
}

func TestDesyncMitigation(t *testing.T) {
	r := newRig(t, Options{})
	r.group("app", backend(t, says("app")))
	r.forward("app", 1)
	const withBody = "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
	const zero = "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
	const suspicious = "POST / HTTP/1.1\r\nHost: h\r\nContent_Length: 5\r\nContent-Length: 2\r\n\r\nhi"
	const plain = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
	for _, tc := range []struct {
		mode, request string
		status        int
		again         bool
	}{
		{"", plain, 200, true}, {"", withBody, 200, false}, {"", suspicious, 200, false}, {"", zero, 200, true},
		{"defensive", withBody, 200, false},
		{"monitor", plain, 200, true}, {"monitor", withBody, 200, true}, {"monitor", suspicious, 200, true}, {"monitor", zero, 200, true},
		{"strictest", plain, 200, true}, {"strictest", withBody, 400, false}, {"strictest", suspicious, 400, false}, {"strictest", zero, 400, false},
		{"strictest", "GET / HTTP/1.1\r\nHost: h\r\nX-Own: \xc3\xa9\r\n\r\n", 400, false},
	} {
		r.settings(HTTP{Desync: tc.mode})
		status, header, _ := r.raw(tc.request)
		if again := header.Get("Connection") == "keep-alive"; !strings.HasPrefix(status, strconv.Itoa(tc.status)) || again != tc.again {
			t.Errorf("%s %q: %s, goes on: %t", tc.mode, tc.request, status, again)
		}
	}
	r.settled("app")
}

func TestClientKeepAlive(t *testing.T) {
	r := newRig(t, Options{})
	r.group("app", backend(t, says("app")))
	r.forward("app", 1)
	r.settings(HTTP{KeepAlive: 10 * time.Millisecond})
	a := r.do("GET", "/", "")
	for deadline := time.Now().Add(5 * time.Second); !a.Close && time.Now().Before(deadline); a = r.do("GET", "/", "") {
		time.Sleep(5 * time.Millisecond)
	}
	if !a.Close || a.StatusCode != 200 {
		t.Error("the connection outlives its time")
	}
	r.settings(HTTP{NoHTTP2: true})
	if status, _, _ := r.raw(preface); !strings.HasPrefix(status, "505") {
		t.Errorf("HTTP/2, which is off, gets %s", status)
	}
}

// selfSigned is a certificate for tests.
func selfSigned(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(0xABC), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, DNSNames: []string{name}}
	c.Subject.CommonName = name
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLSFields(t *testing.T) {
	r := newRig(t, Options{})
	r.group("app", backend(t, fields()))
	r.forward("app", 1)
	l := &r.state.Listeners[0]
	l.Protocol, l.TLS = "HTTPS", &tls.Config{Certificates: []tls.Certificate{selfSigned(t, "x")}, NextProtos: []string{"h2", "http/1.1"}}
	l.HTTP = &HTTP{TellTLS: true, Names: map[string]string{tlsCipherSuite: "X-Cipher"}}
	r.apply()
	for _, h2 := range []bool{false, true} {
		for version, want := range map[uint16][]string{
			tls.VersionTLS13: {"X-Amzn-Tls-Version: TLSv1.3", "X-Cipher: TLS_AES_128_GCM_SHA256"},
			tls.VersionTLS12: {"X-Amzn-Tls-Version: TLSv1.2", "X-Cipher: ECDHE-ECDSA-AES128-GCM-SHA256"},
		} {
			tr := &http.Transport{ForceAttemptHTTP2: h2, TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: version}}
			req, err := http.NewRequest("GET", "https://"+r.addr(), nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Amzn-Tls-Version", "forged")
			res, err := tr.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			wantLines(t, res.Proto, string(b), want, []string{"forged", "Cipher-Suite"})
			tr.CloseIdleConnections()
		}
	}
}
