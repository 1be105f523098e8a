package policy

// wild reports whether text is of the pattern, in which * stands for any characters and ?
// for one. It takes time proportional to the product of the lengths, whatever the pattern.
// In patterns that variables were filled into, literal * ? and $ come as the bytes below.
func wild(pattern, text string) bool {
	p, t := 0, 0
	star, mark := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || unescape(pattern[p]) == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// Bytes that no text of JSON can hold stand for characters that were meant literally.
const (
	literalStar     = 0xf8
	literalQuestion = 0xf9
)

func unescape(b byte) byte {
	switch b {
	case literalStar:
		return '*'
	case literalQuestion:
		return '?'
	}
	return b
}

// escape makes a value literal within a pattern.
func escape(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch c {
		case '*':
			b[i] = literalStar
		case '?':
			b[i] = literalQuestion
		}
	}
	return string(b)
}
