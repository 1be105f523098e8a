package action

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/turnoutdev/turnout/internal/document"
)

// A task definition is edited as a tree of document nodes: every member keeps its place
// and every number its digits, whatever fields the document has.

func text(s string) *document.Node { return &document.Node{Kind: document.String, Text: s} }

// set gives the member key of an object a value: in its place, or at the end.
func set(n *document.Node, key string, value *document.Node) {
	for i := range n.Members {
		if n.Members[i].Key == key {
			n.Members[i].Value = value
			return
		}
	}
	n.Members = append(n.Members, document.Member{Key: key, Value: value})
}

// without takes members out of an object and returns their keys.
func without(n *document.Node, drop func(document.Member) bool) []string {
	var gone []string
	kept := n.Members[:0:0]
	for _, m := range n.Members {
		if drop(m) {
			gone = append(gone, m.Key)
			continue
		}
		kept = append(kept, m)
	}
	n.Members = kept
	return gone
}

// appendJSON writes n with two spaces a level, as JSON.stringify(x, null, 2) does;
// indent "" writes it on one line.
func appendJSON(b *bytes.Buffer, n *document.Node, indent, margin string) {
	inner := margin + indent
	line := func(margin string) {
		if indent != "" {
			b.WriteString("\n" + margin)
		}
	}
	switch n.Kind {
	case document.Object:
		b.WriteByte('{')
		for i, m := range n.Members {
			if i > 0 {
				b.WriteByte(',')
			}
			line(inner)
			b.WriteString(quote(m.Key) + ":")
			if indent != "" {
				b.WriteByte(' ')
			}
			appendJSON(b, m.Value, indent, inner)
		}
		if len(n.Members) > 0 {
			line(margin)
		}
		b.WriteByte('}')
	case document.Array:
		b.WriteByte('[')
		for i, it := range n.Items {
			if i > 0 {
				b.WriteByte(',')
			}
			line(inner)
			appendJSON(b, it, indent, inner)
		}
		if len(n.Items) > 0 {
			line(margin)
		}
		b.WriteByte(']')
	case document.String:
		b.WriteString(quote(n.Text))
	case document.Null:
		b.WriteString("null")
	default:
		b.WriteString(n.Text)
	}
}

// toJSON writes n, indented by indent a level.
func toJSON(n *document.Node, indent string) []byte {
	var b bytes.Buffer
	appendJSON(&b, n, indent, "")
	return b.Bytes()
}

func quote(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}
