package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/wire/sigv4"
)

// payload is what a verified request promised of its body.
type payload struct {
	hash   string
	chunks *sigv4.Chunks // nil when nobody authenticated
}

// openBody makes the body of a service's Handler what the client meant: taken out of
// aws-chunked form, and held against the hash, chunk signatures and checksum that the
// request declared. A body that is not what it should be fails to be read, with an error
// that is a smithy.APIError.
func (x *exchange) openBody() {
	r := x.r
	declared := r.Header.Get("X-Amz-Content-Sha256")
	if !strings.HasPrefix(declared, "STREAMING-") {
		if len(x.payload.hash) == 2*sha256.Size {
			r.Body = &hashedBody{body: r.Body, sum: sha256.New(), want: x.payload.hash}
		}
		return
	}
	c := newChunkReader(r.Body)
	if x.payload.chunks != nil && strings.HasPrefix(declared, sigv4.StreamingSigned) {
		c.verify = x.payload.chunks
	}
	c.sum = newChecksum(r.Header.Get("X-Amz-Trailer"))
	r.Trailer = c.trailer
	r.Body = struct {
		io.Reader
		io.Closer
	}{c, r.Body}
	r.ContentLength = -1
	if n, err := strconv.ParseInt(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64); err == nil {
		r.ContentLength, c.promised = n, n
	}
	r.Header = withoutChunked(r.Header)
}

// withoutChunked takes aws-chunked out of the content encodings.
func withoutChunked(h http.Header) http.Header {
	var rest []string
	for enc := range strings.SplitSeq(h.Get("Content-Encoding"), ",") {
		if enc = strings.TrimSpace(enc); enc != "" && enc != "aws-chunked" {
			rest = append(rest, enc)
		}
	}
	h = h.Clone()
	if h.Del("Content-Encoding"); len(rest) > 0 {
		h.Set("Content-Encoding", strings.Join(rest, ","))
	}
	return h
}

// hashedBody is a body whose hash was signed.
type hashedBody struct {
	body io.ReadCloser
	sum  hash.Hash
	want string
}

func (b *hashedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.sum.Write(p[:n])
	if err == io.EOF && hex.EncodeToString(b.sum.Sum(nil)) != b.want {
		return n, failure("XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	return n, err
}

func (b *hashedBody) Close() error { return b.body.Close() }
