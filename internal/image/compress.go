package image

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// decompress reads gzip, zstd, bzip2 or plain content, whichever it is. Closing the
// result closes rc.
func decompress(rc io.ReadCloser) (io.ReadCloser, error) {
	b := bufio.NewReaderSize(rc, 64<<10)
	head, err := b.Peek(6)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, rc.Close())
	}
	var r io.Reader = b
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		r, err = gzip.NewReader(b)
	case bytes.HasPrefix(head, []byte("\x28\xb5\x2f\xfd")):
		r, err = zstd.NewReader(b, zstd.WithDecoderConcurrency(1))
	case bytes.HasPrefix(head, []byte("BZh")):
		r, err = bzip2.NewReader(b), nil
	case bytes.Equal(head, []byte("\xfd7zXZ\x00")):
		err = fmt.Errorf("%w: xz is beyond the builtin builder; install docker, podman or buildah", ErrInput)
	default:
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, rc.Close())
	}
	return &decompressed{r, rc}, nil
}

type decompressed struct {
	io.Reader
	under io.Closer
}

func (d *decompressed) Close() error {
	if z, ok := d.Reader.(*zstd.Decoder); ok {
		z.Close()
	}
	return d.under.Close()
}
