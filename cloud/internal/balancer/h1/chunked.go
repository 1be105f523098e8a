package h1

import "bytes"

const (
	maxChunkLine = 4 << 10
	maxTrailer   = MaxLine
	maxChunkSize = 1<<62 - 1
)

// Decoder takes a chunked body apart. The zero Decoder stands at the start of a body.
type Decoder struct {
	state   state
	left    int64  // of the chunk
	line    []byte // collects a line that arrived in pieces
	trailer []byte // all complete trailer lines
}

type state uint8

const (
	sizeLine state = iota
	chunkData
	dataEnd // CR LF after a chunk
	trailerLine
	complete
)

// Reset makes d stand at the start of a body and keeps its memory.
func (d *Decoder) Reset() { *d = Decoder{line: d.line[:0], trailer: d.trailer[:0]} }

// Done reports that the whole body has been read.
func (d *Decoder) Done() bool { return d.state == complete }

// Next reads from b up to the end of the next piece of data, of the body, or of b. It
// returns the data, which lies within b, and how many bytes of b were taken.
func (d *Decoder) Next(b []byte) (data []byte, n int, err error) {
	for n < len(b) && d.state != complete {
		if d.state == chunkData {
			k := int(min(d.left, int64(len(b)-n)))
			if d.left -= int64(k); d.left == 0 {
				d.state = dataEnd
			}
			return b[n : n+k], n + k, nil
		}
		i := bytes.IndexByte(b[n:], '\n')
		if i < 0 {
			d.line = append(d.line, b[n:]...)
			return nil, len(b), d.lineLimit()
		}
		line := b[n : n+i+1]
		if len(d.line) > 0 {
			d.line = append(d.line, line...)
			line = d.line
		}
		n += i + 1
		if err := d.take(line); err != nil {
			return nil, n, err
		}
		d.line = d.line[:0]
	}
	return nil, n, nil
}

func (d *Decoder) lineLimit() error {
	if len(d.line) > maxChunkLine || d.state == dataEnd && len(d.line) > 1 {
		return errLongChunk
	}
	return nil
}

// take handles one line including its line feed.
func (d *Decoder) take(line []byte) error {
	if len(line) > maxChunkLine {
		return errLongChunk
	}
	if len(line) < 2 || line[len(line)-2] != '\r' {
		return errLineFeed
	}
	line = line[:len(line)-2]
	switch d.state {
	case sizeLine:
		return d.size(line)
	case dataEnd:
		if len(line) > 0 {
			return errChunk
		}
		d.state = sizeLine
	case trailerLine:
		return d.trail(line)
	}
	return nil
}

// size reads a chunk's first line. Extensions are checked and forgotten.
func (d *Decoder) size(line []byte) error {
	digits, extension, extended := cut(line, ';')
	if extended {
		digits = trim(digits)
	}
	if len(digits) == 0 || len(digits) > 16 || !all(extension, valueChar) {
		return errChunk
	}
	var n uint64
	for _, c := range digits {
		h, ok := hex(c)
		if !ok {
			return errChunk
		}
		n = n<<4 | uint64(h)
	}
	if n > maxChunkSize {
		return errChunk
	}
	d.left, d.state = int64(n), chunkData
	if n == 0 {
		d.state = trailerLine
	}
	return nil
}

func hex(c byte) (byte, bool) {
	switch l := lower(c); {
	case digit(c):
		return c - '0', true
	case l >= 'a' && l <= 'f':
		return l - 'a' + 10, true
	}
	return 0, false
}

// trail keeps a trailer line unless its name is one that frames or routes messages.
func (d *Decoder) trail(line []byte) error {
	if len(line) == 0 {
		d.state = complete
		return nil
	}
	f, err := parseField(line)
	if err != nil {
		return err
	}
	if f.Kind != Other {
		return nil
	}
	if len(d.trailer)+len(line) > maxTrailer {
		return errLongChunk
	}
	d.trailer = append(append(d.trailer, line...), "\r\n"...)
	return nil
}

// Trailer is the trailer section as it may be passed on: complete lines, or nothing.
func (d *Decoder) Trailer() []byte { return d.trailer }

// AppendChunk appends data, which is not empty, as one chunk.
func AppendChunk(dst, data []byte) []byte {
	dst = AppendHex(dst, uint64(len(data)))
	dst = append(dst, "\r\n"...)
	dst = append(dst, data...)
	return append(dst, "\r\n"...)
}

// AppendEnd appends the end of a chunked body with a trailer section, which may be empty.
func AppendEnd(dst, trailer []byte) []byte {
	dst = append(dst, "0\r\n"...)
	dst = append(dst, trailer...)
	return append(dst, "\r\n"...)
}

// AppendHex appends n in lower case hexadecimal digits.
func AppendHex(dst []byte, n uint64) []byte {
	const digits = "0123456789abcdef"
	shift := 60
	for shift > 0 && n>>shift == 0 {
		shift -= 4
	}
	for ; shift >= 0; shift -= 4 {
		dst = append(dst, digits[n>>shift&15])
	}
	return dst
}
