package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version, for builds that the module system knows none of, such as those
// from an archive of the source: -ldflags "-X …/internal/cli.release=v1.2.3".
var release string

// built is where this binary comes from. --json prints it.
type built struct {
	Version  string `json:"version"`            // of the module, such as v1.2.3, or (devel)
	Commit   string `json:"commit,omitempty"`   // full hash, where the build knew its repository
	Date     string `json:"date,omitempty"`     // of the commit, RFC 3339
	Modified bool   `json:"modified,omitempty"` // the work tree had changes
	Go       string `json:"go"`                 // version of the Go release that built it
	Platform string `json:"platform"`           // operating system and architecture, such as linux/amd64
}

// build is what the toolchain noted of this binary.
func build() built {
	out := built{Version: first(release, "(devel)"), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	out.Version = first(release, info.Main.Version, "(devel)")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			out.Commit = s.Value
		case "vcs.time":
			out.Date = s.Value
		case "vcs.modified":
			out.Modified = s.Value == "true"
		}
	}
	return out
}

func (b built) String() string {
	line := "turnout " + b.Version
	if b.Commit != "" {
		line += ", commit " + b.Commit
		if b.Modified {
			line += " with changes"
		}
		line += " of " + b.Date
	}
	return fmt.Sprintf("%s, %s %s", line, b.Go, b.Platform)
}

// tool is this program by name and version, for the record.
func tool() string { return "turnout " + build().Version }

func newVersion(g *global) *cobra.Command {
	c := &cobra.Command{
		Use:     "version",
		Short:   "Print the version, the commit and what built it",
		Example: "  turnout version\n  turnout version --json | jq -r .commit",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return g.version() },
	}
	g.jsonFlag(c)
	return c
}

func (g *global) version() error {
	if g.JSON {
		return g.printJSON(build())
	}
	_, err := fmt.Fprintln(g.Out, build())
	return err
}
