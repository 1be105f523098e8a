package taskdef

import (
	"encoding/json"
	"strings"

	"github.com/turnoutdev/turnout/internal/fault"
)

// Words splits a command: at spaces, but not inside quotes, as a shell does; or reads it
// as a JSON list. A backslash stays as written, except before a quote or a space.
func Words(s string) ([]string, error) {
	if strings.HasPrefix(s, "[") {
		var out []string
		if err := json.Unmarshal([]byte(s), &out); err == nil {
			return out, nil
		}
	}
	var out []string
	var word strings.Builder
	open, quoted := false, rune(0)
	end := func() {
		if open {
			out = append(out, word.String())
			word.Reset()
		}
		open = false
	}
	all := []rune(s)
	for i := 0; i < len(all); i++ {
		c := all[i]
		switch {
		case c == '\\' && quoted != '\'' && i+1 < len(all) && strings.ContainsRune("\"' ", all[i+1]):
			i++
			word.WriteRune(all[i])
			open = true
		case c == quoted:
			quoted = 0
		case quoted == 0 && (c == '"' || c == '\''):
			quoted, open = c, true
		case quoted == 0 && strings.ContainsRune(" \t\r\n", c):
			end()
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if quoted != 0 {
		return nil, fault.New(fault.Usage, "close it, or write the command as a JSON list", "the command has an open %c", quoted)
	}
	end()
	return out, nil
}
