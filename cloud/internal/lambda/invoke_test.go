package lambda

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func decoded(t *testing.T, s string) string {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// An ordinary Go function: its answers, its log, its errors.
func TestAGoFunction(t *testing.T) {
	r := running(t)
	r.create("fn", program(t))
	answer, fault, log := r.invoke("fn", `{"do":"echo","text":"hi"}`)
	if answer != `"hi"` || fault != "" {
		t.Fatalf("answered %s, %s\n%s", answer, fault, log)
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "START RequestId: ") || !strings.HasSuffix(lines[0], " Version: $LATEST") ||
		lines[1] != "asked to echo" || !strings.HasPrefix(lines[2], "END RequestId: ") || !strings.Contains(lines[3], "\tMemory Size: 128 MB\tInit Duration: ") {
		t.Errorf("the log's tail is\n%s", log)
	}
	if got := r.lines["/aws/lambda/fn"]; len(got) != 5 || got[0] != "beginning" {
		t.Errorf("the log group has %q", got)
	}
	answer, fault, _ = r.invoke("fn", `{"do":"fail","text":"no luck"}`)
	if fault != "Unhandled" || field(t, answer, "errorMessage") != "no luck" || field(t, answer, "errorType") != "errorString" {
		t.Errorf("a function's error is %s, %s", answer, fault)
	}
	answer, fault, _ = r.invoke("fn", `{"do":"panic","text":"oh"}`)
	if fault != "Unhandled" || field(t, answer, "errorMessage") != "oh" {
		t.Errorf("a panic is %s, %s", answer, fault)
	}
	answer, fault, _ = r.invoke("fn", `{"do":"exit"}`)
	if fault != "Unhandled" || field(t, answer, "errorType") != "Runtime.ExitError" || !strings.HasSuffix(field(t, answer, "errorMessage").(string), "Error: Runtime exited with error: exit status 7") {
		t.Errorf("an exit is %s, %s", answer, fault)
	}
	if answer, fault, _ = r.invoke("fn", `{"do":"write","text":"x"}`); fault == "" || !strings.Contains(answer, "/var/task/x: read-only file system") || strings.Contains(answer, "/tmp") {
		t.Errorf("only /tmp can be written: %s", answer)
	}
	if answer, fault, _ = r.invoke("fn", ``); answer != `""` || fault != "" {
		t.Errorf("without a payload: %s, %s", answer, fault)
	}
}

func TestWhatAFunctionFindsAround(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "reached") }))
	defer srv.Close()
	r := running(t)
	r.Endpoint = netip.MustParseAddrPort("127.0.0.1:4999")
	r.Reach = func() []netip.AddrPort {
		return []netip.AddrPort{netip.MustParseAddrPort(srv.Listener.Addr().String())}
	}
	r.create("fn", program(t), func(in *lambda.CreateFunctionInput) {
		in.MemorySize, in.Timeout = aws.Int32(256), aws.Int32(30)
		in.Environment = &types.Environment{Variables: map[string]string{"COLOUR": "blue"}}
	})
	client := base64.StdEncoding.EncodeToString([]byte(`{"custom":{"k":"v"}}`))
	out, err := r.Invoke(bg, &lambda.InvokeInput{FunctionName: aws.String("fn:$LATEST"), Payload: []byte(`{"do":"environment"}`), ClientContext: &client})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Env     []string
		ARN, ID string
		Left    float64
		Client  map[string]string
		UID     int
	}
	if err := json.Unmarshal(out.Payload, &got); err != nil {
		t.Fatalf("%v: %s", err, out.Payload)
	}
	for _, want := range []string{
		"COLOUR=blue", "AWS_ACCESS_KEY_ID=ASIA-fn", "AWS_SESSION_TOKEN=t", "AWS_REGION=us-east-1", "AWS_ENDPOINT_URL=http://127.0.0.1:4999", "AWS_LAMBDA_FUNCTION_NAME=fn",
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=256", "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/fn", "_HANDLER=bootstrap", "LAMBDA_TASK_ROOT=/var/task",
	} {
		if !slices.Contains(got.Env, want) {
			t.Errorf("%s is not in %q", want, got.Env)
		}
	}
	if got.ARN != "arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST" || len(got.ID) != 36 || got.Left < 25 || got.Left > 30 || got.Client["k"] != "v" || got.UID != 993 {
		t.Errorf("the context is %+v", got)
	}
	if answer, fault, _ := r.invoke("fn", `{"do":"get","text":"`+srv.URL+`"}`); answer != `"reached"` {
		t.Errorf("the machine's address: %s, %s", answer, fault)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if answer, fault, _ := r.invoke("fn", `{"do":"get","text":"http://`+l.Addr().String()+`"}`); fault == "" {
		t.Errorf("an address that is not offered is reached: %s", answer)
	}
}

