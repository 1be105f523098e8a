package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()
	if err := check(t.Context(), srv.URL+"/healthz"); err != nil {
		t.Error(err)
	}
	if err := check(t.Context(), srv.URL); err == nil || !strings.HasSuffix(err.Error(), "answered 503 Service Unavailable") {
		t.Errorf("a service that is not well: %v", err)
	}
	srv.Close()
	if check(t.Context(), srv.URL) == nil {
		t.Error("nobody answers, and that passes")
	}
}
