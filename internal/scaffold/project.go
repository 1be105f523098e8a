package scaffold

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// New begins a project in dir, a folder that need not be there. Finish completes it.
func New(dir string) *Project {
	c := config.Blank(filepath.Join(dir, "turnout.yml"))
	return &Project{Config: c, Workflow: ".github/workflows/deploy.yml", Branch: "main", Role: "${{ secrets.IAMROLE_GITHUB }}", Version: "latest"}
}

// Finish fills in what was not said, from the project's files where they tell, and checks
// everything: the values are written into files of five languages.
func (p *Project) Finish() error {
	c := p.Config
	orSet(&c.Service, serviceFrom(filepath.Base(absolute(c.Dir))))
	orSet(&c.Region, "us-east-1")
	orSet(&c.TaskDef, "taskdef.json")
	orSet(&c.AppSpec, "appspec.json")
	if err := p.adopt(); err != nil {
		return err
	}
	orSet(&p.Account, ExampleAccount)
	orSet(&p.Container, c.Service)
	orSet(&p.Family, c.Service)
	if p.TaskDef == nil {
		orSet(&p.LogGroup, "/ecs/"+p.Family)
	}
	if p.Port == 0 {
		p.Port = exposed(c.Path(filepath.Join(c.Image.Context, "Dockerfile")))
	}
	if c.Infrastructure.Health.Path != "" && c.Verify.Path == "" && strings.HasPrefix(c.Infrastructure.Health.Path, "/") {
		c.Verify.Path = c.Infrastructure.Health.Path
	}
	return errors.Join(c.Complete(), p.check())
}

func absolute(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

func orSet(p *string, v string) {
	if *p == "" {
		*p = v
	}
}

// serviceFrom makes a service's name of a folder's.
func serviceFrom(folder string) string {
	name := regexp.MustCompile(`[^a-z0-9-]+`).ReplaceAllString(strings.ToLower(folder), "-")
	return strings.Trim(name, "-")
}

// exposed is the port that a Dockerfile exposes last, else 8080.
func exposed(dockerfile string) int {
	src, err := os.ReadFile(dockerfile)
	port := 8080
	if err != nil {
		return port
	}
	for lines := bufio.NewScanner(bytes.NewReader(src)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 2 || !strings.EqualFold(f[0], "EXPOSE") {
			continue
		}
		number, _, _ := strings.Cut(f[1], "/")
		if n, err := strconv.Atoi(number); err == nil {
			port = n
		}
	}
	return port
}

// adopt takes from a task definition that stands already what the other files name.
func (p *Project) adopt() error {
	if p.TaskDef == nil {
		return nil
	}
	td, err := taskdef.Parse(p.Config.TaskDef, p.TaskDef)
	if err != nil {
		return err
	}
	def, err := td.Definition()
	if err != nil {
		return err
	}
	p.Family = aws.ToString(def.Family)
	roles := &p.Config.Infrastructure.Roles
	for ref, name := range map[string]*string{aws.ToString(def.ExecutionRoleArn): &roles.Execution, aws.ToString(def.TaskRoleArn): &roles.Task} {
		if account, role, ok := roleOf(ref); ok {
			orSet(&p.Account, account)
			*name = role
		}
	}
	if p.Container == "" && len(def.ContainerDefinitions) == 1 {
		p.Container = aws.ToString(def.ContainerDefinitions[0].Name)
	}
	for _, c := range def.ContainerDefinitions {
		p.adoptContainer(c)
	}
	return nil
}

func (p *Project) adoptContainer(c types.ContainerDefinition) {
	for _, s := range c.Secrets {
		if from := aws.ToString(s.ValueFrom); strings.HasPrefix(from, "arn:") {
			p.Secrets = append(p.Secrets, secretARN(from))
		}
	}
	if l := c.LogConfiguration; l != nil && l.LogDriver == types.LogDriverAwslogs && l.Options["awslogs-create-group"] != "true" {
		orSet(&p.LogGroup, l.Options["awslogs-group"])
	}
	if p.Port == 0 && aws.ToString(c.Name) == p.Container && len(c.PortMappings) > 0 {
		p.Port = int(aws.ToInt32(c.PortMappings[0].ContainerPort))
	}
}

// secretARN leaves a reference's key, stage and version out.
func secretARN(from string) string {
	parts := strings.Split(from, ":")
	if len(parts) > 7 && parts[2] == "secretsmanager" {
		return strings.Join(parts[:7], ":")
	}
	return from
}

// roleOf splits a role's ARN. Paths stay a part of the name.
func roleOf(arn string) (account, name string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || !strings.HasPrefix(parts[5], "role/") {
		return "", "", false
	}
	return parts[4], strings.TrimPrefix(parts[5], "role/"), true
}

// The forms of what is written into the files.
var forms = []struct {
	what, hint string
	form       string
	value      func(*Project) string
}{
	{"account", "twelve digits", `^[0-9]{12}$`, func(p *Project) string { return p.Account }},
	{"region", "such as eu-west-1", `^[a-z]{2}(-[a-z]+)+-[0-9]$`, func(p *Project) string { return p.Config.Region }},
	{"container", "up to 255 letters, digits, - and _", `^[A-Za-z0-9_-]{1,255}$`, func(p *Project) string { return p.Container }},
	{"family", "up to 255 letters, digits, - and _", `^[A-Za-z0-9_-]{1,255}$`, func(p *Project) string { return p.Family }},
	{"log group", "letters, digits and . - _ / #", `^[A-Za-z0-9._/#-]{0,512}$`, func(p *Project) string { return p.LogGroup }},
	{"GitHub repository", "OWNER/NAME", `^([A-Za-z0-9-]+/[A-Za-z0-9._-]+)?$`, func(p *Project) string { return p.GitHub }},
	{"branch", "letters, digits and . _ - /", `^[A-Za-z0-9._/-]+$`, func(p *Project) string { return p.Branch }},
	{"version", "as `go install` takes it", `^[A-Za-z0-9.+-]+$`, func(p *Project) string { return p.Version }},
	{"role", "an ARN, or an expression such as ${{ secrets.IAMROLE_GITHUB }}", `^(arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+|\$\{\{ [\w.-]+ \}\})$`, func(p *Project) string { return p.Role }},
}

func (p *Project) check() error {
	var errs []error
	for _, f := range forms {
		if v := f.value(p); !regexp.MustCompile(f.form).MatchString(v) {
			errs = append(errs, fault.New(fault.Usage, f.hint, "%q is no valid %s", v, f.what))
		}
	}
	if p.Port < 1 || p.Port > 65535 {
		errs = append(errs, fault.New(fault.Usage, "a TCP port from 1 to 65535", "the container's port %d is no port", p.Port))
	}
	return errors.Join(errs...)
}
