package codec

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// jsonScanner walks over JSON text. After an error it stands at the end and every method
// returns at once, so callers need not check in between.
type jsonScanner struct {
	track
	src []byte
	pos int
}

func (d *jsonScanner) fail(format string, args ...any) {
	d.track.fail(format, args...)
	d.pos = len(d.src)
}

// peek returns the next byte after white space, or 0 at the end.
func (d *jsonScanner) peek() byte {
	for d.pos < len(d.src) {
		switch c := d.src[d.pos]; c {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return c
		}
	}
	return 0
}

func (d *jsonScanner) expect(c byte) {
	switch got := d.peek(); {
	case got == c && c != 0:
		d.pos++
	case d.pos >= len(d.src):
		d.fail("Unexpected end of input.")
	default:
		d.fail("Unexpected character %q at offset %d, expected %q.", got, d.pos, c)
	}
}

func (d *jsonScanner) literal(s string) {
	if len(d.src)-d.pos < len(s) || string(d.src[d.pos:d.pos+len(s)]) != s {
		d.fail("Unrecognized token at offset %d.", d.pos)
		return
	}
	d.pos += len(s)
}

// more reports whether another element follows in an object or array that ends with end;
// it consumes the comma before it, or the end. first says that none was read yet.
func (d *jsonScanner) more(first bool, end byte) bool {
	if d.err != nil {
		return false
	}
	if d.peek() == end {
		d.pos++
		return false
	}
	if !first {
		d.expect(',')
	}
	return d.err == nil
}

// key reads a member's name and its colon.
func (d *jsonScanner) key() []byte {
	k := d.str()
	d.expect(':')
	return k
}

// str reads a string. The result aliases the source unless there were escapes.
func (d *jsonScanner) str() []byte {
	d.expect('"')
	start, escaped := d.pos, false
	for ; d.pos < len(d.src); d.pos++ {
		switch c := d.src[d.pos]; {
		case c == '"':
			d.pos++
			return d.content(start, escaped)
		case c == '\\':
			escaped = true
			d.pos++
		case c < 0x20:
			d.fail("Unescaped control character in a string at offset %d.", d.pos)
			return nil
		}
	}
	d.fail("Unexpected end of input.")
	return nil
}

// content returns the string between start and the quote just read, as valid UTF-8.
func (d *jsonScanner) content(start int, escaped bool) []byte {
	raw := d.src[start : d.pos-1]
	if !escaped {
		if utf8.Valid(raw) {
			return raw
		}
		return bytes.ToValidUTF8(raw, []byte("\ufffd"))
	}
	var s string
	if err := json.Unmarshal(d.src[start-1:d.pos], &s); err != nil {
		d.fail("Malformed string at offset %d.", start)
		return nil
	}
	return []byte(s)
}

// number reads a number's text and checks JSON's grammar no further than its alphabet;
// strconv refuses the rest.
func (d *jsonScanner) number() []byte {
	start := d.pos
	for d.pos < len(d.src) {
		switch c := d.src[d.pos]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			d.pos++
			continue
		}
		break
	}
	if start == d.pos {
		d.fail("Unrecognized token at offset %d.", start)
	}
	return d.src[start:d.pos]
}

// skip passes over one value.
func (d *jsonScanner) skip() {
	switch d.peek() {
	case '"':
		d.str()
	case '{':
		d.skipAll('}')
	case '[':
		d.skipAll(']')
	case 't':
		d.literal("true")
	case 'f':
		d.literal("false")
	case 'n':
		d.literal("null")
	default:
		d.number()
	}
}

func (d *jsonScanner) skipAll(end byte) {
	d.pos++
	if !d.nest() {
		d.pos = len(d.src)
		return
	}
	for first := true; d.more(first, end); first = false {
		if end == '}' {
			d.key()
		}
		d.skip()
	}
	d.depth--
}
