package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
)

// SetSections writes sections of c, such as infrastructure, into the file src: a section
// that stands there is replaced with its comments, others are added at the end, and every
// other byte stays. A section that has only defaults is left out. commented are those
// whose comments went.
func SetSections(src []byte, c *Config, names ...string) (out []byte, commented []string, err error) {
	base := fresh(c.File)
	base.Service, base.Cluster, base.Image.Context = c.Service, c.Cluster, c.Image.Context
	base.defaults()
	for _, name := range names {
		text, err := section(c, base, name)
		if err != nil {
			return nil, nil, err
		}
		start, end := extent(src, name)
		if bytes.Contains(src[start:end], []byte("#")) {
			commented = append(commented, name)
		}
		rest := append([]byte{}, src[end:]...)
		src = append(append(append([]byte{}, src[:start]...), text...), rest...)
	}
	if _, err := Parse(c.File, src); err != nil {
		return nil, nil, fmt.Errorf("what would be written: %w", err)
	}
	return src, commented, nil
}

// section is one top-level key with what differs from the defaults.
func section(c, base *Config, name string) ([]byte, error) {
	all := differing(reflect.ValueOf(*c), reflect.ValueOf(*base))
	for _, item := range all {
		if item.Key == name {
			return yaml.MarshalWithOptions(yaml.MapSlice{item}, yaml.IndentSequence(true))
		}
	}
	return nil, nil
}

// extent is where a top-level key stands with its value: to the next line that begins
// with something else than a space or a comment. Blank lines and comments before that
// line belong to what follows. A key that is not there stands at the end.
func extent(src []byte, name string) (start, end int) {
	start, end = -1, len(src)
	at, quiet := 0, -1 // quiet: where blank lines and comments at the left edge began
	for line := range strings.SplitAfterSeq(string(src), "\n") {
		switch {
		case start < 0 && strings.HasPrefix(line, name+":"):
			start = at
		case start < 0:
		case strings.TrimSpace(line) == "" || line[0] == '#':
			if quiet < 0 {
				quiet = at
			}
		case line[0] == ' ' || line[0] == '\t':
			quiet = -1
		default:
			if quiet >= 0 {
				return start, quiet
			}
			return start, at
		}
		at += len(line)
	}
	if start < 0 {
		return len(src), len(src)
	}
	if quiet >= 0 {
		end = quiet
	}
	return start, end
}
