package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/turnoutdev/turnout/"

// rule forbids imports: packages below From may not import packages below To, unless
// they stand below one of Except.
type rule struct {
	From, To string
	Except   []string
	Reason   string
}

// shared is what knows nothing of the house: any package may import it.
const shared = module + "internal/regex"

var rules = []rule{
	{"", module + "internal/cli", []string{"cmd/turnout", "internal/cli"}, "the command line is the top: nothing builds on it"},
	{"cloud", module + "internal", nil, "the cloud cannot know who drives it: only an endpoint differs"},
	{"internal/pipeline", module + "cloud", nil, "the pipeline cannot know whether it rehearses: only an endpoint differs"},
	{"internal/watch", module + "cloud", nil, "what watches AWS watches the local cloud unchanged"},
	{"internal/autopsy", module + "cloud", nil, "an autopsy reads AWS's API and nothing else"},
	{"internal/provision", module + "cloud", nil, "provisioning is AWS API calls alone"},
	{"internal/survey", module + "cloud", nil, "a survey reads AWS's API and nothing else"},
	{"internal/policy", module + "cloud", nil, "a policy is made of permissions, wherever they were seen"},
	{"internal/scaffold", module + "cloud", nil, "a project's files come from AWS's API and its own documents"},
	{"internal/rehearse", module + "cloud", nil, "a rehearsal knows the cloud by its endpoint; cli starts it"},
	{"internal/pipeline/build", module + "internal/pipeline", nil, "stages do not know each other"},
	{"internal/pipeline/push", module + "internal/pipeline", nil, "stages do not know each other"},
	{"internal/pipeline/render", module + "internal/pipeline", nil, "stages do not know each other"},
	{"internal/pipeline/register", module + "internal/pipeline", nil, "stages do not know each other"},
	{"internal/pipeline/shift", module + "internal/pipeline", nil, "stages do not know each other"},
	{"internal/pipeline/verify", module + "internal/pipeline", nil, "stages do not know each other"},
	{"internal/taskdef", "github.com/aws/aws-sdk-go-v2/config", nil, "documents are pure: no call is made from them"},
	{"internal/appspec", "github.com/aws", nil, "documents are pure: no call is made from them"},
	{"cloud/internal/balancer", module, nil, "the data path stands alone, so that it can be read, fuzzed and reused alone"},
	{"cloud/internal/policy", module, nil, "policy evaluation is pure"},
	{"", "github.com/moby/moby", []string{"cloud/internal/runtime/docker"}, "one package knows the Docker engine"},
	{"", "github.com/aws/aws-sdk-go-v2/service/ec2", []string{"cloud/internal/ec2/model"}, "it takes longer to compile than all the rest together: the cloud has its shapes in cloud/internal/ec2/model"},
	{"", "text/template", nil, "it calls methods by name, for which the linker keeps every method of every AWS client: a quarter of the binary"},
	{"", "html/template", nil, "as text/template"},
	{"", "github.com/hashicorp/hcl", nil, "Terraform's language is for tests: users' binaries do without it"},
	{"", "go.etcd.io/bbolt", []string{"cloud/internal/store"}, "one package knows the database"},
	{"", "github.com/spf13/cobra", []string{"internal/cli"}, "one package knows the command line"},
	{"", "golang.org/x/term", []string{"internal/term"}, "one package knows what a terminal is"},
	{"cloud/internal/codedeploy", module + "cloud/internal/ecs", nil, "services meet through interfaces in SDK signatures"},
	{"cloud/internal/codedeploy", module + "cloud/internal/elbv2", nil, "services meet through interfaces in SDK signatures"},
	{"cloud/internal/ecs", module + "cloud/internal/elbv2", nil, "services meet through interfaces in SDK signatures"},
	{"cloud/internal/ecs", module + "cloud/internal/codedeploy", nil, "services meet through interfaces in SDK signatures"},
	{"cloud/internal/elbv2", module + "cloud/internal/ecs", nil, "services meet through interfaces in SDK signatures"},
	{"cloud/internal/console", module + "cloud/internal/store", nil, "the page reads through the API only"},
	{"cloud/internal/console", module + "cloud/internal/ecs", nil, "the page reads through the API only"},
	{"cloud/internal/console", module + "cloud/internal/codedeploy", nil, "the page reads through the API only"},
	{"cloud/internal/console", module + "cloud/internal/elbv2", nil, "the page reads through the API only"},
	{"cloud/internal/console", module + "cloud/internal/ecr", nil, "the page reads through the API only"},
	{"cloud/internal/console", module + "cloud/internal/logs", nil, "the page reads through the API only"},
	{"cloud/internal/console", module + "cloud/internal/cloudwatch", nil, "the page reads through the API only"},
	{"cloud/internal/ecr", module + "cloud/internal/ecs", nil, "services meet through interfaces in SDK signatures"},
}

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath string
	Imports    []string
}

func TestImports(t *testing.T) {
	for _, p := range list(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		for _, imp := range p.Imports {
			for _, r := range rules {
				if r.forbids(from, imp) {
					t.Errorf("%s imports %s: %s", from, imp, r.Reason)
				}
			}
		}
	}
}

func (r rule) forbids(from, imp string) bool {
	if imp == shared || !below(from, r.From) || !below(imp, strings.TrimSuffix(r.To, "/")) {
		return false
	}
	if r.From != "" && below(imp, module+r.From) { // a room may use its own parts
		return false
	}
	for _, e := range r.Except {
		if below(from, e) {
			return false
		}
	}
	return true
}

// below tells whether path is prefix or stands below it.
func below(path, prefix string) bool {
	return prefix == "" || path == prefix || strings.HasPrefix(path, prefix+"/")
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
	if len(pkgs) < 30 {
		t.Fatalf("only %d packages listed", len(pkgs))
	}
	return pkgs
}

func TestRulesBite(t *testing.T) {
	for _, bad := range [][2]string{
		{"cloud/internal/ecs", module + "internal/config"},
		{"internal/pipeline/shift", module + "internal/pipeline/verify"},
		{"internal/pipeline/shift", module + "cloud"},
		{"cloud/internal/balancer", module + "cloud/internal/clock"},
		{"cloud/internal/ecs", "go.etcd.io/bbolt"},
		{"internal/run", module + "internal/cli"},
	} {
		caught := false
		for _, r := range rules {
			caught = caught || r.forbids(bad[0], bad[1])
		}
		if !caught {
			t.Errorf("nothing keeps %s from importing %s", bad[0], bad[1])
		}
	}
}
