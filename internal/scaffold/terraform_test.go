package scaffold

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty/convert"
)

// module is what the files of one folder declare and refer to.
type module struct {
	variables map[string]*hclsyntax.Block
	outputs   map[string]bool
	locals    map[string]bool
	things    map[string]bool             // resources as TYPE.NAME, data as data.TYPE.NAME
	calls     map[string]*hclsyntax.Block // modules
	refs      map[string]hcl.Range        // everything that is referred to, as far as it matters
	blocks    []*hclsyntax.Block          // of resources and data
}

func parse(t *testing.T) map[string]*module {
	t.Helper()
	files, err := Terraform()
	if err != nil {
		t.Fatal(err)
	}
	parser, modules := hclparse.NewParser(), map[string]*module{}
	for _, f := range files {
		if path.Ext(f.Path) != ".tf" {
			continue
		}
		if want := hclwrite.Format(f.Data); string(want) != string(f.Data) {
			t.Errorf("%s is not as terraform fmt writes it", f.Path)
		}
		file, diags := parser.ParseHCL(f.Data, f.Path)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		dir := path.Dir(f.Path)
		if modules[dir] == nil {
			modules[dir] = &module{map[string]*hclsyntax.Block{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]*hclsyntax.Block{}, map[string]hcl.Range{}, nil}
		}
		modules[dir].read(file.Body.(*hclsyntax.Body))
	}
	return modules
}

func (m *module) read(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		switch b.Type {
		case "variable":
			m.variables[b.Labels[0]] = b
		case "output":
			m.outputs[b.Labels[0]] = true
		case "locals":
			for name := range b.Body.Attributes {
				m.locals[name] = true
			}
		case "resource":
			m.things[b.Labels[0]+"."+b.Labels[1]] = true
			m.blocks = append(m.blocks, b)
		case "data":
			m.things["data."+b.Labels[0]+"."+b.Labels[1]] = true
		case "module":
			m.calls[b.Labels[0]] = b
		}
	}
	_ = hclsyntax.VisitAll(body, func(n hclsyntax.Node) hcl.Diagnostics {
		if e, ok := n.(*hclsyntax.ScopeTraversalExpr); ok {
			m.refs[name(e.Traversal)] = e.Range()
		}
		return nil
	})
}

// name is what a traversal refers to: var.x, module.x.y, local.x, data.TYPE.NAME, TYPE.NAME.
func name(t hcl.Traversal) string {
	parts := []string{t.RootName()}
	for _, s := range t[1:] {
		if a, ok := s.(hcl.TraverseAttr); ok {
			parts = append(parts, a.Name)
		} else if parts[0] != "module" {
			break
		}
	}
	n := 2
	if parts[0] == "module" || parts[0] == "data" {
		n = 3
	}
	return strings.Join(parts[:min(n, len(parts))], ".")
}

// Words of Terraform's language that are no references: types, lifecycle's all, and the
// variables of for expressions and dynamic blocks.
var words = []string{"string", "number", "bool", "any", "all"}

func (m *module) check(t *testing.T, dir string, modules map[string]*module) {
	t.Helper()
	used := map[string]bool{}
	for ref, at := range m.refs {
		root, rest, _ := strings.Cut(ref, ".")
		switch {
		case root == "var":
			used[rest] = true
			if m.variables[rest] == nil {
				t.Errorf("%s: %s is not declared", at, ref)
			}
		case root == "local":
			if !m.locals[rest] {
				t.Errorf("%s: %s is not declared", at, ref)
			}
		case root == "module":
			call, output, _ := strings.Cut(rest, ".")
			if m.calls[call] == nil {
				t.Errorf("%s: module %s is not called", at, call)
			} else if output != "" && !modules[path.Join(dir, source(m.calls[call]))].outputs[output] {
				t.Errorf("%s: module %s has no output %s", at, call, output)
			}
		case root == "data" || strings.HasPrefix(root, "aws_"):
			if !m.things[ref] {
				t.Errorf("%s: there is no %s", at, ref)
			}
		case slices.Contains(words, root), !strings.Contains(ref, "."), bound[root]:
		default:
			t.Errorf("%s: %s is unknown", at, ref)
		}
	}
	for v := range m.variables {
		if !used[v] {
			t.Errorf("%s: variable %s is used nowhere", dir, v)
		}
		if a := m.variables[v].Body.Attributes; a["type"] == nil || a["description"] == nil {
			t.Errorf("%s: variable %s lacks type or description", dir, v)
		}
	}
}

