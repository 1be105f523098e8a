package cli

import (
	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/docs"
)

func newSchema(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON schema of turnout.yml, for editors",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := g.Out.Write(docs.Schema)
			return err
		},
	}
}
