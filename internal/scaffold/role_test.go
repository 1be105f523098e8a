package scaffold

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/turnoutdev/turnout/internal/policy"
)

// The deploying role that Terraform makes may do what `turnout policy` prints, no more
// and no less.
func TestTheDeployingRoleHasThePolicy(t *testing.T) {
	src, err := files.ReadFile("files/terraform/modules/github/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	file, diags := hclparse.NewParser().ParseHCL(src, "main.tf")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	var got []string
	var statements func(*hclsyntax.Body)
	statements = func(b *hclsyntax.Body) {
		if a := b.Attributes["actions"]; a != nil {
			v, diags := a.Expr.Value(nil)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			for _, s := range v.AsValueSlice() {
				got = append(got, s.AsString())
			}
		}
		for _, inner := range b.Blocks {
			if len(inner.Labels) != 2 || inner.Labels[1] != "trust" {
				statements(inner.Body)
			}
		}
	}
	statements(file.Body.(*hclsyntax.Body))
	p := New(t.TempDir())
	p.Config.Service = "web"
	if err := p.Finish(); err != nil {
		t.Fatal(err)
	}
	role := aws.String("arn:aws:iam::123456789012:role/run")
	def := types.TaskDefinition{Family: aws.String("web"), ExecutionRoleArn: role, ContainerDefinitions: []types.ContainerDefinition{
		{LogConfiguration: &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{"awslogs-group": "/ecs/web"}}},
	}}
	var want []string
	for _, s := range policy.Static(p.Config, def, policy.Place{Partition: "aws", Region: "us-east-1", Account: "123456789012"}) {
		want = append(want, s.Action)
	}
	slices.Sort(got)
	slices.Sort(want)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
