package wire

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
)

// read takes the request's body as it was sent (and signed) into x.raw, and decoded into
// x.body. It reads once.
func (x *exchange) read() error {
	if x.raw != nil {
		return nil
	}
	limit := x.srv.opts.MaxBody
	if x.r.ContentLength > limit {
		return tooLarge(limit)
	}
	raw, err := readAll(x.r.Body, x.r.ContentLength, limit)
	if err != nil {
		return err
	}
	x.raw, x.body = raw, raw
	encodings := x.r.Header.Get("Content-Encoding")
	for enc := range strings.SplitSeq(encodings, ",") {
		switch strings.ToLower(strings.TrimSpace(enc)) {
		case "gzip":
			if x.body, err = gunzip(x.body, limit); err != nil {
				return err
			}
		case "aws-chunked":
			if x.body, err = readAll(newChunkReader(bytes.NewReader(x.body)), -1, limit); err != nil {
				return err
			}
		}
	}
	return nil
}

// readAll reads at most limit bytes; size is a hint, -1 if unknown. It never returns nil bytes
// without an error.
func readAll(r io.Reader, size, limit int64) ([]byte, error) {
	if r == nil || size == 0 {
		return []byte{}, nil
	}
	capacity := int64(512)
	if size > 0 && size <= 1<<20 {
		capacity = size + 1 // room to see the end without growing
	}
	buf := make([]byte, 0, capacity)
	for {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > limit {
			return nil, tooLarge(limit)
		}
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return nil, badBody(err)
		}
	}
}

func gunzip(b []byte, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, badBody(err)
	}
	return readAll(z, -1, limit)
}
