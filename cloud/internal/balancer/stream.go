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

// Buffers: small ones wait with idle clients, large ones carry bodies.
var (
	smallBuffers = sync.Pool{New: func() any { b := make([]byte, 4<<10); return &b }}
	largeBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}
)

// ahead is what was read and not yet used.
func (s *stream) ahead() []byte {
	if s.buf == nil {
		return nil
	}
	return (*s.buf)[s.r:s.w]
}

// skip marks n bytes as used.
func (s *stream) skip(n int) {
	s.r += n
	s.scan = h1.Scanner{}
	if s.r == s.w {
		s.r, s.w = 0, 0
	}
}

// fill reads more. What was returned by ahead is no longer valid then.
func (s *stream) fill() error {
	switch {
	case s.buf == nil:
		s.buf = smallBuffers.Get().(*[]byte)
	case s.r > 0:
		copy(*s.buf, (*s.buf)[s.r:s.w])
		s.r, s.w = 0, s.w-s.r
	}
	if s.w == len(*s.buf) {
		s.grow()
	}
	n, err := s.Conn.Read((*s.buf)[s.w:])
	s.w += n
	if n > 0 {
		return nil
	}
	return err
}

func (s *stream) grow() {
	var more *[]byte
	if len(*s.buf) < 32<<10 {
		more = largeBuffers.Get().(*[]byte)
	} else {
		b := make([]byte, 2*len(*s.buf))
		more = &b
	}
	copy(*more, (*s.buf)[:s.w])
	w := s.w
	s.free()
	s.buf, s.w = more, w
}

// free gives the buffer back.
func (s *stream) free() {
	if s.buf == nil {
		return
	}
	switch len(*s.buf) {
	case 4 << 10:
		smallBuffers.Put(s.buf)
	case 32 << 10:
		largeBuffers.Put(s.buf)
	}
	s.buf, s.r, s.w = nil, 0, 0
}

// readHead reads until the head of a message is complete and returns it. It is not marked
// as used.
func (s *stream) readHead(most int) ([]byte, error) {
	for {
		n, err := s.scan.Scan(s.ahead(), most)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			return s.ahead()[:n], nil
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}
