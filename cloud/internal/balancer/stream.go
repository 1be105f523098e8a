package balancer

import (
	"net"
	"sync"

	"github.com/turnoutdev/turnout/cloud/internal/balancer/h1"
)

// stream is a connection and what was read ahead of it.
type stream struct {
	net.Conn
	buf  *[]byte
	r, w int // what is read ahead is (*buf)[r:w]
	scan h1.Scanner
}

// Sizes of buffers: clients that are idle hold a small one, requests in flight a medium
// one for the response, and only unusually long heads need a large one.
const (
	small  = 4 << 10
	medium = 16 << 10
	large  = 64 << 10
)

var (
	buffers = map[int]*sync.Pool{small: bufferPool(small), medium: bufferPool(medium), large: bufferPool(large)}
	// copyBuffers carry bodies that the kernel cannot splice.
	copyBuffers = bufferPool(32 << 10)
)

func bufferPool(size int) *sync.Pool {
	return &sync.Pool{New: func() any { b := make([]byte, size); return &b }}
}

// ahead is what was read and not yet used.
func (s *stream) ahead() []byte {
	if s.buf == nil {
		return nil
	}
	return (*s.buf)[s.r:s.w]
}

// skip marks n bytes as used. They stay readable until the next fill.
func (s *stream) skip(n int) {
	s.r += n
	s.scan = h1.Scanner{}
}

// reserve makes the buffer as large as one of the sizes.
func (s *stream) reserve(size int) {
	if s.buf != nil && len(*s.buf) >= size {
		return
	}
	var more *[]byte
	if p := buffers[size]; p != nil {
		more = p.Get().(*[]byte)
	} else {
		b := make([]byte, size)
		more = &b
	}
	w := copy(*more, s.ahead())
	s.free()
	s.buf, s.w = more, w
}

// fill reads more. What ahead returned before is no longer valid then.
func (s *stream) fill() error {
	switch {
	case s.buf == nil:
		s.reserve(small)
	case s.r > 0:
		s.w = copy(*s.buf, (*s.buf)[s.r:s.w])
		s.r = 0
	}
	if s.w == len(*s.buf) {
		s.reserve(4 * len(*s.buf))
	}
	n, err := s.Conn.Read((*s.buf)[s.w:])
	s.w += n
	if n > 0 {
		return nil
	}
	return err
}

// free gives the buffer back.
func (s *stream) free() {
	if s.buf == nil {
		return
	}
	if p := buffers[len(*s.buf)]; p != nil {
		p.Put(s.buf)
	}
	s.buf, s.r, s.w = nil, 0, 0
}

// head is the head of the next message, or nil as long as it is not complete. It is not
// marked as used.
func (s *stream) head(most int) ([]byte, error) {
	b := s.ahead()
	n, err := s.scan.Scan(b, most)
	if n == 0 {
		return nil, err
	}
	return b[:n], err
}

// readHead reads until the head of a message is complete.
func (s *stream) readHead(most int) ([]byte, error) {
	for {
		if head, err := s.head(most); head != nil || err != nil {
			return head, err
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}
