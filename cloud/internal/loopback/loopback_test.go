package loopback_test

import (
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/loopback"
)

func TestHost(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "localhost:4566": true, "127.0.0.1": true, "127.64.3.9:80": true, "[::1]:4566": true, "[::1]": true, "::1": true,
		"": false, "example.com": false, "localhost.example.com:4566": false, "10.0.0.1:4566": false, "0.0.0.0": false, "[::]:1": false,
		"127.0.0.1.example.com": false, "[fe80::1]:80": false,
	} {
		if got := loopback.Host(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
}
