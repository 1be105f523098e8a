package main

import (
	"strings"
	"testing"
)

func TestDraw(t *testing.T) {
	var b strings.Builder
	if err := draw(strings.NewReader("a <b>\n\x1b[32mok\x1b[0m done\n"), &b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a &lt;b&gt;", `<tspan fill="#56d364">ok</tspan> done`, `width="91"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}
