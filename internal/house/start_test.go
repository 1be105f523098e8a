package house

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Since the autumn of 2026 a client of the SDK describes all its shapes to itself as the
// program starts, whether it is used or not: a megabyte and some milliseconds each for the
// large ones, in every verb. The clients whose newest members nothing needs are held at the
// version before that; docs/adr/0001 has the figures.
func TestFewClientsStartUpWithTheProgram(t *testing.T) {
	const service = "github.com/aws/aws-sdk-go-v2/service/"
	may := []string{"ecs", "signin", "sso", "ssooidc"} // the last three: to sign in with IAM Identity Center
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/turnout")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, p := range strings.Fields(string(out)) {
		name, ok := strings.CutSuffix(strings.TrimPrefix(p, service), "/schemas")
		if !ok || !strings.HasPrefix(p, service) {
			continue
		}
		found++
		if !slices.Contains(may, name) {
			t.Errorf("the SDK's client of %s costs every verb memory and time at its start: hold it at an earlier version, or say here why not", name)
		}
	}
	if found != len(may) {
		t.Errorf("%d clients have schemas, not %d: shorten the list", found, len(may))
	}
}
