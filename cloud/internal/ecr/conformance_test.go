package ecr

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

const suite = "github.com/opencontainers/distribution-spec/conformance"

// TestConformance runs the OCI's own conformance suite, newest version of the
// specification, against the registry. Repositories are made before: ECR makes none on
// push.
func TestConformance(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "conformance")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, suite)
	if out, err := build.CombinedOutput(); err != nil {
		testkit.NeedOrSkip(t, "needs the module "+suite+": "+string(out))
	}
	for _, version := range []string{"1.1", "dev"} {
		t.Run(version, func(t *testing.T) { conform(t, bin, version) })
	}
}

func conform(t *testing.T, bin, version string) {
	r := newRig(t)
	r.create("conformance/repo1")
	r.create("conformance/repo2")
	results := t.TempDir()
	cmd := exec.CommandContext(t.Context(), bin)
	cmd.Dir = results
	cmd.Env = append(os.Environ(),
		"OCI_REGISTRY="+r.Endpoint(), "OCI_TLS=disabled", "OCI_VERSION="+version, "OCI_RESULTS_DIR="+results,
		"OCI_USERNAME=AWS", "OCI_PASSWORD="+r.password(t.Context()),
	)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, failedLine.FindAll(out, -1))
	}
	got := readJUnit(t, filepath.Join(results, "junit.xml"))
	t.Logf("%d tests, %d skipped, %d disabled", got.Tests, got.Skipped, got.Disabled)
	if got.Failures+got.Errors+got.Skipped > 0 || got.Tests-got.Disabled < 800 {
		t.Errorf("%+v\n%s", got, failedLine.FindAll(out, -1))
	}
}

var failedLine = regexp.MustCompile(`(?m)^.*(?:FAIL|Error|Skip).*$`)

// junit is the head of the suite's report: it exits with 0 when it did not run at all.
type junit struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Disabled int `xml:"disabled,attr"`
}

func readJUnit(t *testing.T, file string) (j junit) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := xml.Unmarshal(b, &j); err != nil {
		t.Fatal(err)
	}
	return j
}
