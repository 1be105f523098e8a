package document

import (
	"bytes"
	"strings"
)

// Text makes a string that is in no document, for Put and Append.
func Text(s string) *Node { return &Node{Kind: String, Text: s} }

// List makes a list.
func List(items ...*Node) *Node { return &Node{Kind: Array, Items: items} }

// Map makes an object.
func Map(members ...Member) *Node { return &Node{Kind: Object, Members: members} }

// Put returns the document with the member key of the object n set to v: in its place,
// or added at the end, in the manner of the text around it. Every other byte stays.
//
// A value that cannot be changed in place (below an alias, say) is refused with its
// position: what comes out is read again and must say what was meant.
func (d *Document) Put(n *Node, key string, v *Node) (*Document, error) {
	old := n.Get(key)
	if old != nil && same(old, v) {
		return d, nil
	}
	var e edit
	switch {
	case d.Format == YAML:
		e = d.putYAML(n, key, v)
	case old != nil:
		e = edit{old.Start, old.End, d.json(v, d.margin(old.Start), d.broken(n.Start, n.End))}
	default:
		e = d.insert(n, func(margin string, broken bool) string {
			return quoteJSON(key) + d.colon(n) + d.json(v, margin, broken)
		})
	}
	return d.with(n, key, e, func(n *Node) { setMember(n, key, v) })
}

// Append returns the document with v added at the end of the list n.
func (d *Document) Append(n, v *Node) (*Document, error) {
	var e edit
	if d.Format == YAML {
		e = d.appendYAML(n, v)
	} else {
		e = d.insert(n, func(margin string, broken bool) string {
			if last := len(n.Items) - 1; last >= 0 { // like its neighbour
				broken = d.broken(n.Items[last].Start, n.Items[last].End)
			}
			return d.json(v, margin, broken)
		})
	}
	return d.with(n, "an item", e, func(n *Node) { n.Items = append(n.Items, v) })
}

// with applies an edit and makes sure that it did what change does to the tree.
func (d *Document) with(n *Node, what string, e edit, change func(*Node)) (*Document, error) {
	refused := d.At(n, "write it as JSON, or in block style without aliases", "%s cannot be changed in place here", what)
	if e.start < 0 || e.end < e.start || e.end > len(d.Source) || n.aliased {
		return nil, refused
	}
	if bytes.Contains(d.Source, []byte("\r\n")) {
		e.text = strings.ReplaceAll(strings.ReplaceAll(e.text, "\r\n", "\n"), "\n", "\r\n")
	}
	src := bytes.Join([][]byte{d.Source[:e.start], []byte(e.text), d.Source[e.end:]}, nil)
	out, err := Parse(d.File, src)
	if err != nil {
		return nil, refused
	}
	if !same(out.Root, changed(d.Root, n, change)) {
		return nil, refused
	}
	return out, nil
}

// changed is a copy of the tree below root in which change was made to the copy of n.
func changed(root, n *Node, change func(*Node)) *Node {
	c := *root
	c.Members, c.Items = make([]Member, len(root.Members)), make([]*Node, len(root.Items))
	for i, m := range root.Members {
		c.Members[i] = Member{Key: m.Key, Value: changed(m.Value, n, change)}
	}
	for i, it := range root.Items {
		c.Items[i] = changed(it, n, change)
	}
	if root == n {
		change(&c)
	}
	return &c
}

func setMember(n *Node, key string, v *Node) {
	for i := range n.Members {
		if n.Members[i].Key == key {
			n.Members[i].Value = v
			return
		}
	}
	n.Members = append(n.Members, Member{Key: key, Value: v})
}

// same tells whether two trees say the same, member by member in order.
func same(a, b *Node) bool {
	if a.Kind != b.Kind || a.Text != b.Text || len(a.Members) != len(b.Members) || len(a.Items) != len(b.Items) {
		return false
	}
	for i := range a.Members {
		if a.Members[i].Key != b.Members[i].Key || !same(a.Members[i].Value, b.Members[i].Value) {
			return false
		}
	}
	for i := range a.Items {
		if !same(a.Items[i], b.Items[i]) {
			return false
		}
	}
	return true
}

