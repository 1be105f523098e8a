package wire

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/wire/sigv4"
)

// chunkReader reads a body in aws-chunked form: "HEXSIZE;chunk-signature=…\r\n" before each
// piece, a piece of size 0 at the end, trailers such as x-amz-checksum-crc32 behind it.
type chunkReader struct {
	src  *bufio.Reader
	left int64 // bytes of the current chunk
	size int64 // bytes of all chunks so far

	promised int64 // bytes of all; -1 is unknown
	err      error // once it is over
	trailer  http.Header

	verify    *sigv4.Chunks // nil: signatures are not asked for
	signature string        // of the current chunk
	piece     hash.Hash     // of the current chunk
	sum       *checksum     // of it all, or nil
}

func newChunkReader(r io.Reader) *chunkReader {
	return &chunkReader{src: bufio.NewReader(r), piece: sha256.New(), trailer: http.Header{}, promised: -1}
}

const maxChunkLine = 4096

func errChunk() error {
	return failure("InvalidChunkSizeError", "The body is not in aws-chunked form.")
}

func (c *chunkReader) Read(p []byte) (int, error) {
	if c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	n, err := c.src.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	c.size += int64(n)
	c.piece.Write(p[:n])
	if c.sum != nil {
		c.sum.Write(p[:n])
	}
	if err == nil && c.left == 0 {
		err = c.endOfChunk()
	}
	c.err = noEOF(err)
	return n, c.err
}

// noEOF: the end of the source is never the end of a chunked body.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next reads the line before a chunk, and all that follows the last.
func (c *chunkReader) next() error {
	line, err := c.line()
	if err != nil {
		return err
	}
	size, extension, _ := strings.Cut(line, ";")
	if c.left, err = strconv.ParseInt(strings.TrimSpace(size), 16, 63); err != nil || c.left < 0 {
		return errChunk()
	}
	c.signature = strings.TrimPrefix(extension, "chunk-signature=")
	if c.left > 0 {
		return nil
	}
	if err := c.checkChunk(); err != nil {
		return err
	}
	return c.end()
}

func (c *chunkReader) endOfChunk() error {
	line, err := c.line()
	if err != nil {
		return err
	}
	if line != "" {
		return errChunk()
	}
	return c.checkChunk()
}

func (c *chunkReader) checkChunk() error {
	defer c.piece.Reset()
	if c.verify != nil && !c.verify.Chunk(c.piece.Sum(nil), c.signature) {
		return failure("SignatureDoesNotMatch", "%s", mismatch)
	}
	return nil
}

// end reads the trailers and checks them. It returns io.EOF if all is right.
func (c *chunkReader) end() error {
	var canonical strings.Builder
	for {
		line, err := c.line()
		if errors.Is(err, io.ErrUnexpectedEOF) || err == nil && line == "" {
			break // some clients leave out the last line end
		}
		if err != nil {
			return err
		}
		name, value, _ := strings.Cut(line, ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		c.trailer.Set(name, value)
		if name != "x-amz-trailer-signature" {
			canonical.WriteString(name + ":" + value + "\n")
		}
		if canonical.Len() > maxChunkLine {
			return errChunk()
		}
	}
	if c.verify != nil && canonical.Len() > 0 && !c.verify.Trailer(canonical.String(), c.trailer.Get("x-amz-trailer-signature")) {
		return failure("SignatureDoesNotMatch", "%s", mismatch)
	}
	if c.promised >= 0 && c.size != c.promised {
		return failure("IncompleteBody", "The request body terminated unexpectedly")
	}
	if c.sum != nil {
		if err := c.sum.check(c.trailer.Get(c.sum.header)); err != nil {
			return err
		}
	}
	return io.EOF
}

func (c *chunkReader) line() (string, error) {
	var b []byte
	for {
		part, err := c.src.ReadSlice('\n')
		if len(b)+len(part) > maxChunkLine {
			return "", errChunk()
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
