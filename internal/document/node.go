package document

import (
	"strings"
)

// Kind is what a node is.
type Kind string

// The kinds of node.
const (
	Object Kind = "an object"
	Array  Kind = "a list"
	String Kind = "a string"
	Number Kind = "a number"
	Bool   Kind = "true or false"
	Null   Kind = "null"
)

// Node is one value with its place: Source[Start:End] is its text (for YAML collections in
// block style only Start is exact).
type Node struct {
	Kind       Kind
	Start, End int
	Text       string // the string's value; a number's or boolean's text
	Members    []Member
	Items      []*Node
	flow       bool // YAML flow style, or JSON
	aliased    bool // also reached by a YAML alias
}

// Member is one key of an object and its value. Start is where the key begins.
type Member struct {
	Key   string
	Start int
	Value *Node
}

// Get returns the value of key, nil when n is no object or lacks it.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Members {
		if n.Members[i].Key == key {
			return n.Members[i].Value
		}
	}
	return nil
}

// Fold is Get without regard to the key's case.
func (n *Node) Fold(key string) *Node {
	if n == nil {
		return nil
	}
	for i := range n.Members {
		if strings.EqualFold(n.Members[i].Key, key) {
			return n.Members[i].Value
		}
	}
	return nil
}

// String returns the text of a string node, "" for anything else.
func (n *Node) String() string {
	if n == nil || n.Kind != String {
		return ""
	}
	return n.Text
}

// shared notes that n and all below it are reached by an alias too: what is changed there
// would change in two places.
func (n *Node) shared() {
	n.aliased = true
	for _, m := range n.Members {
		m.Value.shared()
	}
	for _, it := range n.Items {
		it.shared()
	}
}
