package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/regex"
)

// reworded are errors of the command line library that say little to who typed the command,
// and what is said instead.
var reworded = []struct {
	theirs *regex.Lazy
	ours   func(c *cobra.Command, found []string) string
	hint   string
}{
	{regex.New(`none of the others can be; \[(.*)\] were all set`), func(_ *cobra.Command, f []string) string {
		return "--" + strings.Join(strings.Fields(f[1]), " and --") + " exclude each other"
	}, "leave one out"},
	{regex.New(`required flag\(s\) (.*) not set`), func(c *cobra.Command, f []string) string {
		return c.CommandPath() + " needs --" + strings.ReplaceAll(strings.ReplaceAll(f[1], `"`, ""), ", ", " and --")
	}, ""},
	{regex.New(`unknown command (".*") for`), func(c *cobra.Command, f []string) string {
		return c.CommandPath() + " takes no arguments, and got " + f[1]
	}, ""},
	{regex.New(`(accepts|requires) (.*) arg\(s\), (?:only )?received (\d+)`), func(c *cobra.Command, f []string) string {
		much := strings.Replace(strings.ReplaceAll(f[2], "between ", "")+" arguments", "1 arguments", "one argument", 1)
		return c.CommandPath() + " takes " + much + ", and got " + f[3]
	}, ""},
}

// badUsage is an error of the command line library, told in our words.
func badUsage(c *cobra.Command, err error) error {
	hint := first(fault.Hint(err), "`"+c.CommandPath()+" --help` shows how it is used")
	for _, r := range reworded {
		if f := r.theirs.FindStringSubmatch(err.Error()); f != nil {
			return fault.New(fault.Usage, first(r.hint, hint), "%w", errors.New(r.ours(c, f)))
		}
	}
	return fault.New(fault.Usage, hint, "%w", err)
}
