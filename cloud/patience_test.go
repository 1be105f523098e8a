package cloud

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// single is a listener of one connection.
type single struct {
	net.Listener
	conns chan net.Conn
}

func (s single) Accept() (net.Conn, error) {
	if c, ok := <-s.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (s single) Close() error   { return nil }
func (s single) Addr() net.Addr { return &net.TCPAddr{} }

// A body that comes in pieces may take long; one that stops coming is waited for a minute.
func TestABodyThatStopsComing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, conn := net.Pipe()
		l := single{conns: make(chan net.Conn, 1)}
		l.conns <- conn
		got := make(chan error)
		srv := &http.Server{ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer patient(t.Context(), w, r)()
			_, err := io.Copy(io.Discard, r.Body)
			got <- err
		})}
		go func() { _ = srv.Serve(l) }()
		if _, err := fmt.Fprint(client, "POST / HTTP/1.1\r\nHost: cloud\r\nContent-Length: 100\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			time.Sleep(50 * time.Second)
			if _, err := fmt.Fprint(client, "piece"); err != nil {
				t.Fatal(err)
			}
		}
		last := time.Now()
		if err := <-got; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(last); took != stall {
			t.Errorf("waited %v", took)
		}
		_ = client.Close()
		close(l.conns)
		_ = srv.Close()
	})
}
