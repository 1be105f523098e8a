package neighbour

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/codedeploy"
	"github.com/turnoutdev/turnout/cloud/internal/ecs"
)

// picky is a Guard that refuses one action, and notes what it was asked.
type picky struct {
	refuse string
	asked  []string
}

func (p *picky) guard() Guard {
	return Guard{
		Authorize: func(_ context.Context, service, op string, _ any) error { return p.ask(service+":"+op, "") },
		Check: func(_ context.Context, action, resource string, _ map[string]string) error {
			return p.ask(action, " "+resource)
		},
	}
}

func (p *picky) ask(action, resource string) error {
	p.asked = append(p.asked, action+resource)
	if action == p.refuse {
		return &smithy.GenericAPIError{Code: "AccessDenied", Message: "no " + action}
	}
	return nil
}

// What stands in valueFrom tells which action reads it, on which resource.
func TestSecretsAndFiles(t *testing.T) {
	p := &picky{refuse: "secretsmanager:GetSecretValue"}
	read := 0
	o := p.guard().ECS(ecs.Options{
		Place:   arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"},
		Secrets: func(context.Context, string) (string, error) { read++; return "s", nil },
		Files:   func(context.Context, string) ([]byte, error) { read++; return nil, nil },
	}, nil)
	for _, from := range []string{"/db/password", "plain", "arn:aws:ssm:eu-west-1:123456789012:parameter/x"} {
		if _, err := o.Secrets(t.Context(), from); err != nil {
			t.Error(err)
		}
	}
	if _, err := o.Files(t.Context(), "arn:aws:s3:::b/a.env"); err != nil {
		t.Error(err)
	}
	_, err := o.Secrets(t.Context(), "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf:password::")
	var d *Denied
	if !errors.As(err, &d) || !strings.HasPrefix(err.Error(), "AccessDeniedException: no secretsmanager:GetSecretValue status code: 400, request id: ") {
		t.Errorf("%v", err)
	}
	want := "ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/db/password;ssm:GetParameters arn:aws:ssm:us-east-1:123456789012:parameter/plain;" +
		"ssm:GetParameters arn:aws:ssm:eu-west-1:123456789012:parameter/x;s3:GetObject arn:aws:s3:::b/a.env;" +
		"secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"
	if got := strings.Join(p.asked, ";"); got != want || read != 4 {
		t.Errorf("read %d, asked\n%s\nwant\n%s", read, got, want)
	}
}

type book struct{ lines int }

func (b *book) Sink(string, string, bool) (func(time.Time, []byte) error, error) {
	return func(time.Time, []byte) error { b.lines++; return nil }, nil
}

// A role that loses its permission loses its lines, a second later; the question is not
// put for every line.
func TestLinesOfARoleThatMayNotWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, b := &picky{}, &book{}
		write, err := p.guard().ECS(ecs.Options{}, b).Logs.Sink(t.Context(), "g", "s", false)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if err := write(time.Now(), nil); err != nil {
				t.Fatal(err)
			}
		}
		p.refuse = "logs:PutLogEvents"
		time.Sleep(asked)
		if err := write(time.Now(), nil); err == nil || b.lines != 100 {
			t.Errorf("%d lines, %v", b.lines, err)
		}
		if got := strings.Join(p.asked, " "); got != "logs:CreateLogStream logs:PutLogEvents logs:PutLogEvents" {
			t.Errorf("asked %s", got)
		}
	})
}

type objects struct{}

func (objects) Object(_ context.Context, bucket, key, _ string, _ int64) ([]byte, string, error) {
	return []byte(bucket + "/" + key), "", nil
}

// CodeDeploy learns which service refused, by the name that its own texts use.
func TestCodeDeploysNeighbours(t *testing.T) {
	p := &picky{refuse: "lambda:InvokeFunction"}
	o := p.guard().CodeDeploy(codedeploy.Options{
		Place: arn.Place{Partition: "aws"}, Objects: objects{},
		Invoke: func(context.Context, string, []byte) error { return errors.New("not to be reached") },
		Alarms: func(context.Context, []string) (map[string]bool, error) { return map[string]bool{"a": true}, nil },
	})
	var d interface{ DeniedBy() string }
	if err := o.Invoke(t.Context(), "hook", nil); !errors.As(err, &d) || d.DeniedBy() != "AWSLambda" {
		t.Errorf("%v", err)
	}
	if m, err := o.Alarms(t.Context(), []string{"a"}); err != nil || !m["a"] {
		t.Errorf("%v, %v", m, err)
	}
	if b, _, err := o.Objects.Object(t.Context(), "b", "k", "", 9); err != nil || string(b) != "b/k" {
		t.Errorf("%s, %v", b, err)
	}
	p.refuse = "s3:GetObjectVersion"
	if _, _, err := o.Objects.Object(t.Context(), "b", "k", "v1", 9); !errors.As(err, &d) || d.DeniedBy() != "AmazonS3" || p.asked[len(p.asked)-1] != "s3:GetObjectVersion arn:aws:s3:::b/k" {
		t.Errorf("%v, asked %v", err, p.asked)
	}
	p.refuse = "cloudwatch:DescribeAlarms"
	if _, err := o.Alarms(t.Context(), []string{"a"}); !errors.As(err, &d) || d.DeniedBy() != "AmazonCloudWatch" {
		t.Errorf("%v", err)
	}
}
