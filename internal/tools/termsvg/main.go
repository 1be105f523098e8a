// Termsvg turns terminal output with colours on stdin into an SVG picture on stdout:
//
//	turnout rehearse examples/hello 2>&1 | go run ./internal/tools/termsvg > docs/rehearsal.svg
package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The picture's measures, in pixels.
const (
	charWidth  = 8.4
	lineHeight = 19
	margin     = 16
)

// colours of the styles that internal/term uses.
var colours = map[string]string{"2": "#8b949e", "31": "#ff7b72", "32": "#56d364", "33": "#e3b341", "34": "#79c0ff", "36": "#76e3ea", "1": "#ffffff"}

var escape = regexp.MustCompile("\x1b\\[([0-9;]*)m")

func main() {
	if err := draw(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "termsvg:", err)
		os.Exit(1)
	}
}

func draw(in io.Reader, out io.Writer) error {
	var lines []string
	width := 0
	sc := bufio.NewScanner(in)
	for sc.Scan() {
		lines = append(lines, sc.Text())
		width = max(width, utf8.RuneCountInString(escape.ReplaceAllString(sc.Text(), "")))
	}
	if err := sc.Err(); err != nil {
		return err
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="14">`+"\n",
		float64(width)*charWidth+2*margin, len(lines)*lineHeight+2*margin)
	b.WriteString(`<rect width="100%" height="100%" rx="8" fill="#0d1117"/>` + "\n")
	for i, l := range lines {
		if l != "" {
			fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#c9d1d9" xml:space="preserve">%s</text>`+"\n", margin, margin+14+i*lineHeight, spans(l))
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// spans turns one line's escapes into coloured spans.
func spans(line string) string {
	var b strings.Builder
	at, colour := 0, ""
	write := func(text string) {
		if text = html.EscapeString(text); colour != "" && text != "" {
			text = `<tspan fill="` + colour + `">` + text + `</tspan>`
		}
		b.WriteString(text)
	}
	for _, m := range escape.FindAllStringSubmatchIndex(line, -1) {
		write(line[at:m[0]])
		colour, at = colours[line[m[2]:m[3]]], m[1]
	}
	write(line[at:])
	return b.String()
}
