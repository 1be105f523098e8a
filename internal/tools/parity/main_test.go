package main

import (
	"bytes"
	"os"
	"testing"
)

func TestThePageIsCurrent(t *testing.T) {
	var now bytes.Buffer
	if err := write(t.Context(), &now, "../../.."); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/parity.md")
	if err != nil || !bytes.Equal(now.Bytes(), page) {
		t.Errorf("docs/parity.md is out of date (%v): go run ./internal/tools/parity > docs/parity.md", err)
	}
}
