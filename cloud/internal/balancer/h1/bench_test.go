package h1

import "testing"

// BenchmarkRequest reads a head of usual size.
func BenchmarkRequest(b *testing.B) {
	head := []byte("GET /items/17?page=2 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: bench/1.0\r\n" +
		"Accept: text/html,application/json\r\nAccept-Encoding: gzip\r\nCookie: session=0123456789abcdef\r\n\r\n")
	var r Request
	b.ReportAllocs()
	for b.Loop() {
		var s Scanner
		n, err := s.Scan(head, MaxRequestHead)
		if err != nil || r.Parse(head[:n]) != nil {
			b.Fatal(err)
		}
	}
}
