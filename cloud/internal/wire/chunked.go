package wire

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// chunkReader reads a body in aws-chunked form: "HEXSIZE;chunk-signature=…\r\n" before each
// piece, a piece of size 0 at the end, trailers such as x-amz-checksum-crc32 behind it.
type chunkReader struct {
	src  *bufio.Reader
	left int64 // bytes of the current chunk
	done bool

	trailer map[string]string
}

func newChunkReader(r io.Reader) *chunkReader {
	return &chunkReader{src: bufio.NewReader(r), trailer: map[string]string{}}
}

const maxChunkLine = 4096

var errChunk = errors.New("malformed aws-chunked body")

func (c *chunkReader) Read(p []byte) (int, error) {
	if c.done {
		return 0, io.EOF
	}
	if c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
		if c.done {
			return 0, io.EOF
		}
	}
	if int64(len(p)) > c.left {
		p = p[:c.left]
	}
	n, err := c.src.Read(p)
	c.left -= int64(n)
	if c.left == 0 && err == nil {
		err = c.endOfChunk()
	}
	return n, noEOF(err)
}

// noEOF: the end of the source is never the end of a chunked body.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (c *chunkReader) next() error {
	line, err := c.line()
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(line, ";")
	if c.left, err = strconv.ParseInt(strings.TrimSpace(size), 16, 63); err != nil || c.left < 0 {
		return fmt.Errorf("%w: chunk size %q", errChunk, size)
	}
	if c.left == 0 {
		c.done = true
		return c.readTrailer()
	}
	return nil
}

func (c *chunkReader) endOfChunk() error {
	line, err := c.line()
	if err == nil && line != "" {
		err = errChunk
	}
	return err
}

func (c *chunkReader) readTrailer() error {
	for {
		line, err := c.line()
		if errors.Is(err, io.ErrUnexpectedEOF) || err == nil && line == "" {
			return nil // some clients leave out the last line end
		}
		if err != nil {
			return err
		}
		name, value, _ := strings.Cut(line, ":")
		c.trailer[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
}

func (c *chunkReader) line() (string, error) {
	var b []byte
	for {
		part, err := c.src.ReadSlice('\n')
		if len(b)+len(part) > maxChunkLine {
			return "", fmt.Errorf("%w: line too long", errChunk)
		}
		b = append(b, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return "", noEOF(err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
}
