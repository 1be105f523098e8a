package codec

import (
	"fmt"
	"strconv"
)

const (
	maxDepth   = 200 // levels of nesting; AWS's deepest types need about 20
	maxUnknown = 32  // unknown members that are named
	maxPath    = 256 // bytes of such a name: they become a header
)

// Error says why a body could not be read. Path is the member in question, if one was
// reached. Message is fit for a client.
type Error struct {
	Path    string
	Message string
}

func (e *Error) Error() string {
	if e.Path == "" {
		return "decode: " + e.Message
	}
	return "decode " + e.Path + ": " + e.Message
}

// track is the place where a decoder stands, and what it found there.
type track struct {
	path    []byte
	depth   int
	unknown []string
	err     error
}

// fail keeps the first error; decoders stop as soon as there is one.
func (t *track) fail(format string, args ...any) {
	if t.err == nil {
		t.err = &Error{Path: string(t.path), Message: fmt.Sprintf(format, args...)}
	}
}

// down enters a member and returns what up needs to leave it.
func (t *track) down(name string) int {
	n := len(t.path)
	if n > 0 {
		t.path = append(t.path, '.')
	}
	t.path = append(t.path, name...)
	return n
}

// downIndex enters the i-th element of a list.
func (t *track) downIndex(i int) int {
	n := len(t.path)
	t.path = append(t.path, '[')
	t.path = strconv.AppendInt(t.path, int64(i), 10)
	t.path = append(t.path, ']')
	return n
}

func (t *track) up(n int) { t.path = t.path[:n] }

// nest counts a level of nesting; false means that the input is too deep.
func (t *track) nest() bool {
	if t.depth++; t.depth > maxDepth {
		t.fail("nested too deeply")
		return false
	}
	return true
}

func (t *track) addUnknown(name string) {
	if len(t.unknown) >= maxUnknown {
		return
	}
	n := t.down(name)
	t.unknown = append(t.unknown, string(t.path[:min(len(t.path), maxPath)]))
	t.up(n)
}
