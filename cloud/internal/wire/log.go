package wire

import (
	"log/slog"
	"net/http"
	"time"
)

// observed remembers the status of an answer, for the log.
type observed struct {
	http.ResponseWriter
	status int // 0 where the connection was cut
}

func (o *observed) WriteHeader(status int) {
	if o.status < http.StatusOK { // what informs beforehand is not the answer
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observed) Write(b []byte) (int, error) {
	if o.status < http.StatusOK {
		o.status = http.StatusOK
	}
	return o.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach what the server gave.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }

// observe begins to watch a call; what it returns logs how it went.
func (x *exchange) observe() func() {
	began, o := time.Now(), &observed{ResponseWriter: x.w}
	x.w = o
	request := x.r.Method + " " + x.r.URL.RequestURI() // before a handler rewrites it
	return func() {
		service, op := x.names()
		if op == "" {
			op = request
		}
		attrs := []slog.Attr{slog.String("service", service), slog.String("operation", op), slog.Int("status", o.status), slog.Duration("took", time.Since(began).Round(time.Microsecond))}
		if x.failed != nil {
			attrs = append(attrs, slog.String("error", x.failed.code), slog.String("message", x.failed.message))
		}
		x.srv.log.LogAttrs(x.r.Context(), slog.LevelDebug, "call", append(attrs, slog.String("request", x.id))...)
	}
}
