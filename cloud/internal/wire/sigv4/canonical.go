package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What stands for the body's hash when it is not that of the whole body.
const (
	UnsignedPayload        = "UNSIGNED-PAYLOAD"
	StreamingSigned        = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	StreamingSignedTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
	StreamingUnsigned      = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
)

// Hash returns the hexadecimal SHA-256 of b.
func Hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Canonical returns the canonical form of a request. plainPath leaves the path as it was
// sent, as S3 wants it; other services see it escaped once more.
func (s *Signature) Canonical(r *http.Request, payloadHash string, plainPath bool) string {
	var b strings.Builder
	b.WriteString(r.Method)
	b.WriteByte('\n')
	b.WriteString(canonicalPath(r.URL, plainPath))
	b.WriteByte('\n')
	b.WriteString(s.canonicalQuery(r.URL.RawQuery))
	b.WriteByte('\n')
	for _, name := range s.SignedHeaders {
		b.WriteString(name)
		b.WriteByte(':')
		b.WriteString(headerValue(r, name))
		b.WriteByte('\n')
	}
	b.WriteByte('\n')
	b.WriteString(strings.Join(s.SignedHeaders, ";"))
	b.WriteByte('\n')
	b.WriteString(payloadHash)
	return b.String()
}

func canonicalPath(u *url.URL, plain bool) string {
	p := u.EscapedPath()
	if p == "" {
		return "/"
	}
	if plain {
		if raw, err := url.PathUnescape(p); err == nil {
			return escape(raw, true)
		}
	}
	return escape(p, true)
}

// canonicalQuery sorts and re-escapes the query's parameters.
func (s *Signature) canonicalQuery(raw string) string {
	if raw == "" {
		return ""
	}
	var pairs []string
	for pair := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if pair == "" || s.Presigned && k == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, reescape(k)+"="+reescape(v))
	}
	slices.SortFunc(pairs, comparePairs)
	return strings.Join(pairs, "&")
}

// comparePairs orders by name, then by value; comparing the whole would let "=" decide.
func comparePairs(a, b string) int {
	ak, av, _ := strings.Cut(a, "=")
	bk, bv, _ := strings.Cut(b, "=")
	if c := strings.Compare(ak, bk); c != 0 {
		return c
	}
	return strings.Compare(av, bv)
}

func reescape(s string) string {
	if plain, err := url.QueryUnescape(s); err == nil {
		s = plain
	}
	return escape(s, false)
}

// escape percent-encodes all but RFC 3986's unreserved characters.
func escape(s string, keepSlash bool) string {
	const hexUpper = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9',
			c == '-', c == '_', c == '.', c == '~', c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexUpper[c>>4], hexUpper[c&15]})
		}
	}
	return b.String()
}

// headerValue returns a header as it is signed. Go keeps Host apart, and a client's
// request in process has no Content-Length header yet.
func headerValue(r *http.Request, name string) string {
	switch name {
	case "host":
		return r.Host
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10)
	}
	values := r.Header.Values(name)
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(trimmed, ",")
}

// StringToSign returns what the signature is computed of.
func (s *Signature) StringToSign(canonical string) string {
	return Algorithm + "\n" + s.Stamp + "\n" + s.Scope() + "\n" + Hash([]byte(canonical))
}

// Key derives the signing key from a secret.
func (s *Signature) Key(secret string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.Date, s.Region, s.Service, s.Terminator} {
		key = sum(key, part)
	}
	return key
}

// Matches reports whether the request's signature is that of text under key.
func (s *Signature) Matches(key []byte, text string) bool {
	return matches(key, text, s.Signature)
}

func matches(key []byte, text, signature string) bool {
	want := hex.EncodeToString(sum(key, text))
	return hmac.Equal([]byte(want), []byte(signature))
}

func sum(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
