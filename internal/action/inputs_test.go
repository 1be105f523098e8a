package action

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The committed action.yml files say what the contracts say, and all inputs are read.
func TestContractsAndFilesAgree(t *testing.T) {
	var code strings.Builder
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && f != "inputs.go" && !strings.HasSuffix(f, "_test.go") {
			code.Write(b)
		}
	}
	for _, c := range Contracts {
		b, err := os.ReadFile(filepath.Join("..", "..", "actions", c.Name, "action.yml"))
		if err != nil || string(b) != c.YAML() {
			t.Errorf("actions/%s/action.yml is not as `go generate ./internal/action` writes it: %v", c.Name, err)
		}
		for _, f := range append(c.Inputs, c.Outputs...) {
			if !strings.Contains(code.String(), `"`+f.Name+`"`) {
				t.Errorf("%s: nothing reads or sets %q", c.Name, f.Name)
			}
		}
	}
}
