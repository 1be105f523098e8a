package cli

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/docs"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/spell"
)

func newSchema(g *global) *cobra.Command {
	list := false
	c := &cobra.Command{
		Use:   "schema [VERB]",
		Short: "Print the JSON schema of turnout.yml, or of a verb's --json",
		Long: `Schema prints the JSON schema of turnout.yml, for editors; with a verb, the schema of what
that verb prints with --json. Verbs that go on printing, such as watch and logs, print one
object a line, and the schema is that of one line. Fields are added, but never renamed or
removed.`,
		Example: "  turnout schema > turnout.schema.json\n  turnout schema status\n  turnout schema wait task\n  turnout schema --list",
		Args:    cobra.MaximumNArgs(2),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return schemaWords(args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if list {
				return g.listSchemas()
			}
			return g.schema(args)
		},
	}
	c.Flags().BoolVar(&list, "list", false, "list the verbs that have one")
	g.jsonFlag(c)
	return c
}

// schema prints turnout.yml's schema, or that of a verb.
func (g *global) schema(words []string) error {
	if len(words) == 0 {
		return g.printDocument(docs.Schema)
	}
	verb := strings.Join(words, "-")
	b, err := docs.Results.ReadFile("schema/" + verb + ".json")
	if err != nil {
		hint := "`turnout schema --list` lists them"
		if near := spell.Nearest(verb, docs.Verbs()); near != "" {
			hint = "did you mean `turnout schema " + strings.ReplaceAll(near, "-", " ") + "`?"
		}
		return fault.New(fault.Usage, hint, "there is no schema of %q", strings.Join(words, " "))
	}
	return g.printDocument(b)
}

// schemaWords are the words that may follow those of a verb.
func schemaWords(before []string) []string {
	var out []string
	for _, v := range docs.Verbs() {
		words := strings.Split(v, "-")
		if len(words) > len(before) && strings.Join(words[:len(before)], "-") == strings.Join(before, "-") {
			out = append(out, words[len(before)])
		}
	}
	return out
}

// hasSchema is a verb whose --json has a schema.
type hasSchema struct {
	Verb  string `json:"verb"`  // such as wait task
	About string `json:"about"` // what is printed
}

func (g *global) listSchemas() error {
	all := []hasSchema{}
	for _, v := range docs.Verbs() {
		var s struct{ Description string }
		b, err := docs.Results.ReadFile("schema/" + v + ".json")
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		all = append(all, hasSchema{strings.ReplaceAll(v, "-", " "), s.Description})
	}
	if g.JSON {
		return g.printJSON(all)
	}
	for _, s := range all {
		if _, err := fmt.Fprintf(g.Out, "%-16s %s\n", s.Verb, s.About); err != nil {
			return err
		}
	}
	return nil
}
