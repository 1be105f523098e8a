package conformance

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
	"github.com/turnoutdev/turnout/testkit"
)

// botocore knows AWS's models and nothing of the Go SDK: what both understand alike is right.
// Its requests are signed, so its signatures are judged too.
func TestBotocoreAgrees(t *testing.T) {
	if err := exec.Command("python3", "-c", "import botocore").Run(); err != nil {
		testkit.NeedOrSkip(t, "needs python3 with botocore")
	}
	m := &mirror{}
	srv := httptest.NewServer(m.serve())
	defer srv.Close()
	args := []string{"testdata/oracle.py", srv.URL}
	for _, tg := range targets {
		for _, p := range tg.botocore {
			args = append(args, tg.name+":"+p+":"+strings.Join(tg.only, "+"))
		}
	}
	var stderr bytes.Buffer
	cmd := exec.Command("python3", args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	report(t, out, len(args)-2)
}

// report reads the oracle's lines.
func report(t *testing.T, out []byte, runs int) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			Problem  string
			Counts   map[string]int
			Newer    []string
			Botocore string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		if line.Problem != "" && !tolerated(line.Problem) {
			t.Error(line.Problem)
		}
		if line.Counts != nil {
			t.Logf("botocore %s: %v; members of the SDK that it does not have: %d", line.Botocore, line.Counts, len(line.Newer))
			if len(line.Counts) != runs {
				t.Errorf("%d runs, want %d", len(line.Counts), runs)
			}
		}
	}
}

// tolerated lists disagreements between the two clients' models.
func tolerated(problem string) bool {
	for name := range beyond {
		if strings.HasPrefix(problem, "lambda rest-json "+name+":") {
			return true
		}
	}
	return false
}

// mirror is a server that tells what it understood and answered.
type mirror struct {
	in, out json.RawMessage
	fail    bool
}

func (m *mirror) serve() *wire.Server {
	rng := rand.New(rand.NewPCG(1, 2))
	var services []*wire.Service
	for _, tg := range targets {
		services = append(services, m.service(tg, rng))
	}
	v := &wire.Verifier{Region: "eu-west-1", Credentials: m}
	s := wire.NewServer(wire.Options{Services: services, Authenticate: v.Authenticate})
	s.Handle("/_echo/last", http.HandlerFunc(m.tell))
	s.Handle("/_echo/fail", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { m.fail = true }))
	return s
}

func (m *mirror) Lookup(context.Context, string) (wire.Credential, bool) {
	return wire.Credential{Secret: "secret", Caller: identity.Caller{Kind: identity.Root}}, true
}

func (m *mirror) service(tg target, rng *rand.Rand) *wire.Service {
	svc := tg.service(nil)
	svc.Wording = wire.OwnWords
	told := svc.Names
	if told.EC2 {
		told = &codec.Names{} // botocore's members have the Go fields' names
	}
	for _, o := range tg.operations(config(nil)) {
		svc.Ops = append(svc.Ops, wire.Dynamic(o.in, o.out, func(_ context.Context, in any) (any, error) {
			if m.fail {
				m.fail = false
				return nil, &smithy.GenericAPIError{Code: "AccessDenied", Message: "not you <&>"}
			}
			f := &filler{rng: rng, names: svc.Names, plain: tg.name == "lambda"}
			out := f.fill(o.out)
			m.in, m.out = text(told, in), text(told, out)
			return out, nil
		}))
	}
	return svc
}

// text writes a value with the model's names, wherever its members travel.
func text(names *codec.Names, v any) json.RawMessage {
	b, err := names.AppendJSON(nil, v)
	if err != nil {
		return json.RawMessage(fmt.Sprintf("%q", fmt.Sprintf("%v: %v", reflect.TypeOf(v), err)))
	}
	return b
}

func (m *mirror) tell(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]json.RawMessage{"in": m.in, "out": m.out})
}
