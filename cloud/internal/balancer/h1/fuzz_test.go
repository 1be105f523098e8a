package h1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"strings"
	"testing"
)

// heads are what both fuzzers of heads begin with.
var heads = []string{
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"POST /a?b=c HTTP/1.1\r\nHost: x:80\r\nContent-Length: 3\r\nConnection: close, X-Own\r\nX-Own: 1\r\n\r\n",
	"PUT http://h/p HTTP/1.1\r\nHost: other\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
	"OPTIONS * HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
	"\r\nGET / HTTP/1.1\r\n\r\n",
}

// scan finds a head, once in one piece and once byte by byte, which must agree.
func scan(t *testing.T, b []byte, most int) []byte {
	t.Helper()
	var whole, pieces Scanner
	n, err := whole.Scan(b, most)
	for i := 1; i <= len(b); i++ {
		m, perr := pieces.Scan(b[:i], most)
		if m > 0 || perr != nil {
			if err == nil && perr == nil && m != n {
				t.Fatalf("%q: a head of %d bytes in one piece, of %d in pieces", b, n, m)
			}
			break
		}
	}
	if err != nil || n == 0 {
		return nil
	}
	return b[:n]
}

// FuzzRequest: what is accepted means the same to net/http, which stands for whatever is
// behind the balancer. Being stricter is no fault.
func FuzzRequest(f *testing.F) {
	for _, h := range heads {
		f.Add([]byte(h))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		head := scan(t, b, MaxRequestHead)
		if head == nil {
			return
		}
		var r Request
		if r.Parse(head) != nil {
			return
		}
		std, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
		if err != nil {
			// net/http knows more about URLs; what frames the message is not among that.
			if s := err.Error(); strings.Contains(s, "Content-Length") || strings.Contains(s, "transfer encoding") || strings.Contains(s, "header") {
				t.Errorf("%q: accepted here, and net/http says %v", head, err)
			}
			return
		}
		length := std.ContentLength
		if len(std.TransferEncoding) > 0 {
			length = Chunked
		}
		if string(r.Method) != std.Method || r.Length != length {
			t.Errorf("%q: %s of %d bytes here, %s of %d bytes for net/http", head, r.Method, r.Length, std.Method, length)
		}
		if std.Host != string(r.Host) && std.URL.Host == "" {
			t.Errorf("%q: host %q here, %q for net/http", head, r.Host, std.Host)
		}
	})
}

func FuzzResponse(f *testing.F) {
	for _, h := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HTTP/1.1 204 \r\n\r\n", "HTTP/1.0 500 No\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n", "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
	} {
		f.Add([]byte(h), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, get bool) {
		method := map[bool]string{true: "GET", false: "HEAD"}[get]
		head := scan(t, b, MaxResponseHead)
		if head == nil {
			return
		}
		var r Response
		if r.Parse(head, []byte(method)) != nil {
			return
		}
		std, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(head)), &http.Request{Method: method})
		if err != nil {
			return // net/http refuses more in responses; they are written anew
		}
		length := std.ContentLength
		switch {
		case len(std.TransferEncoding) > 0:
			length = Chunked
		case length < 0:
			length = UntilClose
		}
		bodiless := !get || r.Length == 0
		if r.Status != std.StatusCode || (!bodiless && r.Length != length) {
			t.Errorf("%q: %d of %d bytes here, %d of %d bytes for net/http", head, r.Status, r.Length, std.StatusCode, length)
		}
	})
}

// decode takes a chunked body apart, in pieces of the given size.
func decode(b []byte, piece int) (data []byte, rest int, err error) {
	var d Decoder
	at := 0
	for at < len(b) && !d.Done() {
		end := min(at+piece, len(b))
		for at < end && !d.Done() {
			got, n, err := d.Next(b[at:end])
			data = append(data, got...)
			at += n
			if err != nil {
				return data, at, err
			}
		}
	}
	if !d.Done() {
		err = io.ErrUnexpectedEOF
	}
	return data, at, err
}

func FuzzChunked(f *testing.F) {
	for _, b := range []string{"3\r\nabc\r\n0\r\n\r\n", "1;x=y\r\na\r\n0\r\nX: y\r\n\r\nrest", "ffffffffffffffff\r\n", "0\r\n\r\n", "3\r\nabcX\r\n", "03\r\nabc\r\n00\r\n\r\n"} {
		f.Add([]byte(b), 1)
	}
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		data, rest, err := decode(b, len(b)+1)
		again, restAgain, errAgain := decode(b, piece&15+1)
		if (err == nil) != (errAgain == nil) || (err == nil && (rest != restAgain || !bytes.Equal(data, again))) {
			t.Fatalf("%q: in one piece %q, %d, %v; in pieces %q, %d, %v", b, data, rest, err, again, restAgain, errAgain)
		}
		if err != nil {
			return
		}
		std, serr := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(b)))
		if serr != nil || !bytes.Equal(std, data) {
			t.Errorf("%q: %q here, %q and %v for net/http", b, data, std, serr)
		}
	})
}

// FuzzClassify: what is doubtful about an accepted request is what its fields show, however
// names are written.
func FuzzClassify(f *testing.F) {
	for _, h := range append(heads,
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: x\r\nContent_Length: 1\r\nTransfer--Encoding: chunked\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nX: \xff\r\n\r\n") {
		f.Add([]byte(h))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		head := scan(t, b, MaxRequestHead)
		var r Request
		if head == nil || r.Parse(head) != nil {
			return
		}
		bodiless := string(r.Method) == "GET" || string(r.Method) == "HEAD"
		ambiguous, irregular := bodiless && r.Length != 0, false
		for _, f := range r.Fields {
			letters := strings.Map(func(c rune) rune {
				if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
					return c
				}
				return -1
			}, strings.ToLower(string(f.Name)))
			if f.Kind == Other && (letters == "contentlength" || letters == "transferencoding") {
				ambiguous = true
			}
			odd := strings.IndexFunc(string(f.Value), func(c rune) bool { return c > 0x7e || c < ' ' && c != '\t' }) >= 0
			irregular = irregular || odd || bodiless && f.Kind == ContentLength && r.Length == 0
			if Regular(f.Name) != (strings.Trim(strings.ToLower(string(f.Name)), "abcdefghijklmnopqrstuvwxyz0123456789-") == "") {
				t.Errorf("%q: regular is %t", f.Name, Regular(f.Name))
			}
		}
		if got := r.Ambiguous(); (got != "") != ambiguous {
			t.Errorf("%q: ambiguous is %q", head, got)
		}
		if got := r.Irregular(); (got != "") != irregular {
			t.Errorf("%q: irregular is %q", head, got)
		}
	})
}
