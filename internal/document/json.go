package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// maxDepth bounds recursion: deeper documents are refused.
const maxDepth = 200

// jsonReader walks the tokens of encoding/json, which checks the grammar, and keeps
// where each of them stands, which it does not tell.
type jsonReader struct {
	d    *Document
	dec  *json.Decoder
	base int // bytes before the decoder's input (a byte order mark)
}

func (d *Document) parseJSON() error {
	text := bytes.TrimPrefix(d.Source, []byte("\xef\xbb\xbf"))
	r := &jsonReader{d: d, dec: json.NewDecoder(bytes.NewReader(text)), base: len(d.Source) - len(text)}
	r.dec.UseNumber()
	n, err := r.value(0)
	if err != nil {
		return r.fault(err)
	}
	if _, err := r.dec.Token(); err != io.EOF {
		return r.d.at(r.next(), "", "something follows the end of the JSON document")
	}
	d.Root = n
	return nil
}

func (r *jsonReader) fault(err error) error {
	var syntax *json.SyntaxError
	var own *Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &syntax):
		return r.d.at(max(0, r.base+int(syntax.Offset)-1), "check the commas, quotes and brackets just before this place", "not valid JSON: %s", syntax.Error())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return r.d.at(len(r.d.Source), "a closing bracket is missing", "not valid JSON: the file ends too early")
	}
	return err
}

// next is where the next token begins.
func (r *jsonReader) next() int {
	i := r.base + int(r.dec.InputOffset())
	for i < len(r.d.Source) && bytes.IndexByte([]byte(" \t\r\n,:"), r.d.Source[i]) >= 0 {
		i++
	}
	return i
}

func (r *jsonReader) value(depth int) (*Node, error) {
	if depth > maxDepth {
		return nil, r.d.at(r.next(), "", "nested more than %d levels deep", maxDepth)
	}
	n := &Node{Start: r.next(), flow: true}
	tok, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := tok.(type) {
	case json.Delim:
		if t == '{' {
			err = r.object(n, depth)
		} else {
			err = r.array(n, depth)
		}
	case string:
		n.Kind, n.Text = String, t
	case json.Number:
		n.Kind, n.Text = Number, t.String()
	case bool:
		n.Kind, n.Text = Bool, map[bool]string{true: "true", false: "false"}[t]
	case nil:
		n.Kind = Null
	}
	n.End = r.base + int(r.dec.InputOffset())
	return n, err
}

func (r *jsonReader) object(n *Node, depth int) error {
	n.Kind = Object
	seen := map[string]bool{}
	for r.dec.More() {
		start := r.next()
		key, err := r.dec.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if seen[name] {
			return r.d.at(start, "keep one of them", "the key %q stands twice in one object", name)
		}
		seen[name] = true
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Members = append(n.Members, Member{Key: name, Start: start, Value: v})
	}
	_, err := r.dec.Token()
	return err
}

func (r *jsonReader) array(n *Node, depth int) error {
	n.Kind = Array
	for r.dec.More() {
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, v)
	}
	_, err := r.dec.Token()
	return err
}
