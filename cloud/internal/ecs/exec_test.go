package ecs

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func TestWords(t *testing.T) {
	for command, want := range map[string][]string{
		"/bin/sh":                       {"/bin/sh"},
		"  ls  -l\t/ \n":                {"ls", "-l", "/"},
		`sh -c 'echo "a b"; exit 3'`:    {"sh", "-c", `echo "a b"; exit 3`},
		`sh -c "echo 'a' \"b\" c\\d"`:   {"sh", "-c", `echo 'a' "b" c\d`},
		`a\ b '' "" c''d`:               {"a b", "", "", "cd"},
		`echo 'a\nb' $HOME * && true|x`: {"echo", `a\nb`, "$HOME", "*", "&&", "true|x"},
	} {
		if got, err := words(command); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", command, got, err)
		}
	}
	for _, bad := range []string{"", "  ", "'a", `a"b`, `a\`} {
		if got, err := words(bad); err == nil {
			t.Errorf("%q: %q", bad, got)
		}
	}
}

// desk hands out sessions, and remembers the last program.
type desk struct {
	run func(context.Context, runtime.ExecSpec) (int, error)
}

func (d *desk) Offer(run func(context.Context, runtime.ExecSpec) (int, error)) (id, url, token string) {
	d.run = run
	return "id", "ws://here", "token"
}

func TestExecuteCommand(t *testing.T) {
	d := &desk{}
	playWith(t, func(o *Options) { o.Sessions = d }, func(t *testing.T, s *stage) {
		in := definitionInput("web")
		in.Family = aws.String("pair")
		in.ContainerDefinitions = append(in.ContainerDefinitions, types.ContainerDefinition{Name: aws.String("side"), Image: aws.String("side")})
		made, err := s.RegisterTaskDefinition(bg, in)
		must(t, made, err)
		out, err := s.RunTask(bg, &ecs.RunTaskInput{Cluster: inC, TaskDefinition: aws.String("pair"), LaunchType: types.LaunchTypeFargate, NetworkConfiguration: network(), EnableExecuteCommand: true})
		task := must(t, out, err).Tasks[0].TaskArn
		call := func(container *string) (*ecs.ExecuteCommandOutput, error) {
			return s.ExecuteCommand(bg, &ecs.ExecuteCommandInput{Cluster: inC, Task: task, Interactive: true, Container: container, Command: aws.String("ls -l")})
		}
		_, err = call(aws.String("web"))
		wantError(t, err, "TargetNotConnectedException", "The execute command failed due to an internal error. Try again later.")
		time.Sleep(2 * time.Second)
		_, err = call(nil)
		wantError(t, err, "InvalidParameterException", "The task has more than one container. Specify the name of one and try again.")
		got, err := call(aws.String("side"))
		if must(t, got, err); *got.ContainerName != "side" || *got.TaskArn != *task || *got.Session.TokenValue != "token" {
			t.Errorf("%+v", got)
		}
		if _, err := d.run(bg, runtime.ExecSpec{}); err == nil || err.Error() != "nothing runs here" {
			t.Errorf("the session runs %v", err)
		}
	})
}
