package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/websocket"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// plugin speaks the client's side, as the session manager plugin does.
type plugin struct {
	*testing.T
	ws       *websocket.Conn
	next     int64 // of what it sends
	expected int64 // of what it gets
	deaf     int   // how many messages it does not acknowledge, not being ready
	seen     []message
}

// dial opens a session's channel with a token.
func dial(t *testing.T, url, token string) *plugin {
	t.Helper()
	ws, err := websocket.Dial(url, "", "http://localhost")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	_ = ws.SetDeadline(time.Now().Add(20 * time.Second))
	open := fmt.Sprintf(`{"MessageSchemaVersion":"1.0","RequestId":"1","TokenValue":%q,"ClientId":"2","ClientVersion":"1.2.0.0"}`, token)
	if err := websocket.Message.Send(ws, open); err != nil {
		t.Fatal(err)
	}
	return &plugin{T: t, ws: ws}
}

// get returns the next message that is new and acknowledges it; channel_closed is one too.
func (p *plugin) get() (message, error) {
	for {
		var raw []byte
		if err := websocket.Message.Receive(p.ws, &raw); err != nil {
			return message{}, err
		}
		m, err := decode(raw)
		if err != nil {
			p.Fatalf("%v: %q", err, raw)
		}
		p.seen = append(p.seen, m)
		switch {
		case m.Type == typeClosed:
			return m, nil
		case m.Type != typeOutput:
			continue
		case p.deaf > 0:
			p.deaf--
			continue
		}
		ack, _ := json.Marshal(map[string]any{"AcknowledgedMessageType": m.Type, "AcknowledgedMessageId": text(m.ID), "AcknowledgedMessageSequenceNumber": m.Sequence, "IsSequentialMessage": true})
		p.put(message{Type: typeAck, ID: newID(), Flags: 3, Body: ack})
		if m.Sequence == p.expected {
			p.expected++
			return m, nil
		}
	}
}

func (p *plugin) put(m message) {
	if err := websocket.Message.Send(p.ws, m.encode()); err != nil {
		p.Fatal(err)
	}
}

// send sends input of a kind.
func (p *plugin) send(payload uint32, body string) {
	p.put(message{Type: typeInput, Sequence: p.next, ID: newID(), Payload: payload, Body: []byte(body)})
	p.next++
}

// shake answers the handshake.
func (p *plugin) shake() {
	p.Helper()
	m, err := p.get()
	if err != nil || m.Payload != payloadHandshakeRequest || m.Flags != 1 || !strings.Contains(string(m.Body), `"SessionType":"Standard_Stream"`) {
		p.Fatalf("handshake: %v, %+v %s", err, m, m.Body)
	}
	p.send(payloadHandshakeResponse, `{"ClientVersion":"1.2.0.0","ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":1,"ActionResult":null,"Error":""}],"Errors":null}`)
	if m, err = p.get(); err != nil || m.Payload != payloadHandshakeComplete {
		p.Fatalf("handshake complete: %v, %+v", err, m)
	}
}

// until reads output until it has a text, and returns all of it.
func (p *plugin) until(want string) string {
	p.Helper()
	var out bytes.Buffer
	for !strings.Contains(out.String(), want) {
		m, err := p.get()
		if err != nil || m.Type == typeClosed {
			p.Fatalf("%q, then %v %s", out.String(), err, m.Body)
		}
		out.Write(m.Body)
	}
	return out.String()
}

// closed reads up to the channel's end, and returns what is said of it.
func (p *plugin) closed() string {
	p.Helper()
	for {
		m, err := p.get()
		if err != nil {
			p.Fatal(err)
		}
		var c struct{ MessageType, Output string }
		if m.Type == typeClosed && json.Unmarshal(m.Body, &c) == nil && c.MessageType == typeClosed {
			return c.Output
		}
	}
}

// served is a manager on a server.
func served(t *testing.T) *Manager {
	m := &Manager{}
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	m.Base = func() string { return s.URL }
	return m
}

