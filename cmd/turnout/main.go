// Turnout deploys containers to Amazon ECS by CodeDeploy blue/green, and carries a local
// cloud in which the same deployment is rehearsed first.
package main

import (
	"os"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/cli"
	"github.com/turnoutdev/turnout/internal/image"
	"github.com/turnoutdev/turnout/internal/term"
)

func main() {
	cloud.Init() // this program again, as a sandbox, a container or a reaper
	image.MaybeRun()
	os.Exit(cli.Main(os.Args[1:], term.System()))
}
