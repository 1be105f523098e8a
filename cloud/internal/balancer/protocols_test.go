package balancer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// echo is a WebSocket-like service: it agrees to the upgrade, tells its name, and gives
// back every line with its name before it.
func echo(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Sec-WebSocket-Key") == "" {
			http.Error(w, "no upgrade", http.StatusUpgradeRequired)
			return
		}
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\nhello from %s\n", r.Header.Get("Sec-WebSocket-Key"), name)
		for {
			line, err := buf.ReadString('\n')
			if err != nil {
				return
			}
			if _, err := io.WriteString(conn, name+": "+line); err != nil {
				return
			}
		}
	})
}

// socket is a client's end of an upgraded connection.
type socket struct {
	net.Conn
	r *bufio.Reader
}

func (r *rig) upgrade(ahead string) *socket {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	// What is sent right behind the head belongs to the other protocol already.
	fmt.Fprintf(c, "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k3y\r\n\r\n%s", ahead)
	s := &socket{c, bufio.NewReader(c)}
	res, err := http.ReadResponse(s.r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-WebSocket-Accept") != "k3y" || !strings.EqualFold(res.Header.Get("Upgrade"), "websocket") {
		r.t.Fatalf("%+v, %v", res, err)
	}
	return s
}

func (s *socket) line(t *testing.T, want string) {
	t.Helper()
	if got, err := s.r.ReadString('\n'); got != want+"\n" {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
}

func TestWebSocketsStayWithTheirTarget(t *testing.T) {
	r := newRig(t, Options{})
	r.group("blue", backend(t, echo("blue"))).DeregistrationDelay = 400 * time.Millisecond
	r.group("green", backend(t, echo("green")))
	r.forward("blue", 1, "green", 0)
	r.apply()

	s := r.upgrade("early\n")
	s.line(t, "hello from blue")
	s.line(t, "blue: early")

	// Traffic shifts; what is open stays, what is new goes to green.
	r.forward("blue", 0, "green", 1)
	r.apply()
	fmt.Fprintln(s, "after the shift")
	s.line(t, "blue: after the shift")
	r.upgrade("").line(t, "hello from green")

	// Its target is deregistered: the connection is cut when the delay is over, not before.
	began := time.Now()
	r.group("blue")
	r.apply()
	fmt.Fprintln(s, "while draining")
	s.line(t, "blue: while draining")
	if _, err := s.r.ReadString('\n'); err == nil {
		t.Error("the connection outlived its target's deregistration")
	}
	if took := time.Since(began); took < 350*time.Millisecond || took > 5*time.Second {
		t.Errorf("cut after %v, the delay is 400ms", took)
	}
}

func TestARefusedUpgradeIsAnOrdinaryAnswer(t *testing.T) {
	r := newRig(t, Options{})
	r.group("web", backend(t, echo("web")))
	r.forward("web", 1)
	r.apply()
	res := r.do("GET", "/", "", "Connection", "Upgrade", "Upgrade", "websocket")
	if res.StatusCode != http.StatusUpgradeRequired || res.body != "no upgrade\n" {
		t.Errorf("%d %q", res.StatusCode, res.body)
	}
}

func TestStreamsAreNotHeldBack(t *testing.T) {
	r := newRig(t, Options{})
	next := make(chan struct{})
	r.group("web", backend(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-req.Context().Done():
				return
			}
		}
	})))
	r.forward("web", 1)
	r.apply()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", r.url(), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for i := range 3 {
		got, err := lines.ReadString('\n') // an event is here before the next one is made
		if got != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("%q, %v", got, err)
		}
		_, _ = lines.ReadString('\n')
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(lines); err != nil || len(rest) > 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestBodiesOfEveryFraming(t *testing.T) {
	r := newRig(t, Options{})
	r.group("web", backend(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/unchanged":
			w.WriteHeader(http.StatusNotModified)
		case "/trailer":
			w.Header().Set("Trailer", "X-Sum")
			_, _ = io.WriteString(w, "body")
			w.Header().Set("X-Sum", "42")
		case "/close":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end")
				conn.Close()
			}
		case "/hints":
			w.Header().Set("Link", "</a.css>")
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = io.WriteString(w, "hinted")
		default:
			b, err := io.ReadAll(req.Body)
			fmt.Fprintf(w, "%s %d %v %v", req.Method, len(b), err, req.Trailer)
		}
	})))
	r.forward("web", 1)
	r.apply()
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/empty", "", 204, ""},
		{"GET", "/unchanged", "", 304, ""},
		{"GET", "/trailer", "", 200, "body"},
		{"GET", "/close", "", 200, "until the end"},
		{"GET", "/hints", "", 200, "hinted"},
		{"HEAD", "/", "", 200, ""},
		{"PUT", "/", strings.Repeat("x", 3<<20), 200, "PUT 3145728 <nil> map[]"},
		{"DELETE", "/", "", 200, "DELETE 0 <nil> map[]"},
	} {
		res := r.do(c.method, c.path, c.body)
		if res.StatusCode != c.status || res.body != c.want {
			t.Errorf("%s %s: %d %q, want %d %q", c.method, c.path, res.StatusCode, res.body, c.status, c.want)
		}
		if c.path == "/trailer" && res.Trailer.Get("X-Sum") != "42" {
			t.Errorf("trailer: %v", res.Trailer)
		}
	}

	// A body of unknown length, and a client that waits for permission to send it.
	pr, pw := io.Pipe()
	go func() { _, _ = io.WriteString(pw, "chunk by chunk"); pw.Close() }()
	req, err := http.NewRequest("POST", r.url(), pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Expect", "100-continue")
	res, err := (&http.Client{Transport: &http.Transport{ExpectContinueTimeout: 10 * time.Second, DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); string(b) != "POST 14 <nil> map[]" {
		t.Errorf("%q, %v", b, err)
	}
}

// h2 is a client that speaks nothing but HTTP/2, without TLS.
func h2(t *testing.T) *http.Client {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: p}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// backend2 serves h by HTTP/2 without TLS, as gRPC servers do.
func backend2(t *testing.T, h http.Handler) netip.AddrPort {
	s := httptest.NewUnstartedServer(h)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return addrOf(s.Listener)
}

func TestHTTP2Clients(t *testing.T) {
	r := newRig(t, Options{})
	r.group("web", backend(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body) // its length is told
		fmt.Fprintf(w, "%s %s %s %d %s", req.Proto, req.Method, req.Host, len(b), req.Header.Get("X-Forwarded-Proto"))
	})))
	r.forward("web", 1)
	r.apply()
	client := h2(t)
	_, port, _ := strings.Cut(r.addr(), ":")
	for range 50 { // many streams of one connection
		req, err := http.NewRequest("POST", r.url(), strings.NewReader("12345"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "example.com"
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if got := string(b); err != nil || res.ProtoMajor != 2 || got != "HTTP/1.1 POST example.com:"+port+" 5 http" {
			t.Fatalf("%s %q, %v", res.Proto, got, err)
		}
	}
}

// grpcService answers as a gRPC server: messages of the request come back one by one, and
// the verdict stands in the trailers.
var grpcService = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
	if req.URL.Path == "/grpc.health.v1.Health/Check" || req.URL.Path == "/AWS.ALB/healthcheck" {
		w.Header().Set("Grpc-Status", "12")
		return
	}
	for {
		msg, err := message(req.Body)
		if err != nil {
			break
		}
		if _, err := w.Write(frame(msg)); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set("Grpc-Status", "0")
	w.Header().Set("Grpc-Message", "well done")
})

