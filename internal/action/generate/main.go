// Command generate writes the files actions/NAME/action.yml from the contracts of package
// action. It runs in that package's folder.
package main

import (
	"log"
	"os"
	"path/filepath"

	"github.com/turnoutdev/turnout/internal/action"
)

func main() {
	for _, c := range action.Contracts {
		dir := filepath.Join("..", "..", "actions", c.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			log.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "action.yml"), []byte(c.YAML()), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
