// Package docs embeds the documents that the program itself prints.
package docs

import _ "embed"

// Schema is the JSON schema of turnout.yml.
//
//go:embed turnout.schema.json
var Schema []byte
