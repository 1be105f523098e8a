package appspec

import (
	"bytes"

	"github.com/turnoutdev/turnout/internal/document"
)

// The bounds of an AppSpec. A real one has a kilobyte or two and is six levels deep. The
// parsers' time grows with the square of nesting, so whoever nests a file deeply enough
// could stop a deployer for minutes; such a file is refused before they see it.
const (
	maxSize    = 64 << 10 // bytes
	maxDepth   = 32       // levels, in brackets and by indentation together
	maxAliases = 32       // anchors and aliases of YAML
)

// bounded refuses a file that is beyond the bounds. It looks at characters only: brackets
// in quotes and comments count too, so it may refuse what a parser would find flat.
func bounded(file string, src []byte) error {
	if len(src) > maxSize {
		return &document.Error{File: file, Message: "an AppSpec has at most 64 KiB", Hint: "is this the right file?"}
	}
	s := scan{}
	for n, line := range bytes.Split(bytes.ReplaceAll(src, []byte("\r"), []byte("\n")), []byte("\n")) {
		if what := s.line(line); what != "" {
			return &document.Error{File: file, Line: n + 1, Column: 1, Message: what, Hint: "an AppSpec names one service and its hooks; it needs six levels and no aliases"}
		}
	}
	return nil
}

// scan goes through a file line by line.
type scan struct {
	brackets int   // open ones
	indents  []int // of the blocks that are open, outermost first
	aliases  int
}

// line tells what is wrong with the file as far as this line, or "".
func (s *scan) line(line []byte) string {
	text := bytes.TrimLeft(line, " \t")
	if len(text) == 0 {
		return ""
	}
	if s.brackets == 0 { // inside brackets, indentation means nothing
		s.indent(len(line) - len(text))
	}
	blocks := len(s.indents) + marks(text)
	for _, c := range text {
		switch c {
		case '[', '{':
			s.brackets++
		case ']', '}':
			s.brackets = max(0, s.brackets-1)
		case '&', '*':
			s.aliases++
		}
		if s.brackets+blocks > maxDepth {
			return "nested more than 32 levels deep"
		}
	}
	if s.aliases > maxAliases {
		return "more than 32 anchors and aliases"
	}
	return ""
}

// indent notes at which indentation a line begins.
func (s *scan) indent(n int) {
	for len(s.indents) > 0 && s.indents[len(s.indents)-1] >= n {
		s.indents = s.indents[:len(s.indents)-1]
	}
	s.indents = append(s.indents, n)
}

// marks counts the dashes and question marks with which a line begins: each opens a block.
func marks(text []byte) int {
	n := 0
	for len(text) > 0 && (text[0] == '-' || text[0] == '?') && (len(text) == 1 || text[1] == ' ' || text[1] == '\t') {
		n++
		text = bytes.TrimLeft(text[1:], " \t")
	}
	return n
}
