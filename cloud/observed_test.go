package cloud_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/turnoutdev/turnout/cloud"
)

// Every permission that is asked for is told once, denied ones too, in IAM's terms.
func TestObservedCalls(t *testing.T) {
	a := newAccount(t)
	ctx := t.Context()
	a.stage(a.role("run", "ecs-tasks.amazonaws.com"))
	for range 2 {
		if _, err := a.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("c"), Services: []string{"s"}}); err != nil {
			t.Fatal(err)
		}
	}
	place := ":us-east-1:123456789012:"
	root := "arn:aws:iam::123456789012:root"
	calls := a.c.Calls()
	for _, want := range []cloud.Call{
		{Caller: root, Action: "ecs:DescribeServices", Resource: "arn:aws:ecs" + place + "service/c/s", Cluster: "arn:aws:ecs" + place + "cluster/c"},
		{Caller: root, Action: "iam:PassRole", Resource: "arn:aws:iam::123456789012:role/run", PassedTo: "ecs-tasks.amazonaws.com"},
	} {
		if n := len(slices.DeleteFunc(slices.Clone(calls), func(c cloud.Call) bool { return c != want })); n != 1 {
			t.Errorf("%+v was told %d times of %+v", want, n, calls)
		}
	}
	res, err := http.Get(a.url + "/_turnout/calls")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	var told []cloud.Call
	if err := json.Unmarshal(body, &told); err != nil || !slices.Equal(told, a.c.Calls()) {
		t.Errorf("%v: %s", err, body)
	}
	req, _ := http.NewRequestWithContext(ctx, http.MethodDelete, a.url+"/_turnout/calls", strings.NewReader(""))
	if res, err := http.DefaultClient.Do(req); err != nil || res.StatusCode != http.StatusNoContent {
		t.Fatal(res, err)
	}
	if left := slices.DeleteFunc(a.c.Calls(), func(c cloud.Call) bool { return c.Service != "" }); len(left) != 0 {
		t.Errorf("left %+v", left)
	}
}