func frame(msg []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(msg)))
	return append(b, msg...)
}

func message(r io.Reader) ([]byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	msg := make([]byte, binary.BigEndian.Uint32(head[1:]))
	_, err := io.ReadFull(r, msg)
	return msg, err
}

func TestGRPC(t *testing.T) {
	r := newRig(t, Options{})
	g := r.group("web", backend2(t, grpcService))
	g.ProtocolVersion = "GRPC"
	g.Health = HealthCheck{Protocol: "HTTP", Path: "/AWS.ALB/healthcheck", Interval: 20 * time.Millisecond, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 2, Matcher: "12"}
	r.forward("web", 1)
	r.apply()
	r.await("web", "healthy")

	// A stream both ways: each message is answered before the next one is sent.
	pr, pw := io.Pipe()
	req, err := http.NewRequest("POST", r.url()+"/echo.Echo/Talk", pr)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	go func() { _, _ = pw.Write(frame([]byte("one"))) }()
	res, err := h2(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for _, next := range []string{"two", "three", ""} {
		msg, err := message(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(msg, []byte(map[string]string{"two": "one", "three": "two", "": "three"}[next])) {
			t.Errorf("got %q", msg)
		}
		if next == "" {
			pw.Close()
		} else if _, err := pw.Write(frame([]byte(next))); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := message(res.Body); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if res.Header.Get("Content-Type") != "application/grpc" || res.Trailer.Get("Grpc-Status") != "0" || res.Trailer.Get("Grpc-Message") != "well done" {
		t.Errorf("header %v, trailer %v", res.Header, res.Trailer)
	}

	// HTTP/1 cannot carry gRPC: AWS answers 464.
	if status, _ := r.get("/echo.Echo/Talk"); status != 464 {
		t.Errorf("a client of HTTP/1 got %d", status)
	}
}

func TestTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { // whatever comes goes back; the end too
				_, _ = io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	r := newRig(t, Options{})
	r.state.Listeners[0].Protocol = "TCP"
	r.group("db", addrOf(l)).Protocol = "TCP"
	r.forward("db", 1)
	r.apply()
	c, err := net.Dial("tcp", r.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	sent := strings.Repeat("not HTTP at all ", 10000)
	go func() {
		_, _ = io.WriteString(c, sent)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	if b, err := io.ReadAll(c); err != nil || string(b) != sent {
		t.Errorf("%d bytes came back of %d, %v", len(b), len(sent), err)
	}

	r.group("db") // no target: the client is reset, at once or when it reads
	r.apply()
	c2, err := net.Dial("tcp", r.addr())
	if err == nil {
		defer c2.Close()
		_ = c2.SetDeadline(time.Now().Add(20 * time.Second))
		_, err = c2.Read(make([]byte, 1))
	}
	if err == nil || errors.Is(err, io.EOF) {
		t.Errorf("without a target: %v", err)
	}
}
