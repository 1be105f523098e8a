package blobs

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"strings"
)

// Valid tells whether d is a digest of an algorithm that is supported: "sha256:" with 64
// lower-case hexadecimal digits, or "sha512:" with 128.
func Valid(d string) bool {
	algorithm, digits, _ := strings.Cut(d, ":")
	switch algorithm {
	case "sha256":
		return len(digits) == 2*sha256.Size && isHex(digits)
	case "sha512":
		return len(digits) == 2*sha512.Size && isHex(digits)
	}
	return false
}

func isHex(s string) bool {
	return strings.Trim(s, "0123456789abcdef") == ""
}

// newHash returns the hash of the algorithm that a digest names, SHA-256 for any other.
func newHash(d string) hash.Hash {
	if strings.HasPrefix(d, "sha512:") {
		return sha512.New()
	}
	return sha256.New()
}

func format(algorithm string, h hash.Hash) string {
	return algorithm + ":" + hex.EncodeToString(h.Sum(nil))
}

// Of returns b's digest by the algorithm that like names, SHA-256 when like is no digest:
// Of(b, reference) is what a manifest must be pushed as.
func Of(b []byte, like string) string {
	h := newHash(like)
	_, _ = h.Write(b) // a hash takes everything
	if h.Size() == sha512.Size {
		return format("sha512", h)
	}
	return format("sha256", h)
}
