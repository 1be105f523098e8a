package codec

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Form is an awsQuery request: the parameters as a tree split at the dots of their names.
type Form struct {
	root formNode
}

type formNode struct {
	name   string
	value  string
	set    bool // a parameter ended here
	kids   []*formNode
	byName map[string]*formNode // of kids, once there are many
}

// maxParams bounds the parameters of one form; AWS's largest lists need a few thousand.
const maxParams = 20000

// ParseForm reads URL-encoded forms: a query string, a body, or both.
func ParseForm(encoded ...string) (*Form, error) {
	f, count := &Form{}, 0
	for _, rest := range encoded {
		for rest != "" {
			var pair string
			pair, rest, _ = strings.Cut(rest, "&")
			if pair == "" {
				continue
			}
			if count++; count > maxParams {
				return nil, &Error{Message: "too many parameters"}
			}
			if err := f.add(pair); err != nil {
				return nil, err
			}
		}
	}
	return f, nil
}

func (f *Form) add(pair string) error {
	k, v, _ := strings.Cut(pair, "=")
	key, err := url.QueryUnescape(k)
	if err != nil {
		return &Error{Message: "malformed parameter name " + strconv.Quote(k)}
	}
	value, err := url.QueryUnescape(v)
	if err != nil {
		return &Error{Path: key, Message: "malformed value"}
	}
	if strings.Count(key, ".") > maxDepth {
		return &Error{Message: "nested too deeply"}
	}
	at := &f.root
	for name := range strings.SplitSeq(key, ".") {
		at = at.kid(name, true)
	}
	if at.set && at.value != value {
		return &Error{Path: key, Message: "duplicate parameter"}
	}
	at.value, at.set = value, true
	return nil
}

// manyKids is the number of children from which on they are found by a map.
const manyKids = 16

// kid finds the child called name, or makes it if create says so.
func (n *formNode) kid(name string, create bool) *formNode {
	if n.byName != nil {
		if k := n.byName[name]; k != nil {
			return k
		}
	} else if i := slices.IndexFunc(n.kids, func(k *formNode) bool { return k.name == name }); i >= 0 {
		return n.kids[i]
	}
	if !create {
		return nil
	}
	k := &formNode{name: name}
	n.kids = append(n.kids, k)
	if n.byName != nil {
		n.byName[name] = k
	} else if len(n.kids) > manyKids {
		n.byName = make(map[string]*formNode, 2*manyKids)
		for _, k := range n.kids {
			n.byName[k.name] = k
		}
	}
	return k
}

// Get returns the value of a parameter, "" if there is none.
func (f *Form) Get(name string) string {
	at := &f.root
	for part := range strings.SplitSeq(name, ".") {
		if at = at.kid(part, false); at == nil {
			return ""
		}
	}
	return at.value
}

// elements returns the children with numbers for names, in numeric order, and those without.
func (n *formNode) elements() (numbered, other []*formNode) {
	if n == nil {
		return nil, nil
	}
	for _, k := range n.kids {
		if _, err := strconv.Atoi(k.name); err == nil {
			numbered = append(numbered, k)
		} else {
			other = append(other, k)
		}
	}
	slices.SortStableFunc(numbered, func(a, b *formNode) int { return a.number() - b.number() })
	return numbered, other
}

func (n *formNode) number() int {
	i, _ := strconv.Atoi(n.name) // elements kept only those that are numbers
	return i
}
