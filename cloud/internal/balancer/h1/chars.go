package h1

import "bytes"

// class says what a byte may be part of.
type class uint8

const (
	tokenChar  class = 1 << iota
	valueChar        // visible, space, tab, and what is not ASCII
	targetChar       // visible and what is not ASCII
	hostChar
)

var classes = func() (t [256]class) {
	for i := range t {
		c := byte(i)
		if c > ' ' && c != 0x7f {
			t[i] |= valueChar | targetChar
		}
	}
	t[' '] |= valueChar
	t['\t'] |= valueChar
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	for _, c := range []byte(letters + "!#$%&'*+-.^_`|~") {
		t[c] |= tokenChar
	}
	for _, c := range []byte(letters + "!$%&'()*+,-.:;=[]_~") {
		t[c] |= hostChar
	}
	return t
}()

func all(b []byte, k class) bool {
	for _, c := range b {
		if classes[c]&k == 0 {
			return false
		}
	}
	return true
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// EqualFold compares b with an ASCII string in lower case, without regard to b's case.
func EqualFold[T string | []byte](b []byte, low T) bool {
	if len(b) != len(low) {
		return false
	}
	for i, c := range b {
		if lower(c) != lower(low[i]) {
			return false
		}
	}
	return true
}

// cut returns what stands before and after the first c.
func cut(b []byte, c byte) (before, after []byte, ok bool) {
	i := bytes.IndexByte(b, c)
	if i < 0 {
		return b, nil, false
	}
	return b[:i], b[i+1:], true
}
