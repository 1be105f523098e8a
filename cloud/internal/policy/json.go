package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Error tells why a document is none, in IAM's words.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

func malformed(format string, args ...any) error {
	return &Error{fmt.Sprintf(format, args...)}
}

// node is a JSON value that remembers where it stands: the positions of statements are
// part of what simulations return.
type node struct {
	kind       byte // 's' text, 'n' number, 'b' boolean, '0' null, '[' or '{'
	text       string
	items      []node
	fields     []field
	start, end int // bytes
}

type field struct {
	name  string
	value node
}

const maxDepth = 16 // documents need six

// reader reads a text token by token, which shows members that stand twice.
type reader struct {
	text string
	d    *json.Decoder
}

var errInvalid = malformed("This policy contains invalid Json")

// readJSON reads the one value that makes up the whole text.
func readJSON(text string) (node, error) {
	r := reader{text, json.NewDecoder(strings.NewReader(text))}
	r.d.UseNumber()
	n, err := r.value(maxDepth)
	if err != nil {
		return node{}, errInvalid
	}
	if _, err := r.d.Token(); !errors.Is(err, io.EOF) {
		return node{}, errInvalid
	}
	return n, nil
}

func (r *reader) value(depth int) (node, error) {
	if depth == 0 {
		return node{}, errInvalid
	}
	before := int(r.d.InputOffset())
	tok, err := r.d.Token()
	if err != nil {
		return node{}, err
	}
	n := node{start: before + strings.IndexFunc(r.text[before:], func(c rune) bool { return !strings.ContainsRune(" \t\r\n,:", c) })}
	switch t := tok.(type) {
	case string:
		n.kind, n.text = 's', t
	case json.Number:
		n.kind, n.text = 'n', t.String()
	case bool:
		n.kind, n.text = 'b', fmt.Sprint(t)
	case nil:
		n.kind = '0'
	case json.Delim:
		n.kind = byte(t)
		if t == '[' {
			err = r.list(&n, depth)
		} else {
			err = r.object(&n, depth)
		}
	}
	n.end = int(r.d.InputOffset())
	return n, err
}

func (r *reader) list(n *node, depth int) error {
	for r.d.More() {
		item, err := r.value(depth - 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, err := r.d.Token()
	return err
}

func (r *reader) object(n *node, depth int) error {
	seen := map[string]bool{}
	for r.d.More() {
		tok, err := r.d.Token()
		if err != nil {
			return err
		}
		name := tok.(string) // the decoder takes nothing else for a name
		if seen[name] {
			return errInvalid
		}
		seen[name] = true
		v, err := r.value(depth - 1)
		if err != nil {
			return err
		}
		n.fields = append(n.fields, field{name, v})
	}
	_, err := r.d.Token()
	return err
}

// texts reads a text or a list of texts; numbers and booleans count as texts where asked.
func (n node) texts(scalars bool) ([]string, bool) {
	switch n.kind {
	case 's':
		return []string{n.text}, true
	case 'n', 'b':
		return []string{n.text}, scalars
	case '[':
		out := make([]string, 0, len(n.items))
		for _, it := range n.items {
			if it.kind == '[' {
				return nil, false
			}
			t, ok := it.texts(scalars)
			if !ok {
				return nil, false
			}
			out = append(out, t...)
		}
		return out, true
	}
	return nil, false
}
