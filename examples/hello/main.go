// Hello is the service of Turnout's main example: a small HTTP server with an ordinary,
// a slow and a streaming endpoint, a health check, and an orderly end on SIGTERM.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	srv := &http.Server{Addr: ":" + env("PORT", "9000"), Handler: routes(ctx, env("VERSION", "dev")), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		log.Print("stopping")
		end, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := srv.Shutdown(end); err != nil {
			log.Printf("shutdown: %v", err)
		}
	}()
	log.Printf("hello %s listens on %s", env("VERSION", "dev"), srv.Addr)
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func env(name, other string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return other
}

// routes are the endpoints. Streams end when ctx does.
func routes(ctx context.Context, version string) http.Handler {
	host, _ := os.Hostname() // a name for people; empty does no harm
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello from %s, version %s\n", host, version)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, version)
	})
	mux.HandleFunc("GET /slow", slow)
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) { stream(ctx, w, r) })
	return mux
}

// slow answers after ?ms= milliseconds, 500 by default, 60,000 at the most.
func slow(w http.ResponseWriter, r *http.Request) {
	ms := 500
	if q := r.FormValue("ms"); q != "" {
		n, err := strconv.Atoi(q)
		if err != nil || n < 0 || n > 60000 {
			http.Error(w, "ms: a number from 0 to 60000", http.StatusBadRequest)
			return
		}
		ms = n
	}
	select {
	case <-time.After(time.Duration(ms) * time.Millisecond):
		fmt.Fprintf(w, "waited %d ms\n", ms)
	case <-r.Context().Done():
	}
}

// stream sends a server-sent event ten times a second until either side ends it.
func stream(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n := 0; ; n++ {
		if _, err := fmt.Fprintf(w, "data: %d\n\n", n); err != nil || out.Flush() != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-r.Context().Done():
			return
		}
	}
}
