package awsclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/smithy-go"
)

// answering is a client of a server that records the last body and answers with a text.
func answering(t *testing.T, answer string) (*Clients, *string) {
	t.Helper()
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = string(b)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	a, err := New(t.Context(), Options{Region: "us-east-1", Endpoint: srv.URL, AccessKeyID: "AKIAIOSFODNN7EXAMPLE", SecretAccessKey: "example"})
	if err != nil {
		t.Fatal(err)
	}
	return a, &got
}

// What a document says arrives byte for byte, and comes back whole, though the SDK knows
// nothing of it.
func TestFieldsNewerThanTheSDKSurvive(t *testing.T) {
	const document = `{ "family":"web","quantum": {"mode": 1.50},"containerDefinitions":[{"name":"web","environment":[{"name":"E","value":""}]}] }`
	a, sent := answering(t, `{"taskDefinition":{"taskDefinitionArn":"arn:aws:ecs:us-east-1:123456789012:task-definition/web:7"}}`)
	out, err := RegisterTaskDefinition(t.Context(), a.ECS(), []byte(document))
	if err != nil || *sent != document || !strings.HasSuffix(*out.TaskDefinition.TaskDefinitionArn, "web:7") {
		t.Errorf("%v, sent\n%s", err, *sent)
	}

	a, _ = answering(t, `{"taskDefinition":{"taskDefinitionArn":"arn:aws:ecs:us-east-1:123456789012:task-definition/web:7","family":"web","quantum":{"mode":1.50}},"tags":[{"key":"a","value":"b"}]}`)
	arn, doc, err := DescribeTaskDefinition(t.Context(), a.ECS(), "web")
	if err != nil || !strings.HasSuffix(arn, "web:7") {
		t.Fatal(err)
	}
	for _, want := range []string{`"quantum":{"mode":1.50}`, `"tags":[{"key":"a","value":"b"}]`} {
		if !strings.Contains(string(doc), want) {
			t.Errorf("no %s in %s", want, doc)
		}
	}
}

func TestOnceLooksBeforeItTriesAgain(t *testing.T) { synctest.Test(t, onceLooks) }

func onceLooks(t *testing.T) {
	passing := &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
	final := errors.New("no")
	for _, c := range []struct {
		name    string
		answers []error // of the call, in order; then it succeeds
		found   bool    // by look
		calls   int
		want    string
	}{
		{"at once", nil, false, 1, "made 1"},
		{"an answer that was lost", []error{passing}, true, 1, "found"},
		{"nothing was done", []error{passing, passing}, false, 3, "made 3"},
		{"no more than asked for", []error{passing, passing, passing}, false, 3, passing.Error()},
		{"refused for good", []error{final}, true, 1, "no"},
	} {
		calls := 0
		out, err := Once(t.Context(), 3, func(string, ...any) {}, func(context.Context) (string, error) {
			calls++
			if calls <= len(c.answers) {
				return "", c.answers[calls-1]
			}
			return fmt.Sprint("made ", calls), nil
		}, func() (string, bool, error) { return "found", c.found, nil })
		if err != nil {
			out = err.Error()
		}
		if out != c.want || calls != c.calls {
			t.Errorf("%s: %q after %d calls, want %q after %d", c.name, out, calls, c.want, c.calls)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Once(ctx, 3, func(string, ...any) { cancel() }, func(context.Context) (int, error) { return 0, passing }, func() (int, bool, error) { return 0, false, nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestACallUnderWayIsNotCutOff cancels while a call is made: what it brings is known. After
// that no call is begun.
func TestACallUnderWayIsNotCutOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	call := func(ctx context.Context) (string, error) {
		cancel()
		return "made", ctx.Err()
	}
	look := func() (string, bool, error) { return "", false, nil }
	if out, err := Once(ctx, 3, t.Logf, call, look); out != "made" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := Once(ctx, 3, t.Logf, call, look); out != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %q, %v", out, err)
	}
}
