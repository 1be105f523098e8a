package cloud

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// stall is how long a client may keep the cloud waiting for the next piece of a request.
const stall = time.Minute

// patience is a request's body that is not waited for longer than that, nor after its call
// is to end: a client that hangs holds up neither a reset nor memory.
type patience struct {
	io.ReadCloser
	conn *http.ResponseController

	mu   sync.Mutex
	over bool
}

// patient bounds the reads of a request's body; ctx ends them.
func patient(ctx context.Context, w http.ResponseWriter, r *http.Request) (stop func() bool) {
	if r.ContentLength == 0 {
		return func() bool { return true }
	}
	b := &patience{ReadCloser: r.Body, conn: http.NewResponseController(w)}
	r.Body = b
	b.wait(false)
	return context.AfterFunc(ctx, func() { b.wait(true) })
}

// wait sets by when the connection must have sent more; what is over does not begin again.
// In-process callers have no connection and need none.
func (b *patience) wait(over bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = b.over || over
	until := time.Now().Add(stall)
	if b.over {
		until = time.Unix(1, 0)
	}
	_ = b.conn.SetReadDeadline(until)
}

// Read reads on. At the end of the body the deadline goes: a call may take its time. Short
// of it the deadline stays, since the server reads what the handler left.
func (b *patience) Read(p []byte) (int, error) {
	b.wait(false)
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		b.mu.Lock()
		defer b.mu.Unlock()
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
