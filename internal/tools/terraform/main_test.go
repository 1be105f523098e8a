package main

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclwrite"
)

func TestTheSeedIsAsTerraformFormatsIt(t *testing.T) {
	files, err := fs.Glob(seed, "seed/*.tf")
	if err != nil || len(files) < 8 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, name := range files {
		src, err := seed.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(hclwrite.Format(src)) != string(src) {
			t.Errorf("%s is not as terraform fmt writes it", name)
		}
	}
}

func TestItSaysWhatItNeeds(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := (&check{out: io.Discard, dir: t.TempDir()}).run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "terraform is not on PATH") {
		t.Errorf("got %v", err)
	}
}

// played puts a program in the place of terraform.
func played(t *testing.T, script string) *check {
	t.Helper()
	bin, c := t.TempDir(), &check{out: io.Discard, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(bin, "terraform"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	if err := c.prepare(); err != nil {
		t.Fatal(err)
	}
	return c
}

// A plan that is not empty ends with 2, and is a failure that tells the difference.
func TestADifferenceIsAFailure(t *testing.T) {
	c := played(t, `echo 'aws_lb.this: Refreshing state... [id=x]'; echo '  ~ idle_timeout = 60 -> 120'; exit 2`)
	err := c.plan("false")(t.Context())
	if err == nil || !strings.Contains(err.Error(), "60 -> 120") || strings.Contains(err.Error(), "Refreshing") {
		t.Errorf("got %v", err)
	}
	c = played(t, `echo 'Plan: 50 to add'; echo 'Error: no such thing' >&2; exit 1`)
	if err := c.apply("false")(t.Context()); err == nil || !strings.Contains(err.Error(), "no such thing") || strings.Contains(err.Error(), "50 to add") {
		t.Errorf("got %v", err)
	}
}

// What the configuration names is forgotten and imported, in order.
func TestImports(t *testing.T) {
	c := played(t, `[ "$1" = output ] && echo '{"aws_vpc.b":"vpc-1","aws_lb.a":"arn"}'; echo "$@" >> calls; exit 0`)
	if err := c.imports(t.Context()); err != nil {
		t.Fatal(err)
	}
	calls, err := os.ReadFile(filepath.Join(c.dir, "work", "seed", "calls"))
	want := "output -json import\nstate rm aws_lb.a\nimport -no-color aws_lb.a arn\nstate rm aws_vpc.b\nimport -no-color aws_vpc.b vpc-1\n"
	if err != nil || string(calls) != want {
		t.Errorf("called %s, %v", calls, err)
	}
}
