package h1

import "bytes"

// Field is one header line.
type Field struct {
	Name, Value []byte
	Kind        Kind
}

// Kind tells fields apart that a relay treats in a way of their own.
type Kind uint8

// Hop stands for all fields that concern one connection only and are never passed on.
const (
	Other Kind = iota
	Host
	Connection
	ContentLength
	TransferEncoding
	Upgrade
	Expect
	Hop
	Trailer
	Cookie
	SetCookie
	ForwardedFor
	ForwardedProto
	ForwardedPort
	TraceID
)

var kinds = map[string]Kind{
	"host": Host, "connection": Connection, "content-length": ContentLength,
	"transfer-encoding": TransferEncoding, "upgrade": Upgrade, "expect": Expect,
	"keep-alive": Hop, "proxy-connection": Hop, "te": Hop, "trailer": Trailer,
	"cookie": Cookie, "set-cookie": SetCookie, "x-forwarded-for": ForwardedFor,
	"x-forwarded-proto": ForwardedProto, "x-forwarded-port": ForwardedPort, "x-amzn-trace-id": TraceID,
}

const longestKind = len("x-forwarded-proto")

// KindOf classifies a field name, whatever its case.
func KindOf(name []byte) Kind {
	var low [longestKind]byte
	if len(name) > len(low) {
		return Other
	}
	for i, c := range name {
		low[i] = lower(c)
	}
	return kinds[string(low[:len(name)])]
}

// parseFields appends the header lines of b, which ends with an empty line.
func parseFields(fields []Field, b []byte) ([]Field, error) {
	for len(b) > 2 {
		i := bytes.IndexByte(b, '\n')
		line := b[:i-1]
		b = b[i+1:]
		f, err := parseField(line)
		if err != nil {
			return fields, err
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func parseField(line []byte) (Field, error) {
	if line[0] == ' ' || line[0] == '\t' {
		return Field{}, errFold
	}
	i := bytes.IndexByte(line, ':')
	if i <= 0 || !all(line[:i], tokenChar) {
		return Field{}, errName
	}
	v := trim(line[i+1:])
	if !all(v, valueChar) {
		return Field{}, errValue
	}
	return Field{Name: line[:i], Value: v, Kind: KindOf(line[:i])}, nil
}

// framing gathers what decides where a message ends and whether its connection lives on.
type framing struct {
	length  int64 // -1 unknown
	chunked bool
	close   bool
	keep    bool
	upgrade bool // named in Connection
	options [][]byte
}

func (m *framing) add(f Field) (err error) {
	switch f.Kind {
	case ContentLength:
		if m.length >= 0 {
			return errLength
		}
		m.length, err = parseLength(f.Value)
	case TransferEncoding:
		if m.chunked || !EqualFold(f.Value, "chunked") {
			return errCoding
		}
		m.chunked = true
	case Connection:
		m.connection(f.Value)
	}
	return err
}

func (m *framing) connection(v []byte) {
	for option := range bytes.SplitSeq(v, comma) {
		switch option = trim(option); {
		case EqualFold(option, "close"):
			m.close = true
		case EqualFold(option, "keep-alive"):
			m.keep = true
		case EqualFold(option, "upgrade"):
			m.upgrade = true
		case len(option) > 0:
			m.options = append(m.options, option)
		}
	}
}

var comma = []byte{','}

// parseLength reads digits only, no sign, no list, and far from overflow.
func parseLength(v []byte) (int64, error) {
	if len(v) == 0 || len(v) > 18 {
		return -1, errLength
	}
	var n int64
	for _, c := range v {
		if c < '0' || c > '9' {
			return -1, errLength
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}
