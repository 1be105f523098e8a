package image

import (
	"io"
	"sync"
)

// progress tells how much of a push is done.
type progress struct {
	mu          sync.Mutex
	done, total int64
	tell        func(done, total int64)
}

func (p *progress) move(n int64) {
	if p.tell == nil || n == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	p.tell(p.done, p.total)
}

// watched tells progress what is read.
type watched struct {
	r io.Reader
	s *sending
	p *progress
}

func (w *watched) Read(b []byte) (int, error) {
	n, err := w.r.Read(b)
	w.s.sent += int64(n)
	w.p.move(int64(n))
	return n, err
}
