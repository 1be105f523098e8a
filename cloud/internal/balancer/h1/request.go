package h1

import "bytes"

// Body lengths that are not numbers of bytes.
const (
	Chunked    int64 = -1
	UntilClose int64 = -2 // responses only
)

// Request is the head of a request.
type Request struct {
	Method  []byte
	Target  []byte // from the path on; "*" for the server as a whole
	Host    []byte // of the Host field, or of an absolute target, which takes precedence
	Minor   byte   // of HTTP/1.Minor
	Fields  []Field
	Length  int64    // of the body: bytes, or Chunked
	Close   bool     // the connection ends after the response
	Upgrade bool     // the client offers another protocol
	Expect  bool     // the client waits for 100 Continue before it sends the body
	Options [][]byte // fields that Connection names as concerning this connection only
}

// Parse reads head, whose length a Scanner found. Memory of an earlier use is reused.
func (r *Request) Parse(head []byte) error {
	*r = Request{Fields: r.Fields[:0], Options: r.Options[:0]}
	i := bytes.IndexByte(head, '\n')
	if err := r.line(head[:i-1]); err != nil {
		return err
	}
	var err error
	if r.Fields, err = parseFields(r.Fields, head[i+1:]); err != nil {
		return err
	}
	return r.frame()
}

func (r *Request) line(line []byte) error {
	var rest, version []byte
	var ok bool
	if r.Method, rest, ok = cut(line, ' '); !ok {
		return errStart
	}
	if len(r.Method) == 0 || !all(r.Method, tokenChar) {
		return errMethod
	}
	if r.Target, version, ok = cut(rest, ' '); !ok {
		return errStart
	}
	minor, err := parseVersion(version)
	if err != nil {
		return err
	}
	r.Minor = minor
	return r.target()
}

// parseVersion reads "HTTP/1.0" and "HTTP/1.1".
func parseVersion(v []byte) (minor byte, err error) {
	if len(v) != len("HTTP/1.1") || string(v[:5]) != "HTTP/" || v[6] != '.' || !digit(v[5]) || !digit(v[7]) {
		return 0, errStart
	}
	if v[5] != '1' || v[7] > '1' {
		return 0, errVersion
	}
	return v[7] - '0', nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// target brings the request target into origin form.
func (r *Request) target() error {
	t := r.Target
	switch {
	case len(t) == 0 || !all(t, targetChar):
		return errTarget
	case t[0] == '/':
		return nil
	case len(t) == 1 && t[0] == '*' && string(r.Method) == "OPTIONS":
		return nil
	}
	scheme, rest, ok := bytes.Cut(t, []byte("://"))
	if !ok || !EqualFold(scheme, "http") && !EqualFold(scheme, "https") {
		return errTarget
	}
	i := bytes.IndexAny(rest, "/?")
	if i < 0 {
		r.Host, r.Target = rest, slash
	} else if r.Host, r.Target = rest[:i], rest[i:]; r.Target[0] == '?' {
		return errTarget // needs a slash that is not in the buffer, and nobody sends it
	}
	if len(r.Host) == 0 {
		return errTarget
	}
	return nil
}

var slash = []byte{'/'}

// frame draws from the fields what frames the message.
func (r *Request) frame() error {
	m := framing{length: -1, options: r.Options}
	hosts := 0
	upgrade := false
	for _, f := range r.Fields {
		switch f.Kind {
		case Host:
			if hosts++; len(r.Host) == 0 {
				r.Host = f.Value
			}
		case Upgrade:
			upgrade = true
		case Expect:
			r.Expect = EqualFold(f.Value, "100-continue")
		default:
			if err := m.add(f); err != nil {
				return err
			}
		}
	}
	if hosts > 1 || hosts == 0 && r.Minor == 1 || !all(r.Host, hostChar) {
		return errHost
	}
	if m.chunked && (m.length >= 0 || r.Minor == 0) {
		return errFraming
	}
	r.Length = max(m.length, 0)
	if m.chunked {
		r.Length = Chunked
	}
	r.Close = m.close || r.Minor == 0 && !m.keep
	r.Upgrade = upgrade && m.upgrade && r.Minor == 1
	r.Options = m.options
	return nil
}

// Path is the target without its query.
func (r *Request) Path() []byte {
	path, _, _ := cut(r.Target, '?')
	return path
}

// Query is what follows the target's first question mark.
func (r *Request) Query() []byte {
	_, query, _ := cut(r.Target, '?')
	return query
}
