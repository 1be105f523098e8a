package schema

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// Source is a module's source, of which comments and constants are read. It is parsed by
// the package, when it is needed.
type Source struct {
	Module string // its path, such as example.com/m
	Root   string // the folder of its go.mod
	parsed map[string][]*ast.File
}

// files are a package's, without its tests; none for packages of other modules.
func (s *Source) files(pkg string) ([]*ast.File, error) {
	rel, ours := strings.CutPrefix(pkg, s.Module+"/")
	if !ours {
		return nil, nil
	}
	if files, ok := s.parsed[pkg]; ok {
		return files, nil
	}
	paths, err := filepath.Glob(filepath.Join(s.Root, filepath.FromSlash(rel), "*.go"))
	if err != nil {
		return nil, err
	}
	var files []*ast.File
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	if s.parsed == nil {
		s.parsed = map[string][]*ast.File{}
	}
	s.parsed[pkg] = files
	return files, nil
}

// specs calls f with each declaration of a package, and the comment above it.
func (s *Source) specs(pkg string, f func(ast.Spec, *ast.CommentGroup)) error {
	files, err := s.files(pkg)
	for _, file := range files {
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				for _, spec := range g.Specs {
					f(spec, g.Doc)
				}
			}
		}
	}
	return err
}

// about is what the comment above a type says.
func (s *Source) about(t reflect.Type) (string, error) {
	out := ""
	err := s.specs(t.PkgPath(), func(spec ast.Spec, doc *ast.CommentGroup) {
		if ts, ok := spec.(*ast.TypeSpec); ok && ts.Name.Name == t.Name() {
			out = sentence(doc)
		}
	})
	return out, err
}

// aboutField is what the comment beside a struct's field, or above it, says.
func (s *Source) aboutField(t reflect.Type, field string) (string, error) {
	out := ""
	err := s.specs(t.PkgPath(), func(spec ast.Spec, _ *ast.CommentGroup) {
		ts, ok := spec.(*ast.TypeSpec)
		if !ok || ts.Name.Name != t.Name() {
			return
		}
		st, ok := ts.Type.(*ast.StructType)
		if !ok {
			return
		}
		for _, f := range st.Fields.List {
			for _, n := range f.Names {
				if n.Name == field {
					if out = sentence(f.Comment); out == "" {
						out = sentence(f.Doc)
					}
				}
			}
		}
	})
	return out, err
}

// constants are the values of a string type's constants, in the order of the source.
func (s *Source) constants(t reflect.Type) ([]string, error) {
	var out []string
	err := s.specs(t.PkgPath(), func(spec ast.Spec, _ *ast.CommentGroup) {
		vs, ok := spec.(*ast.ValueSpec)
		if !ok {
			return
		}
		if id, ok := vs.Type.(*ast.Ident); !ok || id.Name != t.Name() {
			return
		}
		for _, v := range vs.Values {
			if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil { // the parser has read it
					out = append(out, text)
				}
			}
		}
	})
	return out, err
}

// sentence is a comment in one line.
func sentence(c *ast.CommentGroup) string {
	return strings.Join(strings.Fields(c.Text()), " ")
}
