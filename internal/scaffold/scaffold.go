// Package scaffold writes the files of a project: turnout.yml, task definition, appspec,
// workflow and Terraform. The Terraform modules are the same for every project, which
// differ in terraform.tfvars alone.
package scaffold

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/turnoutdev/turnout/internal/config"
)

//go:embed files
var files embed.FS

// ExampleAccount is the account of AWS's own examples, for projects that have none yet.
const ExampleAccount = "123456789012"

// Project is what the files are made from.
type Project struct {
	Config    *config.Config // with its defaults; Region is set
	Account   string         // twelve digits
	Family    string         // of the task definition
	Container string         // behind the load balancer
	Port      int            // that it listens on

	TaskDef []byte // as it is to be written; nil for a new one
	AppSpec []byte // likewise

	Workflow    string // path of the workflow to write
	GitHub      string // OWNER/NAME, "" when it is not known
	Branch      string // that deploys
	Role        string // workflow expression for the role to assume
	Version     string // of turnout, as `go install` takes it
	Network     Network
	LogGroup    string   // "" for none
	Secrets     []string // ARNs of what the task definition's secrets name
	Certificate string   // ARN of the production listener's, "" for HTTP
}

// Network is what stands before the project does. Empty ids are left for the reader.
type Network struct {
	VPC             string
	Public, Private []string // subnets of the load balancer and of the tasks
	PublicIP        bool
}

// File is one file to write, with its path below the project's folder.
type File struct {
	Path string
	Data []byte
}

// Files are all files of the project.
func (p *Project) Files() ([]File, error) {
	var out []File
	yml, err := config.Marshal(p.Config)
	if err != nil {
		return nil, fmt.Errorf("write turnout.yml: %w", err)
	}
	out = append(out, File{"turnout.yml", yml})
	for _, f := range []struct {
		path, template string
		given          []byte
	}{
		{p.Config.TaskDef, "taskdef.json", p.TaskDef},
		{p.Config.AppSpec, "appspec.json", p.AppSpec},
		{p.Workflow, "deploy.yml", nil},
		{"terraform/terraform.tfvars", "terraform.tfvars", nil},
	} {
		data := f.given
		if data == nil {
			if data, err = p.execute(f.template); err != nil {
				return nil, fmt.Errorf("write %s: %w", f.path, err)
			}
		}
		out = append(out, File{f.path, data})
	}
	modules, err := Terraform()
	return append(out, modules...), err
}

// Terraform are the files of Terraform that are the same for every project.
func Terraform() ([]File, error) {
	var out []File
	err := fs.WalkDir(files, "files/terraform", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := files.ReadFile(name)
		out = append(out, File{strings.TrimPrefix(name, "files/"), data})
		return err
	})
	return out, err
}

// execute fills in one template. Its delimiters are << and >>, since workflows have
// braces of their own.
func (p *Project) execute(name string) ([]byte, error) {
	t, err := template.New(name+".tmpl").Delims("<<", ">>").Funcs(template.FuncMap{
		"seconds": func(d time.Duration) int { return int(d / time.Second) },
		"minutes": func(d time.Duration) int { return int(d / time.Minute) },
		"quote":   quote,
		"list":    list,
	}).ParseFS(files, path.Join("files", name+".tmpl"))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, p); err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, ".tfvars") {
		return align(b.Bytes()), nil
	}
	return b.Bytes(), nil
}

// quote is a string in Terraform's language.
func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// list is a list of strings in Terraform's language.
func list(items []string) string {
	out := make([]string, len(items))
	for i, s := range items {
		out[i] = quote(s)
	}
	return "[" + strings.Join(out, ", ") + "]"
}

// align brings the equals signs of neighbouring lines below each other, as terraform fmt
// has them.
func align(src []byte) []byte {
	lines := strings.Split(string(src), "\n")
	for i := 0; i < len(lines); {
		end, width := i, 0
		for ; end < len(lines) && assignment(lines[end]) > 0; end++ {
			width = max(width, assignment(lines[end]))
		}
		for ; i < end; i++ {
			n := assignment(lines[i])
			lines[i] = lines[i][:n] + strings.Repeat(" ", width-n) + lines[i][n:]
		}
		i++
	}
	return []byte(strings.Join(lines, "\n"))
}

// assignment is the length of the name that a line assigns to, 0 if it does not.
func assignment(line string) int {
	n := strings.Index(line, " = ")
	if n < 0 || strings.HasPrefix(line, "#") || strings.HasSuffix(line, "{") {
		return 0
	}
	return n
}
