package main

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestEndpoints(t *testing.T) {
	srv := httptest.NewServer(routes(context.Background(), "v7"))
	defer srv.Close()
	for path, want := range map[string]string{
		"/": "version v7", "/healthz": "ok", "/version": "v7", "/slow?ms=1": "waited 1 ms", "/slow?ms=x": "ms: a number",
	} {
		res, err := http.Get(srv.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %q, %v, want %q", path, body, err, want)
		}
	}
}

func TestStreamEndsWithTheServer(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	srv := httptest.NewServer(routes(ctx, "v7"))
	defer srv.Close()
	res, err := http.Get(srv.URL + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	if !lines.Scan() || lines.Text() != "data: 0" {
		t.Fatalf("first line %q", lines.Text())
	}
	cancel()
	for lines.Scan() {
	}
	if err := lines.Err(); err != nil {
		t.Errorf("the stream broke off: %v", err)
	}
}