// bound are names that for expressions, for_each and dynamic blocks bind in these files.
var bound = map[string]bool{"c": true, "each": true, "count": true, "test_traffic_route": true, "target_group": true, "statement": true}

func source(call *hclsyntax.Block) string {
	v, _ := call.Body.Attributes["source"].Expr.Value(nil)
	return v.AsString()
}

func TestTerraformIsFormattedAndResolves(t *testing.T) {
	modules := parse(t)
	if len(modules) != 8 {
		t.Errorf("%d modules", len(modules))
	}
	for dir, m := range modules {
		m.check(t, dir, modules)
		for call, b := range m.calls {
			target := modules[path.Join(dir, source(b))]
			if target == nil {
				t.Errorf("%s: module %s has no files", dir, call)
				continue
			}
			for arg := range b.Body.Attributes {
				if !slices.Contains([]string{"source", "count", "depends_on"}, arg) && target.variables[arg] == nil {
					t.Errorf("%s: module %s takes no %s", dir, call, arg)
				}
			}
			for v, decl := range target.variables {
				if b.Body.Attributes[v] == nil && decl.Body.Attributes["default"] == nil {
					t.Errorf("%s: module %s is not given %s", dir, call, v)
				}
			}
		}
	}
}

// Everything that a service deployed by CodeDeploy needs is made.
func TestTerraformMakesEverything(t *testing.T) {
	want := []string{
		"aws_codedeploy_app", "aws_codedeploy_deployment_group", "aws_ecr_repository", "aws_ecs_cluster", "aws_ecs_service",
		"aws_iam_openid_connect_provider", "aws_iam_role", "aws_lb", "aws_lb_listener", "aws_lb_target_group", "aws_security_group",
	}
	have := map[string]bool{}
	for _, m := range parse(t) {
		for _, b := range m.blocks {
			have[b.Labels[0]] = true
			if b.Labels[0] == "aws_ecs_service" {
				ignored(t, b, "task_definition", "load_balancer", "desired_count")
			}
			if b.Labels[0] == "aws_lb_listener" {
				ignored(t, b, "default_action")
			}
		}
	}
	for _, w := range want {
		if !have[w] {
			t.Errorf("no %s", w)
		}
	}
}

// ignored expects that changes which deployments make are left alone.
func ignored(t *testing.T, b *hclsyntax.Block, want ...string) {
	t.Helper()
	var got []string
	for _, inner := range b.Body.Blocks {
		if inner.Type == "lifecycle" {
			for _, v := range inner.Body.Attributes["ignore_changes"].Expr.Variables() {
				got = append(got, v.RootName())
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s.%s ignores changes of %v, want %v", b.Labels[0], b.Labels[1], got, want)
	}
}

// The values of a project fit the variables, by name and type.
func TestValuesFitTheVariables(t *testing.T) {
	p := New(t.TempDir())
	p.Config.Service, p.GitHub, p.Secrets = "web", "acme/web", []string{"arn:aws:ssm:us-east-1:123456789012:parameter/${x}"}
	if err := p.Finish(); err != nil {
		t.Fatal(err)
	}
	src, err := p.fill("terraform.tfvars")
	if err != nil {
		t.Fatal(err)
	}
	if want := hclwrite.Format(src); string(want) != string(src) {
		t.Errorf("terraform.tfvars is not as terraform fmt writes it:\n%s\nwant\n%s", src, want)
	}
	file, diags := hclparse.NewParser().ParseHCL(src, "terraform.tfvars")
	if diags.HasErrors() {
		t.Fatalf("%v\n%s", diags, src)
	}
	variables, values := parse(t)["terraform"].variables, file.Body.(*hclsyntax.Body).Attributes
	for name, a := range values {
		if variables[name] == nil {
			t.Errorf("there is no variable %s", name)
			continue
		}
		typ, _, diags := typeexpr.TypeConstraintWithDefaults(variables[name].Body.Attributes["type"].Expr)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		v, diags := a.Expr.Value(nil)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		if _, err := convert.Convert(v, typ); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, b := range variables {
		if b.Body.Attributes["default"] == nil && values[name] == nil {
			t.Errorf("%s has no value", name)
		}
	}
}
