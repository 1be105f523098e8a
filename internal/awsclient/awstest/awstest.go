// Package awstest makes AWS clients whose calls the test itself answers, with the SDK's
// own types: whatever AWS may answer, a local cloud would not, and what the wire cannot be
// made to say at will. No connection is opened, so that such clients work in a bubble of
// testing/synctest, where waits take no time.
//
// Calls are answered after the SDK has checked their required members and before it would
// retry: an error is what is left after all retries.
package awstest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/turnoutdev/turnout/internal/awsclient"
)

// Region is that of the clients.
const Region = "eu-west-1"

// Answer answers the calls of one operation.
type Answer struct {
	in   reflect.Type
	call func(in any) (out any, err error)
	wire func(in any) string
}

// On has f answer the operation that takes an I: awstest.On(func(in *ecs.ListTasksInput) …).
func On[I, O any](f func(*I) (*O, error)) Answer {
	return Answer{in: reflect.TypeFor[*I](), call: func(in any) (any, error) { return f(in.(*I)) }}
}

// Always answers every call of an operation alike.
func Always[I, O any](out *O) Answer { return On(func(*I) (*O, error) { return out, nil }) }

// Refused answers every call of an operation with an error.
func Refused[I, O any](err error) Answer { return On(func(*I) (*O, error) { return nil, err }) }

// Wire has f answer in JSON, for callers that read more of an answer than the SDK does.
func Wire[I any](f func(*I) string) Answer {
	return Answer{in: reflect.TypeFor[*I](), wire: func(in any) string { return f(in.(*I)) }}
}

// Cloud answers calls and remembers them.
type Cloud struct {
	t       testing.TB
	mu      sync.Mutex
	answers map[reflect.Type]Answer
	calls   []string
	later   []change
	body    string // of the answer on the wire
}

// change is one that has not been made yet.
type change struct {
	at   time.Time
	make func()
}

// New makes clients of AWS whose calls are answered as said. A call that has no answer
// fails the test.
func New(t testing.TB, answers ...Answer) (*awsclient.Clients, *Cloud) {
	c := &Cloud{t: t, answers: map[reflect.Type]Answer{}}
	c.Set(answers...)
	return awsclient.From(aws.Config{
		Region: Region, Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "example", ""), HTTPClient: c,
		APIOptions: []func(*middleware.Stack) error{func(s *middleware.Stack) error {
			return s.Initialize.Add(middleware.InitializeMiddlewareFunc("awstest", c.handle), middleware.After)
		}},
	}), c
}

// Set changes answers.
func (c *Cloud) Set(answers ...Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range answers {
		c.answers[a.in] = a
	}
}

// After has f change what the answers are made of, d from now: the first call that comes
// then makes the change before it is answered, so that the two never meet.
func (c *Cloud) After(d time.Duration, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.later = append(c.later, change{time.Now().Add(d), f})
}

// due makes the changes whose time has come, the earliest first.
func (c *Cloud) due() {
	for {
		c.mu.Lock()
		next := -1
		for i, l := range c.later {
			if !l.at.After(time.Now()) && (next < 0 || l.at.Before(c.later[next].at)) {
				next = i
			}
		}
		if next < 0 {
			c.mu.Unlock()
			return
		}
		f := c.later[next].make
		c.later = slices.Delete(c.later, next, next+1)
		c.mu.Unlock()
		f()
	}
}

// Calls are the operations that were called, in order: "ListTasks".
func (c *Cloud) Calls() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.calls...)
}

// Count is how often an operation was called.
func (c *Cloud) Count(operation string) int {
	n := 0
	for _, o := range c.Calls() {
		if o == operation {
			n++
		}
	}
	return n
}

func (c *Cloud) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	operation := strings.TrimSuffix(reflect.TypeOf(in.Parameters).Elem().Name(), "Input")
	c.due()
	c.mu.Lock()
	a, ok := c.answers[reflect.TypeOf(in.Parameters)]
	c.calls = append(c.calls, operation)
	c.mu.Unlock()
	var out middleware.InitializeOutput
	var err error
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case !ok:
		c.t.Errorf("%s was called, and has no answer", operation)
		err = fmt.Errorf("%s has no answer", operation)
	case a.wire != nil:
		c.mu.Lock()
		c.body = a.wire(in.Parameters)
		c.mu.Unlock()
		return next.HandleInitialize(ctx, in)
	default:
		out.Result, err = a.call(in.Parameters)
	}
	return out, middleware.Metadata{}, err
}

// Do sends the answer of Wire.
func (c *Cloud) Do(*http.Request) (*http.Response, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader([]byte(c.body)))}, nil
}

// Throttled is what AWS answers a caller with who asks too often.
var Throttled = &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}

// Denied is what AWS answers a caller with who may not ask.
var Denied = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "User is not authorized to perform this"}
