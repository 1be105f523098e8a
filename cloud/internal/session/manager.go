package session

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/websocket"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Path is below which sessions' channels are.
const Path = "/v1/data-channel/"

// validity is for how long an offered session waits for its client.
const validity = 5 * time.Minute

// Run runs a session's program on a terminal.
type Run = func(ctx context.Context, spec runtime.ExecSpec) (code int, err error)

// Manager holds the sessions that were offered, and serves their channels.
type Manager struct {
	Base func() string // URL of the server, "http://…"

	mu     sync.Mutex
	offers map[string]offer
}

type offer struct {
	token string
	until time.Time
	run   Run
}

// Offer makes a session that waits for its client.
func (m *Manager) Offer(run Run) (id, url, token string) {
	id, token = "ecs-execute-command-"+strings.ToLower(rand.Text()), rand.Text()+rand.Text()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.offers == nil {
		m.offers = map[string]offer{}
	}
	now := time.Now()
	for k, o := range m.offers {
		if now.After(o.until) {
			delete(m.offers, k)
		}
	}
	m.offers[id] = offer{token, now.Add(validity), run}
	return id, "ws" + strings.TrimPrefix(m.Base(), "http") + Path + id + "?role=publish_subscribe", token
}

// take gives an offer to the client that has its token, once.
func (m *Manager) take(id, token string) (Run, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.offers[id]
	if !ok || time.Now().After(o.until) || subtle.ConstantTimeCompare([]byte(o.token), []byte(token)) != 1 {
		return nil, false
	}
	delete(m.offers, id)
	return o.run, true
}

// ServeHTTP serves the channel of a session. It returns when that has ended, with the
// client, the program, or the server.
func (m *Manager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimPrefix(r.URL.Path, Path)
	websocket.Server{Handler: func(ws *websocket.Conn) { // any origin: the token is what counts
		ws.MaxPayloadBytes = maxMessage
		stop := context.AfterFunc(r.Context(), func() { _ = ws.Close() })
		defer stop()
		_ = ws.SetReadDeadline(time.Now().Add(patience))
		var first string
		if websocket.Message.Receive(ws, &first) != nil {
			return
		}
		_ = ws.SetReadDeadline(time.Time{})
		var open struct{ TokenValue string }
		if json.Unmarshal([]byte(first), &open) != nil {
			return
		}
		if run, ok := m.take(id, open.TokenValue); ok {
			serve(r.Context(), ws, id, run)
		}
	}}.ServeHTTP(w, r)
}
