package codedeploy

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/codedeploy"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
	"github.com/turnoutdev/turnout/testkit"
)

// How much faster than AWS's the waits are that real clients sit through. A script in
// python asks a hundred times a second; a command takes a second, and on a busy machine
// three.
const (
	scriptScale  = 45
	commandScale = 20
)

// served is a stage whose CodeDeploy answers over HTTP, with functions for hooks that are
// scripts, and alarms that /ring sets.
type served struct {
	*stage
	env []string
}

// serve makes a served stage. A hook's function is a script in python or a shell, which is
// run with its event as its argument.
func serve(t *testing.T, scale float64, functions map[string][]string) *served {
	t.Helper()
	var ringing atomic.Value
	s := &served{}
	s.stage = setStage(t, func(in *codedeploy.CreateDeploymentGroupInput) {
		in.BlueGreenDeploymentConfiguration.TerminateBlueInstancesOnDeploymentSuccess.TerminationWaitTimeInMinutes = 1
	}, alarmed(&ringing), func(o *Options) {
		o.Clock = clock.New(scale)
		o.Invoke = func(_ context.Context, name string, payload []byte) error {
			argv, ok := functions[name]
			if !ok {
				return noFunction(name)
			}
			go func() {
				if out, err := command(s.env, append(argv, string(payload))...); err != nil {
					t.Errorf("function %s: %v\n%s", name, err, out)
				}
			}()
			return nil
		}
	})
	s.change(func() { s.steady = time.Second })
	api := wire.NewServer(wire.Options{Services: []*wire.Service{wire.CodeDeploy(s.Ops())}, Log: s.Log})
	mux := http.NewServeMux()
	mux.Handle("/", api)
	mux.HandleFunc("/ring", func(_ http.ResponseWriter, r *http.Request) { ringing.Store(r.URL.Query().Get("names")) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	s.env = append(os.Environ(), "AWS_ENDPOINT_URL="+srv.URL, "AWS_ACCESS_KEY_ID=AKIA", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_CONFIG_FILE="+filepath.Join(t.TempDir(), "none"), "AWS_PAGER=")
	return s
}

type noFunction string

func (n noFunction) Error() string { return "Function not found: " + string(n) }

// command runs a client and returns what it wrote.
func command(env []string, argv ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func need(t *testing.T, probe ...string) {
	t.Helper()
	if out, err := command(os.Environ(), probe...); err != nil {
		testkit.NeedOrSkip(t, "needs "+strings.Join(probe, " ")+": "+out)
	}
}

// tell runs stories at once, for they mostly wait: each has a cloud of its own.
func tell(t *testing.T, pattern string, least int, scale float64, functions map[string][]string, argv func(file string) []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata/clients", pattern))
	if err != nil || len(files) < least {
		t.Fatalf("%d stories, %v", len(files), err)
	}
	var wg sync.WaitGroup
	for _, file := range files {
		s := serve(t, scale, functions)
		wg.Go(func() {
			began := time.Now()
			if out, err := command(s.env, argv(file)...); err != nil {
				t.Errorf("%s, after %v: %v\n%s", file, time.Since(began).Round(time.Second), err, out)
			}
		})
	}
	wg.Wait()
}

// TestBoto3 drives deployments with boto3, one script to a story.
func TestBoto3(t *testing.T) {
	need(t, "python3", "-c", "import boto3")
	t.Parallel()
	prelude, function := read(t, "testdata/clients/prelude.py"), read(t, "testdata/clients/function.py")
	functions := map[string][]string{"accept": {"python3", "-c", function, "Succeeded"}, "reject": {"python3", "-c", function, "Failed"}}
	tell(t, "story_*.py", 7, scriptScale, functions, func(file string) []string {
		return []string{"python3", "-c", prelude + read(t, file)}
	})
}

// TestAWSCommand drives deployments with the aws command from a shell.
func TestAWSCommand(t *testing.T) {
	need(t, "aws", "--version")
	t.Parallel()
	prelude, function := read(t, "testdata/clients/prelude.sh"), read(t, "testdata/clients/function.sh")
	functions := map[string][]string{"accept": {"sh", "-euc", function, "Succeeded"}, "reject": {"sh", "-euc", function, "Failed"}}
	tell(t, "story_*.sh", 5, commandScale, functions, func(file string) []string {
		return []string{"bash", "-eu", "-o", "pipefail", "-c", prelude + read(t, file)}
	})
}

func read(t *testing.T, file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}
