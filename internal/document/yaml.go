package document

import (
	"bytes"
	"errors"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// yamlReader turns goccy's syntax tree into nodes with byte offsets.
type yamlReader struct {
	d       *Document
	lines   []int // byte offset of each line
	anchors map[string]*Node
}

func (d *Document) parseYAML() error {
	file, err := parser.ParseBytes(d.Source, 0)
	if err != nil {
		return d.yamlError(err)
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			return d.at(0, "keep one document to a file", "the file holds several YAML documents")
		}
		body = doc.Body
	}
	if body == nil {
		return &Error{File: d.File, Message: "the file is empty"}
	}
	r := &yamlReader{d: d, lines: lineStarts(d.Source), anchors: map[string]*Node{}}
	d.Root, err = r.node(body, 0)
	return err
}

func lineStarts(src []byte) []int {
	out := []int{0}
	for i, c := range src {
		if c == '\n' {
			out = append(out, i+1)
		}
	}
	return out
}

func (d *Document) yamlError(err error) error {
	var tk *token.Token
	var se *yaml.SyntaxError
	var de *yaml.DuplicateKeyError
	msg := err.Error()
	switch {
	case errors.As(err, &se):
		tk, msg = se.Token, se.Message
	case errors.As(err, &de):
		tk, msg = de.Token, de.Message
	}
	e := &Error{File: d.File, Message: "not valid YAML: " + strings.SplitN(msg, "\n", 2)[0]}
	if tk != nil && tk.Position != nil {
		e.Line, e.Column = tk.Position.Line, tk.Position.Column
	}
	return e
}

// offset turns a token's line and column (in characters) into a byte offset.
func (r *yamlReader) offset(tk *token.Token) int {
	if tk == nil || tk.Position == nil || tk.Position.Line < 1 || tk.Position.Line > len(r.lines) {
		return 0
	}
	at := r.lines[tk.Position.Line-1]
	rest := string(r.d.Source[at:])
	col := tk.Position.Column - 1
	for i := range rest {
		if col == 0 {
			return at + i
		}
		col--
	}
	return len(r.d.Source)
}

func (r *yamlReader) node(a ast.Node, depth int) (*Node, error) {
	n := &Node{Start: r.offset(a.GetToken())}
	if depth > maxDepth {
		return nil, r.d.At(n, "", "nested more than %d levels deep", maxDepth)
	}
	switch v := a.(type) {
	case *ast.MappingNode:
		n.flow = v.IsFlowStyle
		if v.IsFlowStyle && v.End != nil {
			n.End = r.offset(v.End) + 1
		}
		return n, r.mapping(n, v.Values, depth)
	case *ast.MappingValueNode:
		return n, r.mapping(n, []*ast.MappingValueNode{v}, depth)
	case *ast.SequenceNode:
		n.Kind, n.flow = Array, v.IsFlowStyle
		if v.IsFlowStyle && v.End != nil {
			n.End = r.offset(v.End) + 1
		}
		for _, it := range v.Values {
			c, err := r.node(it, depth+1)
			if err != nil {
				return nil, err
			}
			n.Items = append(n.Items, c)
		}
		return n, nil
	case *ast.AnchorNode:
		c, err := r.node(v.Value, depth+1)
		if err == nil {
			r.anchors[v.Name.String()] = c
		}
		return c, err
	case *ast.AliasNode:
		if c := r.anchors[v.Value.String()]; c != nil {
			c.shared()
			return c, nil
		}
		return nil, r.d.At(n, "", "the alias *%s has no anchor before it", v.Value.String())
	case *ast.TagNode:
		return r.node(v.Value, depth+1)
	}
	r.scalar(n, a)
	return n, nil
}

func (r *yamlReader) mapping(n *Node, values []*ast.MappingValueNode, depth int) error {
	n.Kind = Object
	for i, kv := range values {
		start := r.offset(kv.Key.GetToken())
		if i == 0 && !n.flow {
			n.Start = start
		}
		v, err := r.node(kv.Value, depth+1)
		if err != nil {
			return err
		}
		n.Members = append(n.Members, Member{Key: keyText(kv.Key), Start: start, Value: v})
	}
	return nil
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	return k.GetToken().Value
}

func (r *yamlReader) scalar(n *Node, a ast.Node) {
	tk := a.GetToken()
	switch v := a.(type) {
	case *ast.StringNode:
		n.Kind, n.Text = String, v.Value
	case *ast.LiteralNode:
		n.Kind, n.Text = String, v.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		n.Kind, n.Text = Number, tk.Value
	case *ast.BoolNode:
		n.Kind, n.Text = Bool, tk.Value
	default:
		n.Kind = Null
	}
	n.End = n.Start
	rest := r.d.Source[n.Start:]
	switch {
	case len(rest) > 0 && (rest[0] == '"' || rest[0] == '\''):
		n.End = n.Start + quotedLen(rest)
	case bytes.HasPrefix(rest, []byte(tk.Value)):
		n.End = n.Start + len(tk.Value)
	}
}

// quotedLen is the length of the quoted scalar at the beginning of b.
func quotedLen(b []byte) int {
	q := b[0]
	for i := 1; i < len(b); i++ {
		switch {
		case q == '"' && b[i] == '\\':
			i++
		case b[i] == q && q == '\'' && i+1 < len(b) && b[i+1] == q:
			i++
		case b[i] == q:
			return i + 1
		}
	}
	return len(b)
}

// quoteYAML writes s for the place of n: double-quoted where n was quoted or s needs it.
func (d *Document) quoteYAML(n *Node, s string) (string, error) {
	old := d.Source[n.Start:n.End]
	if len(old) == 0 || bytes.ContainsRune(old, '\n') || bytes.ContainsAny(old[:1], "|>") {
		return "", d.At(n, "write the value on one line", "a value of several lines cannot be replaced in place")
	}
	if old[0] == '\'' {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'", nil
	}
	if old[0] == '"' || !plainYAML(s) {
		return quoteJSON(s), nil
	}
	return s, nil
}

// plainYAML tells whether s means itself as a plain scalar; image references and ARNs do.
func plainYAML(s string) bool {
	var v any
	if err := yaml.Unmarshal([]byte("- "+s), &v); err != nil {
		return false
	}
	l, ok := v.([]any)
	return ok && len(l) == 1 && l[0] == any(s)
}

func (d *Document) removeYAML(n *Node, i int) error {
	m := n.Members[i]
	if n.flow {
		return d.at(m.Start, "write the mapping in block style, a key to a line", "%s cannot be taken out of a flow mapping", m.Key)
	}
	from := bytes.LastIndexByte(d.Source[:m.Start], '\n') + 1
	to := len(d.Source)
	if i+1 < len(n.Members) {
		to = bytes.LastIndexByte(d.Source[:n.Members[i+1].Start], '\n') + 1
	}
	d.edits = append(d.edits, edit{from, to, ""})
	return nil
}
