package cli

import (
	"strings"
	"testing"
)

func TestVersionInWords(t *testing.T) {
	for want, b := range map[string]built{
		"turnout v1.2.3, commit 0123abc of 2026-11-30T10:00:00Z, go1.26 linux/arm64":              {Version: "v1.2.3", Commit: "0123abc", Date: "2026-11-30T10:00:00Z", Go: "go1.26", Platform: "linux/arm64"},
		"turnout v1.2.3, commit 0123abc with changes of 2026-11-30T10:00:00Z, go1.26 linux/arm64": {Version: "v1.2.3", Commit: "0123abc", Date: "2026-11-30T10:00:00Z", Modified: true, Go: "go1.26", Platform: "linux/arm64"},
		"turnout (devel), go1.26 linux/arm64":                                                     {Version: "(devel)", Go: "go1.26", Platform: "linux/arm64"},
	} {
		if got := b.String(); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

func TestVersionOfTheLinker(t *testing.T) {
	defer func(was string) { release = was }(release)
	release = "v9.8.7"
	for _, args := range []string{"version", "--version", "-v"} {
		if code, out, _ := turnout(t, args); code != 0 || !strings.HasPrefix(out, "turnout v9.8.7, ") || strings.Count(out, "\n") != 1 {
			t.Errorf("turnout %s: code %d, %q", args, code, out)
		}
	}
	if tool() != "turnout v9.8.7" {
		t.Errorf("tool is %q", tool())
	}
}
