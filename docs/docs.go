// Package docs embeds the documents that the program itself prints.
package docs

import (
	"embed"
	"strings"
)

// Schema is the JSON schema of turnout.yml.
//
//go:embed turnout.schema.json
var Schema []byte

// Results are the JSON schemas of what verbs print with --json: schema/VERB.json, where a
// verb of two words has a dash between them. A test of internal/cli writes them.
//
//go:embed schema
var Results embed.FS

// Verbs are the names of the schemas in Results, in order.
func Verbs() []string {
	files, err := Results.ReadDir("schema")
	if err != nil {
		return nil // there is one, or this would not compile
	}
	var out []string
	for _, f := range files {
		out = append(out, strings.TrimSuffix(f.Name(), ".json"))
	}
	return out
}
