package inside

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// controlFile is the descriptor at which a holder finds its socket.
const controlFile = 3

// MaxPacket bounds the JSON of a Request or Reply, MaxFiles the files beside it; what may
// be larger travels as a file.
const (
	MaxPacket = 16 << 10
	MaxFiles  = 16
)

// receive reads one request and the files that came with it; io.EOF when the other side
// is gone.
func receive(conn int) (Request, []int, error) {
	var req Request
	text, oob := make([]byte, MaxPacket), make([]byte, unix.CmsgSpace(4*MaxFiles))
	var n, oobn int
	err := retry(func() (err error) {
		n, oobn, _, _, err = unix.Recvmsg(conn, text, oob, unix.MSG_CMSG_CLOEXEC)
		return err
	})
	if err != nil {
		return req, nil, fmt.Errorf("read request: %w", err)
	}
	if n == 0 {
		return req, nil, io.EOF
	}
	files, err := Files(oob[:oobn])
	if err != nil {
		return req, nil, err
	}
	if err := json.Unmarshal(text[:n], &req); err != nil {
		return req, files, fmt.Errorf("read request: %w", err)
	}
	return req, files, nil
}

// Files are the descriptors in a control message.
func Files(oob []byte) ([]int, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, fmt.Errorf("read control message: %w", err)
	}
	var files []int
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return files, fmt.Errorf("read descriptors: %w", err)
		}
		files = append(files, fds...)
	}
	return files, nil
}

// send writes one reply. Packets are whole, so it needs no lock.
func send(conn int, r Reply) error {
	const most = MaxPacket / 2 // an error may quote what is long
	if len(r.Err) > most {
		r.Err = r.Err[:most]
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var oob []byte
	if len(r.files) > 0 {
		oob = unix.UnixRights(r.files...)
	}
	return retry(func() error { return unix.Sendmsg(conn, text, oob, nil, unix.MSG_NOSIGNAL) })
}

// readPlan reads a plan from a memory file and closes it.
func readPlan(fd int) (Plan, error) {
	f := os.NewFile(uintptr(fd), "plan")
	defer f.Close()
	var p Plan
	if err := json.NewDecoder(io.NewSectionReader(f, 0, 1<<30)).Decode(&p); err != nil {
		return p, fmt.Errorf("read plan: %w", err)
	}
	return p, nil
}

// retry calls again what a signal interrupted.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		_ = unix.Close(fd) // was only passed on
	}
}
