package document

import (
	"bytes"
	"strings"
)

// putYAML is the edit that sets a member of a YAML mapping.
func (d *Document) putYAML(n *Node, key string, v *Node) edit {
	at := -1
	for i := range n.Members {
		if n.Members[i].Key == key {
			at = i
		}
	}
	switch {
	case n.Get("<<") != nil, len(n.Members) == 0 && !n.flow:
		return edit{-1, 0, ""} // what it merges is not known here
	case n.flow && at >= 0:
		old := n.Members[at].Value
		return edit{old.Start, old.End, d.json(v, "", false)}
	case n.flow:
		return d.insertFlow(n, len(n.Members), yamlKey(key)+": "+d.json(v, "", false))
	case at >= 0:
		return d.replaceYAML(n, at, v)
	}
	pad, end := d.pad(n.Members[0].Start), d.extent(n, len(n.Members)-1)
	return edit{end, end, "\n" + pad + yamlKey(key) + ":" + yamlValue(v, pad)}
}

// replaceYAML replaces a member of a block mapping: a scalar in its own quotes, so that a
// comment behind it stays, anything else with all its lines.
func (d *Document) replaceYAML(n *Node, i int, v *Node) edit {
	m := n.Members[i]
	if m.Value.Kind == String && v.Kind == String {
		if text, err := d.quoteYAML(m.Value, v.Text); err == nil {
			return edit{m.Value.Start, m.Value.End, text}
		}
	}
	return edit{m.Start, d.extent(n, i), yamlKey(m.Key) + ":" + yamlValue(v, d.pad(m.Start))}
}

// appendYAML is the edit that adds an item to a YAML list.
func (d *Document) appendYAML(n, v *Node) edit {
	if n.flow {
		return d.insertFlow(n, len(n.Items), d.json(v, "", false))
	}
	dash := bytes.LastIndexByte(d.Source[:n.Items[len(n.Items)-1].Start], '-')
	if dash < 0 {
		return edit{-1, 0, ""}
	}
	pad := d.pad(dash)
	end := d.lines(dash, len(pad), false)
	return edit{end, end, "\n" + pad + "-" + yamlItem(v, pad)}
}

// insertFlow adds text before the closing bracket of a collection in flow style.
func (d *Document) insertFlow(n *Node, already int, text string) edit {
	end := n.End - 1
	for end > n.Start && strings.IndexByte(" \t\r\n", d.Source[end-1]) >= 0 {
		end--
	}
	if already > 0 {
		text = ", " + text
	}
	return edit{end, end, text}
}

// extent is where the lines of a member of a block mapping end.
func (d *Document) extent(n *Node, i int) int {
	m := n.Members[i]
	return d.lines(m.Start, len(d.pad(m.Start)), m.Value.Kind == Array && !m.Value.flow)
}

// lines is where what begins at a place ends: before the next line that is indented no
// further than column. The dashes of a list may stand right below its key.
func (d *Document) lines(start, column int, dashes bool) int {
	end, first := start, true
	for at := start; at < len(d.Source); {
		stop := len(d.Source)
		if i := bytes.IndexByte(d.Source[at:], '\n'); i >= 0 {
			stop = at + i
		}
		line := string(d.Source[at:stop])
		text := strings.TrimLeft(line, " ")
		inside := len(line)-len(text) > column || (dashes && len(line)-len(text) == column && (strings.HasPrefix(text, "- ") || text == "-"))
		switch {
		case first, inside && strings.TrimSpace(text) != "":
			end = at + len(strings.TrimRight(line, " \t\r"))
		case strings.TrimSpace(text) == "", text[0] == '#':
		default:
			return end
		}
		at, first = stop+1, false
	}
	return end
}

// pad is white space as wide as what stands before a place on its line.
func (d *Document) pad(at int) string {
	line := d.Source[bytes.LastIndexByte(d.Source[:at], '\n')+1 : at]
	return strings.Repeat(" ", len([]rune(string(line))))
}

func yamlKey(key string) string {
	if plainYAML(key) {
		return key
	}
	return quoteJSON(key)
}

// yamlValue writes v behind a key that stands at a margin.
func yamlValue(v *Node, margin string) string {
	var b strings.Builder
	inner := margin + "  "
	switch {
	case v.Kind == Object && len(v.Members) > 0:
		for _, m := range v.Members {
			b.WriteString("\n" + inner + yamlKey(m.Key) + ":" + yamlValue(m.Value, inner))
		}
	case v.Kind == Array && len(v.Items) > 0:
		for _, it := range v.Items {
			b.WriteString("\n" + inner + "-" + yamlItem(it, inner))
		}
	default:
		return " " + yamlScalar(v)
	}
	return b.String()
}

// yamlItem writes v behind a dash that stands at a margin.
func yamlItem(v *Node, margin string) string {
	if v.Kind != Object || len(v.Members) == 0 {
		return yamlValue(v, margin)
	}
	rest := yamlValue(v, margin)                            // each member on a line of its own
	return " " + strings.TrimPrefix(rest, "\n"+margin+"  ") // but the first behind the dash
}

// yamlScalar writes what stands on one line.
func yamlScalar(v *Node) string {
	switch v.Kind {
	case Object:
		return "{}"
	case Array:
		return "[]"
	case Null:
		return "null"
	case String:
		if plainYAML(v.Text) && !strings.ContainsAny(v.Text, "\n") {
			return v.Text
		}
		return quoteJSON(v.Text)
	}
	return v.Text
}