// insert adds what text makes at the end of a JSON object or list: with the white space
// that stands before its last element.
func (d *Document) insert(n *Node, text func(margin string, broken bool) string) edit {
	begin, end := n.last()
	if begin < 0 { // it is empty
		margin := d.margin(n.Start)
		open, shut := string(d.Source[n.Start]), string(d.Source[n.End-1])
		if !d.broken(0, len(d.Source)) {
			return edit{n.Start, n.End, open + text("", false) + shut}
		}
		inner := margin + d.indent()
		return edit{n.Start, n.End, open + "\n" + inner + text(inner, true) + "\n" + margin + shut}
	}
	space := begin
	for space > 0 && strings.IndexByte(" \t\r\n", d.Source[space-1]) >= 0 {
		space--
	}
	white := string(d.Source[space:begin])
	broken := strings.Contains(white, "\n")
	if white == "" && d.Source[space-1] != ',' && d.colon(n) == ": " {
		white = " " // {"a": 1} goes on with a space
	}
	return edit{end, end, "," + white + text(d.margin(begin), broken)}
}

// last is where the last member or item begins and ends, -1 for none.
func (n *Node) last() (begin, end int) {
	switch {
	case len(n.Members) > 0:
		m := n.Members[len(n.Members)-1]
		return m.Start, m.Value.End
	case len(n.Items) > 0:
		it := n.Items[len(n.Items)-1]
		return it.Start, it.End
	}
	return -1, -1
}

// json writes v for a place with this margin: broken into lines if wanted, but scalars
// and lists of scalars on one, and the objects of a list on a line each.
func (d *Document) json(v *Node, margin string, broken bool) string {
	var b strings.Builder
	inner := margin + d.indent()
	list := func(open, shut byte, n int, item func(i int)) {
		b.WriteByte(open)
		for i := range n {
			switch {
			case broken:
				b.WriteString(map[bool]string{true: "\n", false: ",\n"}[i == 0] + inner)
			case i > 0:
				b.WriteString("," + d.gap())
			}
			item(i)
		}
		if broken && n > 0 {
			b.WriteString("\n" + margin)
		}
		b.WriteByte(shut)
	}
	switch v.Kind {
	case Object:
		list('{', '}', len(v.Members), func(i int) {
			b.WriteString(quoteJSON(v.Members[i].Key) + d.colon(nil) + d.json(v.Members[i].Value, inner, broken))
		})
	case Array:
		broken = broken && len(v.Items) > 0 && v.Items[0].Kind == Object
		list('[', ']', len(v.Items), func(i int) { b.WriteString(d.json(v.Items[i], inner, false)) })
	case String:
		return quoteJSON(v.Text)
	case Null:
		return "null"
	default:
		return v.Text
	}
	return b.String()
}

// margin is the white space at the beginning of the line of a place.
func (d *Document) margin(at int) string {
	line := d.Source[bytes.LastIndexByte(d.Source[:at], '\n')+1 : at]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}

// broken tells whether a text stands on several lines.
func (d *Document) broken(start, end int) bool {
	return bytes.IndexByte(d.Source[start:end], '\n') >= 0
}

// indent is how far the document indents a level.
func (d *Document) indent() string {
	if d.Root != nil && len(d.Root.Members) > 0 {
		if m := d.margin(d.Root.Members[0].Start); m != "" {
			return m
		}
	}
	return "  "
}

// colon is what stands between a key and its value, in n if it has members, else in the
// document.
func (d *Document) colon(n *Node) string {
	if n == nil || len(n.Members) == 0 {
		n = d.Root
	}
	if len(n.Members) == 0 {
		return ": "
	}
	m := n.Members[0]
	between := string(d.Source[m.Start:m.Value.Start])
	if i := strings.LastIndexByte(between, '"'); i >= 0 && !strings.Contains(between[i:], "\n") {
		return between[i+1:]
	}
	return ": "
}

// gap is what stands after a comma on one line.
func (d *Document) gap() string {
	if strings.HasSuffix(d.colon(nil), " ") {
		return " "
	}
	return ""
}
