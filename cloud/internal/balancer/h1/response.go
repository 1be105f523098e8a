package h1

import "bytes"

// Response is the head of a response.
type Response struct {
	Status  int
	Reason  []byte
	Fields  []Field
	Length  int64 // of the body: bytes, Chunked or UntilClose
	Close   bool  // the connection ends after the response
	Options [][]byte
}

// Parse reads head, whose length a Scanner found, as the answer to a request that had
// the given method. Memory of an earlier use is reused.
func (r *Response) Parse(head []byte, method []byte) error {
	*r = Response{Fields: r.Fields[:0], Options: r.Options[:0]}
	i := bytes.IndexByte(head, '\n')
	minor, err := r.line(head[:i-1])
	if err != nil {
		return err
	}
	if r.Fields, err = parseFields(r.Fields, head[i+1:]); err != nil {
		return err
	}
	m := framing{length: -1, options: r.Options}
	for _, f := range r.Fields {
		if err := m.add(f); err != nil {
			return err
		}
	}
	if m.chunked && (m.length >= 0 || minor == 0) {
		return errFraming
	}
	r.Length = r.bodyLength(m, method)
	r.Close = m.close || minor == 0 && !m.keep || r.Length == UntilClose
	r.Options = m.options
	return nil
}

func (r *Response) line(line []byte) (minor byte, err error) {
	const least = len("HTTP/1.1 200")
	if len(line) < least || line[8] != ' ' || len(line) > least && line[least] != ' ' {
		return 0, errStart
	}
	if minor, err = parseVersion(line[:8]); err != nil {
		return 0, err
	}
	for _, c := range line[9:least] {
		if !digit(c) {
			return 0, errStart
		}
		r.Status = r.Status*10 + int(c-'0')
	}
	if r.Status < 100 {
		return 0, errStart
	}
	r.Reason = trim(line[least:])
	if !all(r.Reason, valueChar) {
		return 0, errStart
	}
	return minor, nil
}

func (r *Response) bodyLength(m framing, method []byte) int64 {
	switch {
	case r.Status < 200 || r.Status == 204 || r.Status == 304 || string(method) == "HEAD":
		return 0
	case m.chunked:
		return Chunked
	case m.length >= 0:
		return m.length
	}
	return UntilClose
}
