package action

import (
	"fmt"
	"strings"
)

// YAML is the action's file for GitHub: a composite action that runs the entry point.
// Shells know no variables with hyphens, so inputs are passed with underscores.
func (c Contract) YAML() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by go generate ./internal/action.\nname: Turnout %s\ndescription: %s\n", c.Name, quote(c.Short+", as "+c.Official+" does"))
	b.WriteString("inputs:\n")
	for _, f := range c.Inputs {
		fmt.Fprintf(&b, "  %s:\n    description: %s\n    required: %t\n", f.Name, quote(f.Help), f.Required)
		if f.Default != "" {
			fmt.Fprintf(&b, "    default: %s\n", quote(f.Default))
		}
	}
	b.WriteString("outputs:\n")
	for _, f := range c.Outputs {
		fmt.Fprintf(&b, "  %s:\n    description: %s\n    value: ${{ steps.run.outputs.%s }}\n", f.Name, quote(f.Help), f.Name)
	}
	b.WriteString("runs:\n  using: composite\n  steps:\n    - id: run\n      shell: bash\n      env:\n")
	for _, f := range c.Inputs {
		fmt.Fprintf(&b, "        INPUT_%s: ${{ inputs.%s }}\n", strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_")), f.Name)
	}
	fmt.Fprintf(&b, "      run: |\n        \"$GITHUB_ACTION_PATH/../run\" action %s\n", c.Name)
	return b.String()
}