// shout is a program that answers each line in capitals, tells of sizes, and ends by "exit".
func shout(ctx context.Context, spec runtime.ExecSpec) (int, error) {
	fmt.Fprint(spec.Stdout, "ready\n")
	lines := make(chan string)
	go func() {
		defer close(lines)
		buf := make([]byte, 4096)
		for {
			n, err := spec.Stdin.Read(buf)
			if err != nil {
				return
			}
			select {
			case lines <- string(buf[:n]):
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		select {
		case l, ok := <-lines:
			if !ok || l == "exit\r" {
				return 0, nil
			}
			if l == "fail\r" {
				return 0, errors.New("the program is gone")
			}
			if _, err := io.WriteString(spec.Stdout, strings.ToUpper(l)); err != nil {
				return 0, err
			}
		case z := <-spec.Terminal.Sizes:
			fmt.Fprintf(spec.Stdout, "%dx%d", z.Rows, z.Cols)
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func TestSession(t *testing.T) {
	m := served(t)
	id, url, token := m.Offer(shout)
	if !strings.HasPrefix(id, "ecs-execute-command-") || !strings.HasPrefix(url, "ws://127.0.0.1:") || !strings.Contains(url, Path+id+"?") {
		t.Errorf("offered %s at %s", id, url)
	}
	p := dial(t, url, token)
	p.deaf = 1 // the first is sent again
	p.shake()
	p.deaf = 2 // and so is output that comes before the plugin is ready
	p.until("ready")
	p.send(payloadSize, `{"cols":80,"rows":24}`)
	p.until("24x80")
	long := strings.Repeat("0123456789abcdef", 300)
	p.send(payloadData, long)
	if got := p.until(strings.ToUpper(long[len(long)-16:]) + ""); len(got) == 0 {
		t.Error("nothing came back")
	}
	p.send(payloadData, "exit\r")
	if said := p.closed(); said != "" {
		t.Errorf("ended with %q", said)
	}
}

// What comes twice is done once, and what comes early is left to come again.
func TestInputIsTakenOnceAndInOrder(t *testing.T) {
	m := served(t)
	_, url, token := m.Offer(shout)
	p := dial(t, url, token)
	p.shake()
	p.until("ready")
	b := message{Type: typeInput, Sequence: p.next + 1, ID: newID(), Payload: payloadData, Body: []byte("second.")}
	a := message{Type: typeInput, Sequence: p.next, ID: newID(), Payload: payloadData, Body: []byte("first.")}
	for _, x := range []message{b, a, a, b, b} {
		p.put(x)
		time.Sleep(20 * time.Millisecond)
	}
	p.next += 2
	p.send(payloadData, "third.")
	if got := p.until("THIRD."); got != "FIRST.SECOND.THIRD." {
		t.Errorf("said %q", got)
	}
	acks := 0
	for _, x := range p.seen {
		if x.Type == typeAck && strings.Contains(string(x.Body), text(b.ID)) {
			acks++
		}
	}
	if acks != 2 {
		t.Errorf("the second message was acknowledged %d times", acks)
	}
}

func TestEndsOfSessions(t *testing.T) {
	m := served(t)
	t.Run("terminated by the client", func(t *testing.T) {
		_, url, token := m.Offer(shout)
		p := dial(t, url, token)
		p.shake()
		p.until("ready")
		p.send(payloadFlag, "\x00\x00\x00\x02")
		if said := p.closed(); said != "" {
			t.Errorf("ended with %q", said)
		}
	})
	t.Run("the program fails", func(t *testing.T) {
		_, url, token := m.Offer(shout)
		p := dial(t, url, token)
		p.shake()
		p.send(payloadData, "fail\r")
		if said := p.closed(); said != "the program is gone" {
			t.Errorf("ended with %q", said)
		}
	})
	t.Run("the client goes away", func(t *testing.T) {
		ended := make(chan error, 1)
		_, url, token := m.Offer(func(ctx context.Context, spec runtime.ExecSpec) (int, error) {
			_, err := shout(ctx, spec)
			ended <- err
			return 0, err
		})
		p := dial(t, url, token)
		p.shake()
		p.until("ready")
		_ = p.ws.Close()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Error("the program runs on")
		}
	})
}

// A session opens once, for who has its token.
func TestTokens(t *testing.T) {
	m := served(t)
	ran := make(chan bool, 4)
	_, url, token := m.Offer(func(context.Context, runtime.ExecSpec) (int, error) { ran <- true; return 0, nil })
	if _, err := dial(t, url, "wrong").get(); err == nil {
		t.Error("a wrong token opens it")
	}
	p := dial(t, url, token)
	p.shake()
	p.closed()
	if _, err := dial(t, url, token).get(); err == nil {
		t.Error("it opens twice")
	}
	if len(ran) != 1 {
		t.Errorf("the program ran %d times", len(ran))
	}
}

func FuzzDecode(f *testing.F) {
	m := message{Type: typeInput, Sequence: 7, ID: newID(), Payload: payloadData, Body: []byte("x")}
	f.Add(m.encode())
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decode(raw)
		if err != nil {
			return
		}
		again, err := decode(m.encode())
		if err != nil || again.Sequence != m.Sequence || again.ID != m.ID || !bytes.Equal(again.Body, m.Body) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}
