package regex_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/regex"
)

// What a use would find out too late: each expression in the code compiles.
func TestExpressionsCompile(t *testing.T) {
	found := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil // examples of bad files
		}
		ast.Inspect(f, func(n ast.Node) bool {
			source, ok := expression(n)
			if !ok {
				return true
			}
			found++
			if _, err := regexp.Compile(source); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 50 {
		t.Errorf("only %d expressions were found", found)
	}
}

// expression is the literal that a call of regex.New has.
func expression(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return "", false
	}
	fun, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || fun.Sel.Name != "New" {
		return "", false
	}
	if x, ok := fun.X.(*ast.Ident); !ok || x.Name != "regex" {
		return "", false
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	source, err := strconv.Unquote(lit.Value)
	return source, err == nil
}

func TestLazy(t *testing.T) {
	word := regex.New(`([a-z]+)-([0-9]+)`)
	if !word.MatchString("task-12") || word.MatchString("task") {
		t.Error("matches wrongly")
	}
	if m := word.FindStringSubmatch("a task-12"); len(m) != 3 || m[2] != "12" {
		t.Errorf("groups: %q", m)
	}
	if got := word.ReplaceAllString("task-12", "$2-$1"); got != "12-task" {
		t.Errorf("replaced: %q", got)
	}
	if got := word.ReplaceAllStringFunc("x task-12", strings.ToUpper); got != "x TASK-12" {
		t.Errorf("replaced: %q", got)
	}
}
