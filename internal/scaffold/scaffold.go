// Package scaffold writes the files of a project: turnout.yml, task definition, appspec,
// workflow and Terraform. The Terraform modules are the same for every project, which
// differ in terraform.tfvars alone.
package scaffold

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

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
			if data, err = p.fill(f.template); err != nil {
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
