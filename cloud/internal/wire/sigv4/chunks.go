package sigv4

import "encoding/hex"

// Chunks verifies the signatures of a streamed body's chunks, each of which covers the one
// before; the first covers the request's own.
type Chunks struct {
	key      []byte
	stamp    string
	scope    string
	previous string
}

const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Chunks begins the chain of a request whose signature holds under key.
func (s *Signature) Chunks(key []byte) *Chunks {
	return &Chunks{key: key, stamp: s.Stamp, scope: s.Scope(), previous: s.Signature}
}

// Chunk reports whether the next chunk, of which sum is the SHA-256, has this signature.
func (c *Chunks) Chunk(sum []byte, signature string) bool {
	return c.next("AWS4-HMAC-SHA256-PAYLOAD\n"+c.stamp+"\n"+c.scope+"\n"+c.previous+"\n"+emptyHash+"\n"+hex.EncodeToString(sum), signature)
}

// Trailer reports whether the trailing headers, in canonical form ("name:value\n"), have
// this signature.
func (c *Chunks) Trailer(canonical, signature string) bool {
	return c.next("AWS4-HMAC-SHA256-TRAILER\n"+c.stamp+"\n"+c.scope+"\n"+c.previous+"\n"+Hash([]byte(canonical)), signature)
}

func (c *Chunks) next(text, signature string) bool {
	if !matches(c.key, text, signature) {
		return false
	}
	c.previous = signature
	return true
}
