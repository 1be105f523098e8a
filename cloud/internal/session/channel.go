package session

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/net/websocket"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

const (
	// resend is after how long a message that was not acknowledged is sent again.
	resend = 200 * time.Millisecond
	// patience is for how long a client may not acknowledge anything.
	patience = 30 * time.Second
	// maxMessage bounds what a client may send at once.
	maxMessage = 1 << 20
	// maxInput is how many messages of input wait for the program.
	maxInput = 256
	// piece is how much output goes into a message.
	piece = 1024
	// agentVersion is that of an agent which knows all that is done here.
	agentVersion = "3.1.1732.0"
)

var (
	errSilent = errors.New("the client does not acknowledge")
	errEnded  = errors.New("the client ended the session")
)

// channel is the agent's side of one session.
type channel struct {
	ws   *websocket.Conn
	id   string
	end  context.CancelCauseFunc
	ctx  context.Context
	acks chan int64

	sending sync.Mutex // one message at a time
	next    int64      // number of the next message out

	writing  sync.Mutex // on ws
	expected int64      // number of the next message in
	hands    chan struct{}
	input    chan []byte
	sizes    chan runtime.Size
}

// serve runs a session over a WebSocket whose client has shown its token.
func serve(ctx context.Context, ws *websocket.Conn, id string, run Run) {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	stdin, typed := io.Pipe()
	c := &channel{
		ws: ws, id: id, ctx: ctx, end: end, acks: make(chan int64, 16), hands: make(chan struct{}, 1),
		input: make(chan []byte, maxInput), sizes: make(chan runtime.Size, 1),
	}
	go c.feed(typed)
	defer context.AfterFunc(ctx, func() {
		_ = stdin.Close()
		if errors.Is(context.Cause(ctx), errEnded) {
			return // it is told that the channel closes
		}
		_ = ws.Close()
	})()
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		c.read()
	}()
	said := ""
	if err := c.shake(); err == nil {
		if _, err = run(ctx, runtime.ExecSpec{Stdin: stdin, Stdout: c, Terminal: &runtime.Terminal{Sizes: c.sizes}}); err != nil && ctx.Err() == nil {
			said = err.Error()
		}
	}
	_ = c.close(said) // the client may be gone
	_ = ws.Close()
	<-reading
}

// shake agrees with the client on what kind of session it is.
func (c *channel) shake() error {
	began := time.Now()
	request, _ := json.Marshal(map[string]any{ // plain values
		"AgentVersion": agentVersion,
		"RequestedClientActions": []any{map[string]any{
			"ActionType": "SessionType", "ActionParameters": map[string]any{"SessionType": "Standard_Stream", "Properties": nil},
		}},
	})
	if err := c.send(payloadHandshakeRequest, request); err != nil {
		return err
	}
	select {
	case <-c.hands:
	case <-time.After(patience):
		return errSilent
	case <-c.ctx.Done():
		return context.Cause(c.ctx)
	}
	done, _ := json.Marshal(map[string]any{"HandshakeTimeToComplete": time.Since(began), "CustomerMessage": ""})
	return c.send(payloadHandshakeComplete, done)
}

// Write sends output, and returns when the client has it.
func (c *channel) Write(p []byte) (int, error) {
	for n := 0; n < len(p); n += piece {
		if err := c.send(payloadData, p[n:min(n+piece, len(p))]); err != nil {
			return n, err
		}
	}
	return len(p), nil
}

// send sends a message until it is acknowledged.
func (c *channel) send(payload uint32, body []byte) error {
	c.sending.Lock()
	defer c.sending.Unlock()
	m := message{Type: typeOutput, Sequence: c.next, ID: newID(), Payload: payload, Body: body}
	if c.next == 0 {
		m.Flags = 1
	}
	raw := m.encode()
	again := time.NewTicker(resend)
	defer again.Stop()
	late := time.After(patience)
	if err := c.put(raw); err != nil {
		return err
	}
	for {
		select {
		case n := <-c.acks:
			if n == m.Sequence {
				c.next++
				return nil
			}
		case <-again.C:
			if err := c.put(raw); err != nil {
				return err
			}
		case <-late:
			c.end(errSilent)
			return errSilent
		case <-c.ctx.Done():
			return context.Cause(c.ctx)
		}
	}
}

func (c *channel) put(raw []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return websocket.Message.Send(c.ws, raw)
}

// close tells the client that the session is over; said is why, "" for a plain end.
func (c *channel) close(said string) error {
	id := newID()
	body, _ := json.Marshal(map[string]any{ // plain values
		"MessageId": text(id), "CreatedDate": time.Now().UTC().Format(time.RFC3339), "DestinationId": "", "SessionId": c.id,
		"MessageType": typeClosed, "SchemaVersion": 1, "Output": said,
	})
	m := message{Type: typeClosed, ID: id, Flags: 2, Body: body}
	return c.put(m.encode())
}

// read takes in what the client sends, until the channel ends.
func (c *channel) read() {
	for {
		var raw []byte
		if err := websocket.Message.Receive(c.ws, &raw); err != nil {
			c.end(err)
			return
		}
		m, err := decode(raw)
		if err != nil {
			continue // it will be sent again
		}
		switch m.Type {
		case typeAck:
			c.acknowledged(m.Body)
		case typeInput:
			if !c.take(m) {
				c.end(errEnded)
				return
			}
		}
	}
}

func (c *channel) acknowledged(body []byte) {
	var ack struct {
		Sequence int64 `json:"AcknowledgedMessageSequenceNumber"`
	}
	if json.Unmarshal(body, &ack) != nil {
		return
	}
	select {
	case c.acks <- ack.Sequence:
	default: // of what was sent twice
	}
}

// feed passes on what was typed, as fast as the program reads it, until the session ends.
func (c *channel) feed(typed *io.PipeWriter) {
	defer typed.Close()
	for {
		select {
		case p := <-c.input:
			if _, err := typed.Write(p); err != nil {
				return
			}
		case <-c.ctx.Done():
			return
		}
	}
}

// take acknowledges input and does what it says, each message once and in order; what is
// too early, or more than the program reads, comes again. It is false when the client wants no more.
func (c *channel) take(m message) bool {
	if m.Sequence > c.expected || m.Sequence == c.expected && m.Payload == payloadData && len(c.input) == maxInput {
		return true
	}
	body, _ := json.Marshal(map[string]any{ // plain values
		"AcknowledgedMessageType": m.Type, "AcknowledgedMessageId": text(m.ID), "AcknowledgedMessageSequenceNumber": m.Sequence, "IsSequentialMessage": true,
	})
	ack := message{Type: typeAck, Sequence: 0, Flags: 3, ID: newID(), Body: body}
	if c.put(ack.encode()) != nil || m.Sequence < c.expected {
		return true // the next read tells of an end
	}
	c.expected++
	switch m.Payload {
	case payloadData:
		c.input <- m.Body // nobody else fills it
	case payloadHandshakeResponse:
		select {
		case c.hands <- struct{}{}:
		default:
		}
	case payloadSize:
		c.resize(m.Body)
	case payloadFlag:
		return len(m.Body) != 4 || binary.BigEndian.Uint32(m.Body) != flagTerminate
	}
	return true
}

// resize passes the size of the client's terminal on: the newest counts.
func (c *channel) resize(body []byte) {
	var s struct{ Cols, Rows uint16 }
	if json.Unmarshal(body, &s) != nil {
		return
	}
	select {
	case <-c.sizes:
	default:
	}
	c.sizes <- runtime.Size{Rows: s.Rows, Cols: s.Cols}
}
