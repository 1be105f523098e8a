package main

import (
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	const in = `{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:3: needs docker\n"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Elapsed":0.2}
`
	var out strings.Builder
	if code := run(strings.NewReader(in), &out, false); code != 0 || !strings.Contains(out.String(), "1 passed, 0 failed, 1 skipped") || !strings.Contains(out.String(), "needs docker") {
		t.Errorf("code %d\n%s", code, out.String())
	}
	if code := run(strings.NewReader(in), &out, true); code != 1 {
		t.Error("a skip passed where none may")
	}
	const bad = `{"Action":"output","Package":"p","Test":"TestC","Output":"boom\n"}
{"Action":"fail","Package":"p","Test":"TestC"}
{"Action":"fail","Package":"p"}
`
	out.Reset()
	if code := run(strings.NewReader(bad), &out, false); code != 1 || !strings.Contains(out.String(), "boom") {
		t.Errorf("code %d\n%s", code, out.String())
	}
	if code := run(strings.NewReader(""), &out, false); code != 1 {
		t.Error("no test at all passed")
	}
}
