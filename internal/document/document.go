// Package document holds a JSON or YAML file as text with addresses, so that one value
// can be changed while every other byte stays as its author wrote it.
//
// Task definitions and appspecs are read through it: decoding them into structs and
// writing them back would lose what the structs do not know. SetString and Remove note
// edits by place, which Bytes applies together; Put and Append make a new document, written
// in the manner of the text around, and read it again to make sure that it says what was
// meant. What cannot be changed in place is refused with its position, never guessed.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/goccy/go-yaml"
)

// Format is how a document is written.
type Format string

// The formats.
const (
	JSON Format = "JSON"
	YAML Format = "YAML"
)

// Document is a parsed file. Nodes point into Source, which never changes.
type Document struct {
	File   string // for messages
	Source []byte
	Format Format
	Root   *Node
	edits  []edit
}

type edit struct {
	start, end int
	text       string
}

// Error is a fault in a document, with its place and what to do about it.
type Error struct {
	File         string
	Line, Column int    // from 1; 0 when unknown
	Message      string // what is wrong
	Hint         string // the next step, or ""
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Read parses the file at path.
func Read(path string) (*Document, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, src)
}

// Parse reads src: as JSON when it begins with a bracket, else as YAML. A file that
// begins like JSON but is not gets JSON's error, unless it reads as YAML flow style.
func Parse(file string, src []byte) (*Document, error) {
	d := &Document{File: file, Source: src}
	text := bytes.TrimLeft(bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")), " \t\r\n")
	if len(text) == 0 {
		return nil, &Error{File: file, Message: "the file is empty"}
	}
	if text[0] == '{' || text[0] == '[' {
		d.Format = JSON
		return d, d.parseJSON()
	}
	d.Format = YAML
	return d, d.parseYAML()
}

// At makes an Error at the place of n (the document's beginning for nil).
func (d *Document) At(n *Node, hint, format string, args ...any) *Error {
	offset := 0
	if n != nil {
		offset = n.Start
	}
	return d.at(offset, hint, format, args...)
}

func (d *Document) at(offset int, hint, format string, args ...any) *Error {
	line, col := d.position(offset)
	return &Error{File: d.File, Line: line, Column: col, Message: fmt.Sprintf(format, args...), Hint: hint}
}

func (d *Document) position(offset int) (line, col int) {
	before := d.Source[:min(offset, len(d.Source))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// SetString notes that the string at n becomes s, quoted as n is.
func (d *Document) SetString(n *Node, s string) error {
	if n.Kind != String {
		return d.At(n, "", "expected a string, found %s", n.Kind)
	}
	text := quoteJSON(s)
	if d.Format == YAML {
		var err error
		if text, err = d.quoteYAML(n, s); err != nil {
			return err
		}
	}
	d.edits = append(d.edits, edit{n.Start, n.End, text})
	return nil
}

// Remove notes that the members of the object n whose key drop accepts go, each with its
// comma or lines, and returns their keys.
func (d *Document) Remove(n *Node, drop func(key string) bool) ([]string, error) {
	var gone []string
	kept := -1 // the last member that stays
	for i, m := range n.Members {
		if !drop(m.Key) {
			kept = i
			continue
		}
		gone = append(gone, m.Key)
		if d.Format == YAML {
			if err := d.removeYAML(n, i); err != nil {
				return nil, err
			}
			continue
		}
		start, end := m.Start, m.Value.End
		switch {
		case kept >= 0: // with the comma before it
			start = n.Members[max(kept, i-1)].Value.End
		case i+1 < len(n.Members): // up to the next key, so that its indentation stays
			end = n.Members[i+1].Start
		}
		d.edits = append(d.edits, edit{start, end, ""})
	}
	return gone, nil
}

// Replace notes that the bytes from start to end become text; for callers that know the
// format.
func (d *Document) Replace(start, end int, text string) {
	d.edits = append(d.edits, edit{start, end, text})
}

// Bytes returns the document with all edits applied.
func (d *Document) Bytes() []byte {
	edits := append([]edit(nil), d.edits...)
	sort.SliceStable(edits, func(i, j int) bool { return edits[i].start < edits[j].start })
	var out bytes.Buffer
	at := 0
	for _, e := range edits {
		if e.start < at { // inside what an earlier edit replaced
			continue
		}
		out.Write(d.Source[at:e.start])
		out.WriteString(e.text)
		at = e.end
	}
	out.Write(d.Source[at:])
	return out.Bytes()
}

// Reparse returns the document with its edits applied, with fresh nodes.
func (d *Document) Reparse() (*Document, error) {
	if len(d.edits) == 0 {
		return d, nil
	}
	return Parse(d.File, d.Bytes())
}

// AsJSON returns the document, edits applied, as JSON; JSON stays byte for byte.
func (d *Document) AsJSON() ([]byte, error) {
	b := d.Bytes()
	if d.Format == JSON {
		return b, nil
	}
	out, err := yaml.YAMLToJSON(b)
	if err != nil {
		return nil, d.yamlError(err)
	}
	return out, nil
}

// Decode unmarshals the document into v; fields match without regard to case, as
// encoding/json does it. Type errors carry their position when it is known.
func (d *Document) Decode(v any) error {
	b, err := d.AsJSON()
	if err != nil {
		return err
	}
	err = json.Unmarshal(b, v)
	var te *json.UnmarshalTypeError
	if errors.As(err, &te) {
		msg := fmt.Sprintf("%s: expected %s, found a %s", strings.ToLower(te.Field[:min(1, len(te.Field))])+te.Field[min(1, len(te.Field)):], kindOf(te.Type.String()), te.Value)
		if d.Format == JSON && len(d.edits) == 0 {
			return d.at(max(0, int(te.Offset)-1), "", "%s", msg)
		}
		return &Error{File: d.File, Message: msg}
	}
	return err
}

// kindOf says a Go type in the words of JSON.
func kindOf(t string) string {
	t = strings.TrimLeft(t, "*")
	switch {
	case strings.HasPrefix(t, "int"), strings.HasPrefix(t, "float"), strings.HasPrefix(t, "uint"):
		return "a number"
	case t == "bool":
		return "true or false"
	case t == "string":
		return "a string"
	case strings.HasPrefix(t, "[]"):
		return "a list"
	case strings.HasPrefix(t, "map["), strings.HasPrefix(t, "types."):
		return "an object"
	}
	return t
}

func quoteJSON(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
