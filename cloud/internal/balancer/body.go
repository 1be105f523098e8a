package balancer

import (
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// inlineBody appends to the request what has already arrived of its body.
func (x *exchange) inlineBody() (err error) {
	if x.req.Length == h1.Chunked {
		x.out, err = x.decode(x.out)
		x.whole = x.decoder.Done()
		return err
	}
	n := min(int64(len(x.c.ahead())), x.req.Length)
	x.received += n
	x.out = append(x.out, x.c.ahead()[:n]...)
	x.c.skip(int(n))
	x.left = x.req.Length - n
	x.whole = x.left == 0
	return nil
}

// decode takes what was read ahead of a chunked request body and appends it to out,
// chunked anew.
func (x *exchange) decode(out []byte) ([]byte, error) {
	before := len(x.c.ahead())
	out, err := rechunk(out, &x.c.stream, &x.decoder, false)
	x.received += int64(before - len(x.c.ahead()))
	return out, err
}

// rechunk moves the chunked body that s has read ahead to out. With bare, out gets the
// data alone.
func rechunk(out []byte, s *stream, d *h1.Decoder, bare bool) ([]byte, error) {
	for !d.Done() && len(s.ahead()) > 0 {
		data, n, err := d.Next(s.ahead())
		if err != nil {
			return out, err
		}
		switch {
		case len(data) == 0:
		case bare:
			out = append(out, data...)
		default:
			out = h1.AppendChunk(out, data)
		}
		s.skip(n)
	}
	if d.Done() && !bare {
		out = h1.AppendEnd(out, d.Trailer())
	}
	return out, nil
}

// respond sends the response to the client and tells whether the connection goes on.
func (x *exchange) respond(minor byte) (again bool) {
	x.status = x.res.Status
	framed := x.res.Length >= 0 || minor == 1
	x.again = x.again && framed && !x.ends()
	keep := !x.res.Close && !x.doubtful
	x.composeResponse(minor)
	if err := x.respondBody(minor); err != nil {
		return x.fail(err)
	}
	settled := x.settle()
	if keep && settled && len(x.up.ahead()) == 0 {
		x.up.free()
		x.up.p.put(x.up)
	} else {
		x.dropUpstream()
	}
	if !settled {
		x.c.linger()
	}
	return x.again && settled
}

// respondBody sends the response, whose head stands in out.
func (x *exchange) respondBody(minor byte) error {
	x.began = true
	switch x.res.Length {
	case h1.Chunked:
		return x.passChunks(minor == 0)
	case h1.UntilClose:
		return x.passUntilClose(minor == 0)
	}
	n := min(int64(len(x.up.ahead())), x.res.Length)
	x.out = append(x.out, x.up.ahead()[:n]...)
	x.up.skip(int(n))
	if err := x.flush(); err != nil {
		return err
	}
	if left := x.res.Length - n; left > 0 {
		moved, err := x.clock.pass(x.c.Conn, x.up.Conn, left, nil)
		x.given += moved
		return err
	}
	return nil
}

func (x *exchange) passChunks(bare bool) (err error) {
	for {
		if x.out, err = rechunk(x.out, &x.up.stream, &x.download, bare); err != nil {
			return err
		}
		if err = x.flush(); err != nil || x.download.Done() {
			return err
		}
		if err = x.fill(); err != nil {
			return err
		}
	}
}

func (x *exchange) passUntilClose(bare bool) error {
	for {
		if data := x.up.ahead(); len(data) > 0 {
			if bare {
				x.out = append(x.out, data...)
			} else {
				x.out = h1.AppendChunk(x.out, data)
			}
			x.up.skip(len(data))
		}
		if err := x.flush(); err != nil {
			return err
		}
		if err := x.fill(); isEnd(err) {
			if !bare {
				x.out = h1.AppendEnd(x.out, nil)
			}
			return x.flush()
		} else if err != nil {
			return err
		}
	}
}

// flush sends out to the client.
func (x *exchange) flush() error {
	if len(x.out) == 0 {
		return nil
	}
	_ = x.c.SetWriteDeadline(time.Now().Add(x.clock.idle))
	n, err := x.c.Write(x.out)
	x.given += int64(n)
	x.out = x.out[:0]
	x.clock.moved()
	return err
}
