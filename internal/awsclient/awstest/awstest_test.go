package awstest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
)

// Clients, paginators and the readers of raw answers work on such a cloud as on AWS.
func TestCallsAreAnsweredByTheTest(t *testing.T) {
	a, cloud := awstest.New(t, awstest.On(func(in *ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
		if in.NextToken != nil {
			return &ecs.ListTasksOutput{TaskArns: []string{"two"}}, nil
		}
		return &ecs.ListTasksOutput{TaskArns: []string{"one"}, NextToken: aws.String("more")}, nil
	}), awstest.Refused[ecs.DescribeTasksInput, ecs.DescribeTasksOutput](awstest.Denied), awstest.Wire(func(in *ecs.DescribeTaskDefinitionInput) string {
		return `{"taskDefinition":{"taskDefinitionArn":"` + *in.TaskDefinition + `","newer":1}}`
	}))
	n := 0
	for pages := ecs.NewListTasksPaginator(a.ECS(), &ecs.ListTasksInput{}); pages.HasMorePages(); n++ {
		if _, err := pages.NextPage(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 || cloud.Count("ListTasks") != 2 {
		t.Errorf("%d pages", n)
	}
	var api smithy.APIError
	if _, err := a.ECS().DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Tasks: []string{"one"}}); !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
		t.Error(err)
	}
	if _, err := a.ECS().DescribeTasks(t.Context(), &ecs.DescribeTasksInput{}); errors.As(err, &api) || err == nil {
		t.Errorf("a call without its required members: %v", err)
	}
	if arn, doc, err := awsclient.DescribeTaskDefinition(t.Context(), a.ECS(), "web:1"); arn != "web:1" || err != nil || string(doc) != `{"newer":1,"taskDefinitionArn":"web:1"}` {
		t.Errorf("%s, %s, %v", arn, doc, err)
	}
	if n := cloud.Count("DescribeTasks"); n != 1 {
		t.Errorf("%d calls: %v", n, cloud.Calls())
	}
}

// Changes come when their time has come, the earliest first, before the call is answered.
func TestAnswersThatChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		said := "a"
		a, cloud := awstest.New(t, awstest.On(func(*ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
			return &ecs.ListTasksOutput{TaskArns: []string{said}}, nil
		}))
		cloud.After(3*time.Second, func() { said += "d" })
		cloud.After(time.Second, func() {
			said += "b"
			cloud.After(time.Second, func() { said += "c" })
		})
		for _, want := range []string{"a", "ab", "abc", "abcd"} {
			out, err := a.ECS().ListTasks(t.Context(), &ecs.ListTasksInput{})
			if err != nil || out.TaskArns[0] != want {
				t.Errorf("%v, %v; want %s", out, err, want)
			}
			time.Sleep(1100 * time.Millisecond)
		}
	})
}
