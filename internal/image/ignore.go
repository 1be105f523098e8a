package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// ignore is a .dockerignore.
type ignore struct{ rules []ignoreRule }

type ignoreRule struct {
	re     *regexp.Regexp
	reveal bool // a line that begins with "!"
}

// readIgnore reads DOCKERFILE.dockerignore or the context's .dockerignore.
func readIgnore(context, dockerfile string) (*ignore, error) {
	b, err := os.ReadFile(dockerfile + ".dockerignore")
	if errors.Is(err, fs.ErrNotExist) {
		b, err = os.ReadFile(filepath.Join(context, ".dockerignore"))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &ignore{}, nil
	}
	if err != nil {
		return nil, err
	}
	ig, err := parseIgnore(string(b))
	if err != nil {
		return nil, fmt.Errorf("%w: .dockerignore of %s: %w", ErrInput, context, err)
	}
	return ig, nil
}

func parseIgnore(text string) (*ignore, error) {
	ig := &ignore{}
	for i, line := range strings.Split(strings.TrimPrefix(text, "\xef\xbb\xbf"), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		pattern, reveal := strings.CutPrefix(line, "!")
		pattern = strings.TrimPrefix(path.Clean("/"+strings.TrimSpace(pattern)), "/")
		if pattern == "" {
			continue
		}
		re, err := regexp.Compile("^" + translate(pattern) + "(/.*)?$")
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is no pattern", i+1, line)
		}
		ig.rules = append(ig.rules, ignoreRule{re, reveal})
	}
	return ig, nil
}

// translate turns a pattern into a regular expression: * and ? within a segment, ** across.
func translate(p string) string {
	var b strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case strings.HasPrefix(p[i:], "**/"):
			b.WriteString("(.*/)?")
			i += 2
		case strings.HasPrefix(p[i:], "**"):
			b.WriteString(".*")
			i++
		case p[i] == '*':
			b.WriteString("[^/]*")
		case p[i] == '?':
			b.WriteString("[^/]")
		case p[i] == '[':
			end := strings.IndexByte(p[i:], ']')
			if end < 2 {
				b.WriteString(`\[`)
				continue
			}
			class := strings.ReplaceAll(p[i+1:i+end], `\`, `\\`)
			b.WriteString("[" + strings.Replace(class, "!", "^", 1) + "]")
			i += end
		case p[i] == '\\' && i+1 < len(p):
			i++
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(p[i : i+1]))
		}
	}
	return b.String()
}

// hides tells whether a path is left out; the last rule that matches decides.
func (ig *ignore) hides(p string) bool {
	hidden := false
	for _, r := range ig.rules {
		if r.re.MatchString(p) {
			hidden = !r.reveal
		}
	}
	return hidden
}

// reveals tells whether something below a hidden folder may be shown again.
func (ig *ignore) reveals() bool {
	for _, r := range ig.rules {
		if r.reveal {
			return true
		}
	}
	return false
}

// hint explains a source that is missing because it is ignored.
func (ig *ignore) hint(found int) string {
	if found > 0 {
		return " (.dockerignore hides it)"
	}
	return ""
}
