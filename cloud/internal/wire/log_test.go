package wire_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// What `turnout up --verbose` shows: each call, how it went, and why it was refused.
func TestEveryCallIsLogged(t *testing.T) {
	for level, want := range map[slog.Level][]string{
		slog.LevelInfo: nil,
		slog.LevelDebug: {
			"service=ecs operation=CreateCluster status=200 took=",
			"service=ecs operation=CreateCluster status=400 took=",
			`service="" operation="GET /nowhere?x" status=400 took=`,
		},
	} {
		var log bytes.Buffer
		answers := &clusters{}
		s := newServer(answers, func(o *wire.Options) {
			o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
		})
		client := ecs.NewFromConfig(config(s))
		if _, err := client.CreateCluster(t.Context(), &ecs.CreateClusterInput{}); err != nil {
			t.Fatal(err)
		}
		answers.failure = &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}
		if _, err := client.CreateCluster(t.Context(), &ecs.CreateClusterInput{}); err == nil {
			t.Fatal("no error")
		}
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/nowhere?x", nil))
		lines := strings.FieldsFunc(log.String(), func(r rune) bool { return r == '\n' })
		if len(lines) != len(want) {
			t.Fatalf("at %s: %d lines\n%s", level, len(lines), log.String())
		}
		for i, w := range want {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %d: %s\nwant %s", i+1, lines[i], w)
			}
		}
		if len(want) > 0 && !strings.Contains(lines[1], `error=ThrottlingException message="Rate exceeded"`) {
			t.Errorf("no reason: %s", lines[1])
		}
	}
}

// A streaming service writes its answer itself; the log knows it all the same.
func TestStreamedAnswersAreLogged(t *testing.T) {
	var log bytes.Buffer
	s := wire.NewServer(wire.Options{
		Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Services: []*wire.Service{{ID: "S3", SigningNames: []string{"s3"}, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/gone" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = io.WriteString(w, "content")
			_ = http.NewResponseController(w).Flush()
		})}},
	})
	for _, path := range []string{"/there", "/gone"} {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=0")
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); path == "/there" && !w.Flushed {
			t.Error("not flushed")
		}
	}
	for _, want := range []string{`service=S3 operation="GET /there" status=200`, `service=S3 operation="GET /gone" status=404`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("want %s in\n%s", want, log.String())
		}
	}
}
