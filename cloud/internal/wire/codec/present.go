package codec

import (
	"strconv"
	"strings"
)

// A path is cut into steps: member names, and list indices in brackets, "a.b[2].c".
func nextStep(path string) (name string, index int, rest string) {
	if inner, ok := strings.CutPrefix(path, "["); ok {
		num, rest, _ := strings.Cut(inner, "]")
		i, err := strconv.Atoi(num)
		if err != nil {
			i = -1
		}
		return "", i, strings.TrimPrefix(rest, ".")
	}
	end := strings.IndexAny(path, ".[")
	if end < 0 {
		return path, -1, ""
	}
	return path[:end], -1, strings.TrimPrefix(path[end:], ".")
}

// JSONHas reports whether a JSON text has a value other than null at path.
func JSONHas(src []byte, path string) bool {
	d := jsonScanner{src: src}
	for path != "" {
		name, index, rest := nextStep(path)
		var found bool
		if name != "" {
			found = d.seekMember(name)
		} else {
			found = d.seekElement(index)
		}
		if !found {
			return false
		}
		path = rest
	}
	c := d.peek()
	return d.err == nil && c != 'n' && c != 0
}

// seekMember stands the scanner before the value of an object's member.
func (d *jsonScanner) seekMember(name string) bool {
	if d.peek() != '{' {
		return false
	}
	d.pos++
	for first := true; d.more(first, '}'); first = false {
		if string(d.key()) == name && d.err == nil {
			return true
		}
		d.skip()
	}
	return false
}

func (d *jsonScanner) seekElement(index int) bool {
	if d.peek() != '[' {
		return false
	}
	d.pos++
	for i := 0; d.more(i == 0, ']'); i++ {
		if i == index {
			return true
		}
		d.skip()
	}
	return false
}

// Has reports whether the form has a parameter at path or below it.
func (f *Form) Has(path string) bool {
	at := &f.root
	for path != "" && at != nil {
		name, index, rest := nextStep(path)
		if name != "" {
			at = at.kid(name, false)
		} else {
			elements, _ := at.kid("member", false).elements()
			if index < 0 || index >= len(elements) {
				return false
			}
			at = elements[index]
		}
		path = rest
	}
	return at != nil
}
