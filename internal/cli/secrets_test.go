package cli

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

// locked is a buffer that several may write to.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// arguments collects the arguments of all processes that can be seen, until stop.
func arguments(into *locked) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is well-formed
			for _, f := range files {
				if b, err := os.ReadFile(f); err == nil {
					_, _ = into.Write(append(b, '\n'))
				}
			}
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// TestSecretsStayWhereTheyBelong plants secrets of every kind, ships, fails, looks at
// everything, and then searches all that was said or written for them.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	const inEnvironment, inStore = "planted-in-the-environment-7f3a", "planted-in-the-store-91bc"
	var cloudLog, said, argv locked
	logger := slog.New(slog.NewTextHandler(&cloudLog, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w := newTownOn(t, cloud.Options{Driver: "native", TimeScale: 600, Log: logger})
	stop := arguments(&argv)
	_, rootSecret := w.cloud.Credentials()
	token, err := w.aws.ECR().GetAuthorizationToken(t.Context(), &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(*token.AuthorizationData[0].AuthorizationToken)
	if err != nil {
		t.Fatal(err)
	}
	_, password, _ := strings.Cut(string(raw), ":")
	if _, err := ssm.NewFromConfig(w.aws.Config()).PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/hello/key"), Value: aws.String(inStore), Type: ssmtypes.ParameterTypeSecureString}); err != nil {
		t.Fatal(err)
	}

	w.write("taskdef.json", strings.Replace(w.definition("x"), `{"name": "TRY", "value": "x"}`, `{"name": "DB_PASSWORD", "value": "`+inEnvironment+`"}`, 1))
	bundle := filepath.Join(t.TempDir(), "b")
	turnout := func(code int, args ...string) {
		t.Helper()
		if got := checked(t.Context(), t, append(args, "--local", "--state", w.state, "-f", w.dir), &term.Streams{In: strings.NewReader(""), Out: &said, Err: &said}); got != code {
			t.Fatalf("%v: exit code %d, want %d\n%s", args, got, code, said.String())
		}
	}
	turnout(0, "build", "--builder", "builtin", "--bundle", bundle)
	turnout(0, "ship", "--builder", "builtin", "--json")
	turnout(0, "diff")
	turnout(0, "status")
	turnout(0, "history")
	// A version that cannot start: the autopsy quotes logs and definitions.
	w.edit("taskdef.json", `"essential": true,`, `"essential": true, "entryPoint": ["/nosuch"],`)
	turnout(fault.RolledBack, "ship", "--builder", "builtin")
	// One that writes what it was given into its log, which the autopsy quotes.
	w.edit("taskdef.json", `"entryPoint": ["/nosuch"],`, `"logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "/ecs/hello", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "ecs"}},`)
	w.edit("taskdef.json", `"value": "9000"`, `"value": "`+inEnvironment+`"`)
	turnout(fault.RolledBack, "ship", "--builder", "builtin")
	if !strings.Contains(said.String(), "listens on :***") {
		t.Error("the log was not quoted")
	}
	stop()

	journals, err := run.Folder()
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{"output": said.String(), "the cloud's log": cloudLog.String(), "arguments": argv.String(), "journals": below(t, journals), "the bundle": bundled(t, bundle)}
	for secret, value := range map[string]string{"an environment variable": inEnvironment, "a parameter": inStore, "the root key": rootSecret, "the registry's password": password} {
		if len(value) < 12 {
			t.Fatalf("%s: %q is no secret", secret, value)
		}
		for place, text := range places {
			if i := strings.Index(text, value); i >= 0 {
				t.Errorf("%s stands in %s: …%s…", secret, place, text[max(0, i-120):min(len(text), i+len(value)+40)])
			}
		}
	}
	if !strings.Contains(places["journals"], `"event":"created"`) || !strings.Contains(places["the cloud's log"], "CreateDeployment") && len(places["the cloud's log"]) == 0 || len(argv.String()) == 0 {
		t.Error("there was nothing to search")
	}
}

// below is the text of all files below dir.
func below(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// bundled is the text of a bundle's files but the task definition, which is what it is.
func bundled(t *testing.T, path string) string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = z.Close() }()
	var all strings.Builder
	for _, f := range z.File {
		if f.Name == "taskdef.json" {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
