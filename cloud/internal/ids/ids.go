// Package ids makes the random identifiers that AWS gives to things, in AWS's forms.
package ids

import (
	"crypto/rand"
	"encoding/hex"
)

// UUID returns a random version 4 UUID in its 36-character form.
func UUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// Hex returns n random lower-case hexadecimal digits: a task id is Hex(32),
// the tail of a load balancer's ARN Hex(16).
func Hex(n int) string { return pick("0123456789abcdef", n) }

// Digits returns n random digits, the first not zero: a task set's id is Digits(19).
func Digits(n int) string { return pick("123456789", 1) + pick("0123456789", n-1) }

// Upper returns n random characters of A–Z and 0–9: a deployment's id is "d-" + Upper(9).
func Upper(n int) string { return pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", n) }

// Secret returns n random characters of the alphabet of secret access keys.
func Secret(n int) string {
	return pick("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", n)
}

func pick(alphabet string, n int) string {
	limit := byte(256 / len(alphabet) * len(alphabet) % 256) // 0 when the alphabet divides 256
	out := make([]byte, 0, n)
	var b [64]byte
	for len(out) < n {
		_, _ = rand.Read(b[:])
		for _, x := range b {
			if len(out) < n && (limit == 0 || x < limit) {
				out = append(out, alphabet[int(x)%len(alphabet)])
			}
		}
	}
	return string(out)
}
