package h1

import "bytes"

// Limits on heads, in bytes: those of application load balancers.
const (
	MaxLine         = 16 << 10
	MaxRequestHead  = 64 << 10
	MaxResponseHead = 32 << 10
)

// Scanner finds the end of a head that arrives in pieces. The zero Scanner stands at the
// start of a message.
type Scanner struct {
	line int // where the line starts that is not complete yet
}

// Scan looks at b, which holds the message from its start on, and returns the length of
// the head including its empty line, or 0 as long as that is not known. Between calls b
// may only grow.
func (s *Scanner) Scan(b []byte, max int) (int, error) {
	for {
		i := bytes.IndexByte(b[s.line:], '\n')
		if i < 0 {
			return 0, s.limits(len(b), max)
		}
		if i == 0 || b[s.line+i-1] != '\r' {
			return 0, errLineFeed
		}
		start := s.line
		s.line += i + 1
		if i == 1 && start > 0 {
			return s.line, s.limits(s.line, max)
		}
		if i > MaxLine {
			return 0, tooLong(start)
		}
	}
}

func (s *Scanner) limits(size, max int) error {
	if size > max {
		return errLongHead
	}
	if size-s.line > MaxLine {
		return tooLong(s.line)
	}
	return nil
}

func tooLong(start int) error {
	if start == 0 {
		return errLongURI
	}
	return errLongLine
}
