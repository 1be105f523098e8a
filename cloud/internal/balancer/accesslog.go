package balancer

import (
	"context"
	"log/slog"
	"time"
)

// logged is what the access log tells of a request besides its verdict.
type logged struct {
	began, sent          time.Time // sent to the target
	client, method, host string
	target               string
	status               int
	err                  error
}

// logs tells whether requests are logged.
func (l *listener) logs() bool {
	return l.b.opts.Log.Enabled(context.Background(), slog.LevelDebug)
}

func (e *logged) describe(q query) {
	e.client, e.method, e.host, e.target = q.source().String(), q.method(), q.host(), q.path()
}

// log writes one line for one request.
func (l *listener) log(e *logged, v *verdict) {
	attrs := []slog.Attr{
		slog.String("listener", l.id), slog.String("client", e.client),
		slog.String("method", e.method), slog.String("host", e.host), slog.String("path", e.target),
		slog.Int("status", e.status), slog.Duration("duration", time.Since(e.began)),
	}
	if v.target != nil {
		attrs = append(attrs, slog.String("group", v.rotation.config.Name), slog.String("target", v.target.addr.String()))
	}
	if e.err != nil {
		attrs = append(attrs, slog.Any("error", e.err))
	}
	l.b.opts.Log.LogAttrs(context.Background(), slog.LevelDebug, "request", attrs...)
}