func TestATimeoutEndsTheEnvironment(t *testing.T) {
	r := running(t)
	r.create("fn", program(t), func(in *lambda.CreateFunctionInput) { in.Timeout = aws.Int32(1) })
	r.invoke("fn", `{}`)
	answer, fault, log := r.invoke("fn", `{"do":"sleep"}`)
	if fault != "Unhandled" || field(t, answer, "errorType") != "Sandbox.Timedout" || !strings.HasSuffix(field(t, answer, "errorMessage").(string), "Error: Task timed out after 1.00 seconds") {
		t.Errorf("a timeout is %s, %s", answer, fault)
	}
	if !strings.HasSuffix(log, " Task timed out after 1.00 seconds\n") {
		t.Errorf("its log is %s", log)
	}
	if answer, _, _ := r.invoke("fn", `{"do":"environment"}`); field(t, answer, "calls") != 1.0 {
		t.Errorf("the environment went on: %s", answer)
	}
}

func TestEnvironmentsAreUsedAgainUntilTheFunctionChanges(t *testing.T) {
	r := running(t)
	r.create("fn", program(t))
	calls := func() any {
		answer, _, _ := r.invoke("fn", `{"do":"environment"}`)
		return field(t, answer, "calls")
	}
	if a, b := calls(), calls(); a != 1.0 || b != 2.0 {
		t.Errorf("calls %v and %v", a, b)
	}
	if _, err := r.UpdateFunctionConfiguration(bg, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), Description: aws.String("new")}); err != nil {
		t.Fatal(err)
	}
	if a := calls(); a != 1.0 {
		t.Errorf("after a change an environment counts %v", a)
	}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			if answer, fault, _ := r.invoke("fn", `{"do":"echo","text":"x"}`); answer != `"x"` {
				t.Errorf("at the same time: %s, %s", answer, fault)
			}
		})
	}
	wg.Wait()
}

func TestFunctionsThatCannotBegin(t *testing.T) {
	r := running(t)
	for name, c := range map[string]struct {
		zip  []byte
		kind string
		text string
	}{
		"nothing": {zipped(t, map[string][]byte{"main": []byte("x")}), "Runtime.InvalidEntrypoint", "bootstrap"},
		"script":  {zipped(t, map[string][]byte{"bootstrap": []byte("#!/bin/sh\n")}), "Runtime.InvalidEntrypoint", "bootstrap"},
	} {
		r.create(name, c.zip)
		if answer, fault, _ := r.invoke(name, `{}`); fault != "Unhandled" || field(t, answer, "errorType") != c.kind || !strings.Contains(answer, c.text) {
			t.Errorf("%s: %s, %s", name, answer, fault)
		}
	}
	r.create("broken", program(t), func(in *lambda.CreateFunctionInput) {
		in.Environment = &types.Environment{Variables: map[string]string{"BROKEN": "1"}}
	})
	answer, fault, log := r.invoke("broken", `{}`)
	if fault != "Unhandled" || !strings.Contains(answer, "Runtime exited with error: exit status 3") || !strings.Contains(log, "cannot begin\n") {
		t.Errorf("broken: %s, %s, %s", answer, fault, log)
	}
}

func TestEventsAreTriedThreeTimes(t *testing.T) {
	r := running(t)
	r.create("fn", program(t))
	out, err := r.Invoke(bg, &lambda.InvokeInput{FunctionName: aws.String("fn"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"do":"fail"}`)})
	if err != nil || out.StatusCode != 202 || len(out.Payload) > 0 {
		t.Fatalf("%+v, %v", out, err)
	}
	asked := func() (n int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, l := range r.lines["/aws/lambda/fn"] {
			if l == "asked to fail" {
				n++
			}
		}
		return n
	}
	for end := time.Now().Add(20 * time.Second); asked() < 3 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(500 * time.Millisecond)
	if n := asked(); n != 3 {
		t.Errorf("tried %d times", n)
	}
}

func TestInvocationsThatAreRefused(t *testing.T) {
	r := open(t)
	r.create("fn", zipped(t, map[string][]byte{"bootstrap": nil}))
	invoke := func(in *lambda.InvokeInput) error {
		_, err := r.Invoke(bg, in)
		return err
	}
	wantError(t, invoke(&lambda.InvokeInput{FunctionName: aws.String("none")}), "ResourceNotFoundException", "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none")
	wantError(t, invoke(&lambda.InvokeInput{FunctionName: aws.String("fn"), Qualifier: aws.String("7")}), "ResourceNotFoundException", "function:fn:7")
	wantError(t, invoke(&lambda.InvokeInput{FunctionName: aws.String("fn"), Payload: []byte(`{`)}), "InvalidRequestContentException", "Could not parse request body into json")
	wantError(t, invoke(&lambda.InvokeInput{FunctionName: aws.String("fn"), Payload: make([]byte, maxPayload+1)}), "RequestTooLargeException", "byte payload is too large")
	out, err := r.Invoke(bg, &lambda.InvokeInput{FunctionName: aws.String("123456789012:function:fn"), InvocationType: types.InvocationTypeDryRun})
	if err != nil || out.StatusCode != 204 {
		t.Errorf("a dry run: %+v, %v", out, err)
	}
	if _, err := r.PutFunctionConcurrency(bg, &lambda.PutFunctionConcurrencyInput{FunctionName: aws.String("fn"), ReservedConcurrentExecutions: aws.Int32(0)}); err != nil {
		t.Fatal(err)
	}
	wantError(t, invoke(&lambda.InvokeInput{FunctionName: aws.String("fn")}), "TooManyRequestsException", "Rate Exceeded.")
}
