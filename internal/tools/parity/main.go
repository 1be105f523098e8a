// Command parity writes docs/parity.md: per service and operation what the local cloud
// does, and every known difference from AWS. The operations are those that are registered;
// what is said of a service as a whole is its package comment.
//
//	go run ./internal/tools/parity > docs/parity.md
package main

import (
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/turnoutdev/turnout/cloud"
)

// service is where what is said of a service stands, and the SDK's client, whose methods
// are all operations that AWS has.
type service struct {
	title, folder string
	client        reflect.Type
}

// services are AWS's by the prefix of their IAM actions.
var services = map[string]service{
	"codedeploy":           {"AWS CodeDeploy", "codedeploy", reflect.TypeFor[*codedeploy.Client]()},
	"ecs":                  {"Amazon ECS", "ecs", reflect.TypeFor[*ecs.Client]()},
	"ecr":                  {"Amazon ECR", "ecr", reflect.TypeFor[*ecr.Client]()},
	"elasticloadbalancing": {"Elastic Load Balancing", "elbv2", reflect.TypeFor[*elb.Client]()},
	"sts":                  {"AWS STS", "sts", reflect.TypeFor[*sts.Client]()},
	"iam":                  {"AWS IAM", "iam", reflect.TypeFor[*iam.Client]()},
	"logs":                 {"CloudWatch Logs", "logs", reflect.TypeFor[*cloudwatchlogs.Client]()},
	"cloudwatch":           {"CloudWatch", "cloudwatch", reflect.TypeFor[*cloudwatch.Client]()},
	"lambda":               {"AWS Lambda", "lambda", reflect.TypeFor[*lambda.Client]()},
	"ec2":                  {"Amazon EC2, networks", "ec2", nil}, // of its 750 operations
	"ssm":                  {"Systems Manager Parameter Store", "ssm", reflect.TypeFor[*ssm.Client]()},
	"secretsmanager":       {"AWS Secrets Manager", "secretsmanager", reflect.TypeFor[*secretsmanager.Client]()},
}

func main() {
	if err := write(context.Background(), os.Stdout, "."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const head = `# Parity with AWS

What the local cloud answers, generated from its registered operations by
` + "`go run ./internal/tools/parity > docs/parity.md`" + `. An operation does what AWS's does unless
something is said beside it. *Record* means that it is checked, kept and returned, and has
no effect. Operations that are absent are answered with UnknownOperationException (or the
protocol's own form of it) by their name.
`

// write writes the page; root is the repository's folder.
func write(ctx context.Context, w io.Writer, root string) (err error) {
	c, err := cloud.Start(ctx, cloud.Options{Driver: "fake", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	all := c.Parity()
	if err := c.Stop(ctx); err != nil {
		return err
	}
	fmt.Fprint(w, head)
	fmt.Fprint(w, "\n| service | operations | records only | absent | protocols |\n|---|---|---|---|---|\n")
	var sections strings.Builder
	for _, p := range all {
		s, ok := services[p.ID]
		if !ok {
			s = service{title: p.SDK, folder: p.ID}
		}
		absent := absent(s.client, p.Operations)
		records := 0
		for _, o := range p.Operations {
			if o.Record != "" {
				records++
			}
		}
		answered := fmt.Sprint(len(p.Operations))
		if len(p.Operations) == 0 {
			answered = "see below"
		}
		fmt.Fprintf(w, "| [%s](#%s) | %s | %d | %d | %s |\n", s.title, anchor(s.title), answered, records, len(absent), strings.Join(p.Protocols, ", "))
		about, err := differences(filepath.Join(root, "cloud", "internal", s.folder, "doc.go"))
		if err != nil {
			return err
		}
		section(&sections, s.title, about, p.Operations, absent)
	}
	_, err = io.WriteString(w, sections.String())
	return err
}

func section(b *strings.Builder, title, about string, ops []cloud.OperationParity, absent []string) {
	fmt.Fprintf(b, "\n## %s\n", title)
	if about != "" {
		fmt.Fprintf(b, "\n%s\n", about)
	}
	ops = slices.Clone(ops)
	slices.SortFunc(ops, func(x, y cloud.OperationParity) int { return strings.Compare(x.Name, y.Name) })
	var whole []string
	var notes []cloud.OperationParity
	for _, o := range ops {
		if o.Record == "" && len(o.Differs) == 0 {
			whole = append(whole, o.Name)
		} else {
			notes = append(notes, o)
		}
	}
	if len(whole) > 0 {
		fmt.Fprintf(b, "\nAs AWS: %s.\n", strings.Join(whole, ", "))
	}
	if len(notes) > 0 {
		b.WriteString("\n| operation | difference |\n|---|---|\n")
	}
	for _, o := range notes {
		var parts []string
		if o.Record != "" {
			parts = append(parts, "*Record*: "+o.Record)
		}
		fmt.Fprintf(b, "| %s | %s |\n", o.Name, strings.Join(append(parts, o.Differs...), "; "))
	}
	if len(absent) > 0 {
		fmt.Fprintf(b, "\nAbsent: %s.\n", strings.Join(absent, ", "))
	}
}

// absent are the client's operations that are not registered.
func absent(client reflect.Type, ops []cloud.OperationParity) []string {
	if client == nil || len(ops) == 0 {
		return nil
	}
	var out []string
	for i := range client.NumMethod() {
		m := client.Method(i)
		isOperation := m.Type.NumIn() == 4 && m.Type.NumOut() == 2 // receiver, context, input, options
		if isOperation && !slices.ContainsFunc(ops, func(o cloud.OperationParity) bool { return o.Name == m.Name }) {
			out = append(out, m.Name)
		}
	}
	return out
}

// differences is what a package comment says of differences from AWS, from that word on.
func differences(file string) (string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments|parser.PackageClauseOnly)
	if err != nil {
		return "", err
	}
	var out []string
	on := false
	for _, p := range strings.Split(strings.TrimSpace(f.Doc.Text()), "\n\n") {
		first, _, _ := strings.Cut(p, "\n")
		on = on || strings.Contains(first, "differs") || strings.Contains(first, "ifferences from AWS")
		if on && !strings.HasPrefix(p, "Absent:") { // those are listed below
			out = append(out, list(p))
		}
	}
	return strings.Join(out, "\n\n"), nil
}

// list brings a paragraph with a doc comment's list into Markdown.
func list(p string) string {
	lines := strings.Split(p, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "  - ") && i > 0 && !strings.HasPrefix(strings.TrimSpace(lines[i-1]), "-") && lines[i-1] != "" && !strings.HasPrefix(lines[i-1], "    ") {
			lines[i] = "\n" + l[2:]
		} else {
			lines[i] = strings.TrimPrefix(l, "  ")
		}
	}
	return strings.Join(lines, "\n")
}

func anchor(title string) string {
	return strings.NewReplacer(" ", "-", ",", "").Replace(strings.ToLower(title))
}
