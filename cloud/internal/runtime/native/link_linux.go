package native

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
)

// link is the connection to a holder: requests in any order, replies by their number.
type link struct {
	conn *net.UnixConn
	done chan struct{} // closed when the holder is gone

	mu    sync.Mutex
	next  uint64
	calls map[uint64]chan reply
}

// reply is a holder's reply and the descriptors that came with it.
type reply struct {
	inside.Reply
	files []int
}

// errGone is what a request gets whose holder is no more.
var errGone = errors.New("the sandbox is gone")

// newLink makes a link and returns the other end for the holder.
func newLink() (*link, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "holder"), os.NewFile(uintptr(pair[1]), "holder")
	conn, err := net.FileConn(ours)
	_ = ours.Close() // conn is a duplicate
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("make socket pair: %w", err)
	}
	l := &link{conn: conn.(*net.UnixConn), done: make(chan struct{}), calls: map[uint64]chan reply{}}
	go l.receive()
	return l, theirs, nil
}

// close ends the link, and with it its holder.
func (l *link) close() { _ = l.conn.Close() }

// send sends a request; its replies arrive on the channel, until forget. The files stay
// the caller's.
func (l *link) send(req inside.Request, files ...*os.File) (uint64, <-chan reply, error) {
	l.mu.Lock()
	l.next++
	req.ID = l.next
	replies := make(chan reply, 2) // no operation has more
	l.calls[req.ID] = replies
	l.mu.Unlock()
	text, err := json.Marshal(req)
	if err == nil && len(text) > inside.MaxPacket {
		err = errors.New("request too long")
	}
	if err == nil {
		var fds []int
		for _, f := range files {
			fds = append(fds, int(f.Fd()))
		}
		var oob []byte
		if len(fds) > 0 {
			oob = unix.UnixRights(fds...)
		}
		_, _, err = l.conn.WriteMsgUnix(text, oob, nil)
	}
	if err != nil {
		l.forget(req.ID)
		return 0, nil, fmt.Errorf("%s: %w", req.Op, errors.Join(errGone, err))
	}
	return req.ID, replies, nil
}

// call sends a request and waits for its first reply.
func (l *link) call(ctx context.Context, req inside.Request, files ...*os.File) (reply, error) {
	id, replies, err := l.send(req, files...)
	if err != nil {
		return reply{}, err
	}
	defer l.forget(id)
	return l.wait(ctx, replies)
}

// wait waits for a reply; what it says of an error is the error.
func (l *link) wait(ctx context.Context, replies <-chan reply) (reply, error) {
	select {
	case r := <-replies:
		return r, r.failure()
	case <-l.done:
		select { // it may have come before the end
		case r := <-replies:
			return r, r.failure()
		default:
			return reply{}, errGone
		}
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
}

func (r reply) failure() error {
	if r.Err == "" {
		return nil
	}
	return errors.New(r.Err)
}

// signal sends a signal to what an earlier request started.
func (l *link) signal(ctx context.Context, target uint64, sig syscall.Signal) error {
	_, err := l.call(ctx, inside.Request{Op: inside.OpSignal, Target: target, Signal: int(sig)})
	return err
}

// kill ends what a request starts, and returns when it has ended or never began. It may
// not have been started yet, so once is not enough.
func (l *link) kill(target uint64, replies <-chan reply) {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if l.signal(context.Background(), target, unix.SIGKILL) != nil {
			return // the holder is gone, and all with it
		}
		select {
		case r := <-replies:
			if r.Exited || r.Err != "" {
				return
			}
		case <-again.C:
		case <-l.done:
			return
		}
	}
}

// forget drops a request; descriptors that came for it are closed.
func (l *link) forget(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	replies := l.calls[id]
	delete(l.calls, id)
	for {
		select {
		case r := <-replies:
			closeFDs(r.files)
		default:
			return
		}
	}
}

func (l *link) receive() {
	defer close(l.done)
	defer l.close()
	text, oob := make([]byte, inside.MaxPacket), make([]byte, unix.CmsgSpace(4*inside.MaxFiles))
	for {
		n, oobn, _, _, err := l.conn.ReadMsgUnix(text, oob)
		if err != nil || n == 0 {
			return
		}
		var r reply
		if r.files, err = inside.Files(oob[:oobn]); err != nil {
			return
		}
		if err := json.Unmarshal(text[:n], &r.Reply); err != nil {
			closeFDs(r.files)
			return
		}
		l.deliver(r)
	}
}

func (l *link) deliver(r reply) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.calls[r.ID] <- r: // a nil channel takes nothing
	default:
		closeFDs(r.files)
	}
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd)
	}
}
