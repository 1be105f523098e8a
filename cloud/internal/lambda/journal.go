package lambda

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// tailSize is how much of an invocation's log a caller can see at once.
const tailSize = 4 << 10

// journal is an environment's log: what its container writes into a file, with Lambda's
// own lines between.
type journal struct {
	file *os.File // what the container writes, read from the start
	sink func(at time.Time, line []byte) error
	log  *slog.Logger

	mu      sync.Mutex
	partial []byte // a line that has not ended
	tail    []byte // of the present invocation
}

// openJournal makes the file that a container shall write into.
func openJournal(path string, sink func(time.Time, []byte) error, log *slog.Logger) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a function's log: %w", err)
	}
	return &journal{file: f, sink: sink, log: log}, nil
}

// begin forgets the tail of the last invocation.
func (j *journal) begin() {
	j.drain(0)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tail = nil
}

// say writes one of Lambda's own lines.
func (j *journal) say(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line(fmt.Appendf(nil, format, args...))
}

// line publishes a line. j.mu is held.
func (j *journal) line(b []byte) {
	j.tail = append(append(j.tail, b...), '\n')
	if n := len(j.tail) - tailSize; n > 0 {
		j.tail = j.tail[n:]
	}
	if j.sink == nil {
		return
	}
	if err := j.sink(time.Now(), bytes.Clone(b)); err != nil {
		j.log.Warn("a line of a function's log is lost", "error", err)
		j.sink = nil // said once
	}
}

// recent is the tail of the present invocation's log.
func (j *journal) recent() []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Clone(j.tail)
}

// drain publishes what the container has written. What is on its way from the program to
// the file is waited for, as long as more comes within the time given.
func (j *journal) drain(settle time.Duration) {
	buf := make([]byte, 32<<10)
	for waited := settle <= 0; ; {
		n, err := j.file.Read(buf)
		j.mu.Lock()
		j.split(buf[:n])
		j.mu.Unlock()
		switch {
		case n > 0:
			waited = settle <= 0
		case err != nil && err != io.EOF:
			j.log.Warn("a function's log cannot be read", "error", err)
			return
		case waited:
			return
		default:
			time.Sleep(settle)
			waited = true
		}
	}
}

// maxLine is how long a line can be before it is cut.
const maxLine = 256 << 10

func (j *journal) split(b []byte) {
	j.partial = append(j.partial, b...)
	for {
		i := bytes.IndexByte(j.partial, '\n')
		if i < 0 && len(j.partial) < maxLine {
			return
		}
		if i < 0 {
			i = len(j.partial)
		}
		j.line(bytes.TrimSuffix(j.partial[:i], []byte("\r")))
		j.partial = j.partial[min(i+1, len(j.partial)):]
	}
}

// close publishes the rest and removes the file.
func (j *journal) close() {
	j.drain(0)
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.partial) > 0 {
		j.line(j.partial)
		j.partial = nil
	}
	_ = j.file.Close() // only read
	if err := os.Remove(j.file.Name()); err != nil {
		j.log.Warn("a function's log is left behind", "error", err)
	}
}
