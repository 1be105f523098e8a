package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/fake"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/testkit"
)

var bg = context.Background()

const role = "arn:aws:iam::123456789012:role/fn"

// rig is a service with a notebook of what its functions log.
type rig struct {
	*Service
	t  *testing.T
	mu sync.Mutex
	// lines by log stream
	lines map[string][]string
}

// open makes a service that does not run functions.
func open(t *testing.T) *rig { return with(t, fake.New(fake.Options{}), t.TempDir(), "") }

// running makes a service that runs functions, until the test ends.
func running(t *testing.T) *rig {
	t.Helper()
	if err := native.Available(); err != nil {
		testkit.NeedOrSkip(t, "needs namespaces: "+err.Error())
	}
	d, err := native.New(native.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	r := with(t, d, t.TempDir(), "")
	ctx, stop := context.WithCancel(bg)
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-ended, d.Close(bg)); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(r.Dir, "logs", "*")); len(left) > 0 {
			t.Errorf("logs left behind: %v", left)
		}
	})
	return r
}

func with(t *testing.T, d runtime.Driver, dir, state string) *rig {
	t.Helper()
	st, err := store.Open(state)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	r := &rig{t: t, lines: map[string][]string{}}
	r.Service, err = New(Options{
		Store: st, Clock: clock.New(600), Place: arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}, Driver: d, Dir: dir,
		Assume: func(_ context.Context, arn, session string) (*ststypes.Credentials, error) {
			if arn != role {
				return nil, errors.New("not trusted")
			}
			return &ststypes.Credentials{AccessKeyId: aws.String("ASIA-" + session), SecretAccessKey: aws.String("s"), SessionToken: aws.String("t")}, nil
		},
		Logs: func(_ context.Context, _, group, _ string) (func(time.Time, []byte) error, error) {
			return func(_ time.Time, line []byte) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.lines[group] = append(r.lines[group], string(line))
				return nil
			}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var built = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "lambda-test-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir+"/bootstrap", "./testdata/function")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(dir + "/bootstrap")
})

// program is the zip of testdata/function.
func program(t *testing.T) []byte {
	t.Helper()
	b, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return zipped(t, map[string][]byte{"bootstrap": b, "etc/notes.txt": []byte("hello")})
}

func zipped(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, content := range files {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate}
		h.SetMode(0o755)
		w, err := z.CreateHeader(h)
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// create makes a function of a zip; edit changes the call.
func (r *rig) create(name string, zip []byte, edit ...func(*lambda.CreateFunctionInput)) *lambda.CreateFunctionOutput {
	r.t.Helper()
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Role: aws.String(role), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Code: &types.FunctionCode{ZipFile: zip},
	}
	for _, e := range edit {
		e(in)
	}
	out, err := r.CreateFunction(bg, in)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// invoke runs a function and waits; the log is its tail.
func (r *rig) invoke(name, payload string) (answer, fault, log string) {
	r.t.Helper()
	out, err := r.Invoke(bg, &lambda.InvokeInput{FunctionName: &name, Payload: []byte(payload), LogType: types.LogTypeTail})
	if err != nil {
		r.t.Fatal(err)
	}
	return string(out.Payload), aws.ToString(out.FunctionError), decoded(r.t, *out.LogResult)
}

// wantError fails the test unless err has the code and holds the text.
func wantError(t *testing.T, err error, code, text string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code || !strings.Contains(api.ErrorMessage(), text) {
		t.Errorf("got %v, want %s: %s", err, code, text)
	}
}

func field(t *testing.T, object, name string) any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(object), &m); err != nil {
		t.Fatalf("%v: %s", err, object)
	}
	return m[name]
}
