package agent

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	// maxLine is where longer lines are split for log sinks, as awslogs does.
	maxLine = 16 << 10
	// A log file is looked at more rarely the longer it has been quiet.
	minPoll = 20 * time.Millisecond
	maxPoll = 400 * time.Millisecond
)

// logFile is the file with what one container wrote.
type logFile struct {
	path  string
	final chan struct{} // closed when nothing will be written any more
	once  sync.Once
}

func (l *logFile) create() error {
	if err := os.MkdirAll(filepath.Dir(l.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (l *logFile) finish() { l.once.Do(func() { close(l.final) }) }

// openLog opens a log for reading. With a final channel it follows the file until that
// is closed and all is read, or ctx ends.
func openLog(ctx context.Context, path string, final <-chan struct{}) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	if final == nil {
		return f, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	return &follower{ctx: ctx, cancel: cancel, file: f, final: final, poll: minPoll}, nil
}

// follower reads a file that grows.
type follower struct {
	ctx    context.Context
	cancel context.CancelFunc
	file   *os.File
	final  <-chan struct{}
	poll   time.Duration
	whole  bool // the file will not grow any more
}

// Read implements io.Reader. It ends with io.EOF when the log is complete, else with the
// cause of the end of ctx.
func (f *follower) Read(p []byte) (int, error) {
	for {
		n, err := f.file.Read(p)
		if n > 0 || (err != nil && err != io.EOF) {
			f.poll = minPoll
			return n, err
		}
		if f.whole {
			return 0, io.EOF
		}
		if err := f.rest(); err != nil {
			return 0, err
		}
	}
}

// rest waits before the file is looked at again.
func (f *follower) rest() error {
	timer := time.NewTimer(f.poll)
	defer timer.Stop()
	select {
	case <-timer.C:
		f.poll = min(2*f.poll, maxPoll)
	case <-f.final:
		f.whole = true
	case <-f.ctx.Done():
		return context.Cause(f.ctx)
	}
	return nil
}

// Close ends a Read that waits, too.
func (f *follower) Close() error {
	f.cancel()
	return f.file.Close()
}

// startTails begins to hand the lines of all containers to the log sink.
func (t *task) startTails() {
	if t.spec.LogSink == nil {
		return
	}
	for name, l := range t.logs {
		t.tails.Go(func() {
			if err := t.tail(name, l); err != nil {
				t.agent.log.Error("log not handed on", "task", t.spec.ID, "container", name, "cause", err)
			}
		})
	}
}

func (t *task) tail(name string, l *logFile) error {
	r, err := openLog(context.Background(), l.path, l.final)
	if err != nil {
		return err
	}
	defer r.Close()
	return eachLine(r, func(line []byte) { t.spec.LogSink(name, time.Now(), line) })
}

// eachLine calls emit with every line, without its end, and with pieces of lines that are
// longer than maxLine. emit may keep the line.
func eachLine(r io.Reader, emit func(line []byte)) error {
	var pending []byte
	buf := make([]byte, maxLine)
	for {
		n, err := r.Read(buf)
		pending = append(pending, buf[:n]...)
		pending = emitWhole(pending, emit)
		if err == io.EOF {
			if len(pending) > 0 {
				emit(pending)
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// emitWhole emits what is complete and returns the rest.
func emitWhole(pending []byte, emit func(line []byte)) []byte {
	for {
		end, skip := bytes.IndexByte(pending, '\n'), 1
		if end > maxLine || (end < 0 && len(pending) > maxLine) {
			end, skip = maxLine, 0
		}
		if end < 0 {
			return pending
		}
		emit(bytes.Clone(pending[:end]))
		pending = pending[end+skip:]
	}
}
