package balancer

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// attendant looks after the client while the target's response is awaited and sent: it
// sends the rest of the request's body and then notices when the client leaves. Requests
// that are complete and answered quickly have none.
type attendant struct {
	stopper
	done     chan struct{}
	uploaded chan struct{} // closed when the whole body was sent
	left     atomic.Bool   // the client did
	err      error         // what is wrong with the body; read after done
}

// gone tells whether the client left. A nil attendant knows of nothing.
func (a *attendant) gone() bool { return a != nil && a.left.Load() }

// malformed is what was wrong with the request's body.
func (a *attendant) malformed() error {
	if a == nil {
		return nil
	}
	return a.err
}

func (x *exchange) startAttending() {
	a := &attendant{done: make(chan struct{}), uploaded: make(chan struct{})}
	x.attend = a
	up := x.up
	go func() {
		defer close(a.done)
		if !x.whole {
			if err := x.upload(a, up); err != nil {
				x.uploadFailed(a, up, err)
				return
			}
		}
		close(a.uploaded)
		x.watch(a, up)
	}()
}

// stopAttending returns the attendant, if there was one, when it has ended. The client's
// stream is the caller's again.
func (x *exchange) stopAttending() *attendant {
	a := x.attend
	if a != nil {
		a.stop(x.c.Conn)
		<-a.done
		x.attend = nil
	}
	return a
}

// upload sends the rest of the request's body.
func (x *exchange) upload(a *attendant, up *upstream) error {
	if x.left > 0 {
		moved, err := x.clock.pass(up.Conn, x.c.Conn, x.left, &a.stopper)
		x.received += moved
		return err
	}
	x.c.reserve(medium)
	var out []byte
	for !x.decoder.Done() {
		if err := x.fillBody(a); err != nil {
			return err
		}
		var err error
		if out, err = x.decode(out[:0]); err != nil {
			return err
		}
		_ = up.SetWriteDeadline(time.Now().Add(x.clock.idle))
		if _, err := up.Write(out); err != nil {
			return err
		}
	}
	return nil
}

// fillBody reads more from the client.
func (x *exchange) fillBody(a *attendant) error {
	for {
		_ = x.c.SetReadDeadline(time.Now().Add(x.clock.wait()))
		if a.stopped() {
			return errStopped
		}
		err := x.c.fill()
		switch {
		case err == nil:
			x.clock.moved()
			return nil
		case errors.Is(err, io.EOF):
			return io.ErrUnexpectedEOF
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case x.clock.left() <= 0:
			return errSilent
		}
	}
}

// uploadFailed lets the target know that no more comes. It may still answer: what it says
// then is passed on.
func (x *exchange) uploadFailed(a *attendant, up *upstream, err error) {
	var op *net.OpError
	var malformed *h1.Error
	switch {
	case errors.As(err, &malformed):
		a.err = err
		up.raw.Close()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &op) && op.Op == "read":
		a.left.Store(true)
		up.raw.Close()
	case !errors.Is(err, errStopped):
		closeWrite(up.raw)
	}
}

// watch reads ahead until the client leaves, which ends the request at the target.
func (x *exchange) watch(a *attendant, up *upstream) {
	for len(x.c.ahead()) < large {
		_ = x.c.SetReadDeadline(time.Time{})
		if a.stopped() {
			return
		}
		err := x.c.fill()
		if a.stopped() {
			return
		}
		if err != nil {
			a.left.Store(true)
			up.raw.Close()
			return
		}
	}
}

// patience is how long a target's response is awaited before somebody looks after the
// client.
const patience = time.Second

func (x *exchange) firstWait() time.Duration { return min(patience, x.clock.wait()) }

// fill reads more of the response.
func (x *exchange) fill() error {
	for {
		err := x.up.fill()
		switch {
		case err == nil:
			x.clock.moved()
			return nil
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err
		case x.clock.left() <= 0:
			return errSilent
		}
		if x.attend == nil {
			x.startAttending()
		}
		_ = x.up.SetReadDeadline(time.Now().Add(x.clock.wait()))
	}
}

// uploadGrace is how long a response that has ended waits for the end of the request.
const uploadGrace = 50 * time.Millisecond

// settle stops looking after the client and tells whether its request was read to its end.
func (x *exchange) settle() bool {
	a := x.attend
	if a == nil {
		return true
	}
	grace := time.NewTimer(uploadGrace)
	defer grace.Stop()
	select {
	case <-a.uploaded:
	case <-a.done:
	case <-grace.C:
	}
	x.stopAttending()
	select {
	case <-a.uploaded:
		return !a.gone()
	default:
		return false
	}
}
