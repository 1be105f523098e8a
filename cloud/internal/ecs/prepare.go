package ecs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/cloud/internal/agent"
	"github.com/turnoutdev/turnout/cloud/internal/ecs/taskdef"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// initError is why a task's resources could not be made ready, in Fargate's words.
func initError(format string, args ...any) error {
	return fmt.Errorf("ResourceInitializationError: "+format, args...)
}

// spec is what the runner is given: the effective task definition, and what is resolved
// with the execution role's permissions. What it resolves is never logged.
func (s *Service) spec(ctx context.Context, t task) (agent.Spec, error) {
	td, service, err := s.effectiveDefinition(t)
	if err != nil {
		return agent.Spec{}, err
	}
	ctx, err = s.assume(ctx, aws.ToString(td.ExecutionRoleArn), t.ID)
	if err != nil {
		return agent.Spec{}, initError("unable to pull secrets or registry auth: execution resource retrieval failed: %s", cause(err))
	}
	spec := agent.Spec{
		ID: t.ID, ARN: s.taskARN(t), Cluster: t.Cluster, Service: service, Definition: td,
		Image: s.RewriteImage, Credentials: s.credentials(ctx), Env: map[string][]types.KeyValuePair{},
	}
	var inside Endpoints
	if s.Endpoints != nil {
		inside = s.Endpoints(spec.ARN, aws.ToString(td.TaskRoleArn))
		spec.Services = inside.Services
	}
	for _, c := range td.ContainerDefinitions {
		env, err := s.environment(ctx, c)
		if err != nil {
			return agent.Spec{}, err
		}
		spec.Env[aws.ToString(c.Name)] = append(env, inside.Env...)
	}
	spec.LogSink, err = s.sinks(ctx, t, td)
	return spec, err
}

// effectiveDefinition is a task's definition with its overrides, and its service's name.
func (s *Service) effectiveDefinition(t task) (types.TaskDefinition, string, error) {
	var d definition
	var ok bool
	s.Store.View(func(tx *store.Tx) { d, ok = s.definitionOf(tx, t.Definition) })
	if !ok {
		return types.TaskDefinition{}, "", initError("task definition %s does not exist", t.Definition)
	}
	td, err := taskdef.Override(d.TaskDefinition, t.Overrides)
	if t.LaunchType == types.LaunchTypeFargate && len(td.RequiresCompatibilities) == 0 {
		td.RequiresCompatibilities = []types.Compatibility{types.CompatibilityFargate} // tells the runner where it is
	}
	if t.Service == "" {
		return td, "", err
	}
	return td, last(t.Service), err
}

// credentials keeps the execution role's identity for when images are pulled: the
// runner's context knows none.
func (s *Service) credentials(role context.Context) func(context.Context, string) (string, string, error) {
	if s.RegistryAuth == nil {
		return nil
	}
	return func(ctx context.Context, image string) (string, string, error) {
		return s.RegistryAuth(borrowed{ctx, role}, image)
	}
}

// borrowed has the life of one context and the values of another.
type borrowed struct {
	context.Context
	values context.Context
}

func (b borrowed) Value(key any) any {
	if v := b.values.Value(key); v != nil {
		return v
	}
	return b.Context.Value(key)
}

// environment reads a container's environment files and secrets. The secrets win.
func (s *Service) environment(ctx context.Context, c types.ContainerDefinition) ([]types.KeyValuePair, error) {
	var env []types.KeyValuePair
	seen := map[string]bool{}
	for _, f := range c.EnvironmentFiles {
		name := aws.ToString(f.Value)
		if s.Files == nil {
			return nil, initError("failed to download env files: %s: there is no S3 here", name)
		}
		b, err := s.Files(ctx, name)
		if err != nil {
			return nil, initError("failed to download env files: file download command: non empty error stream: %s", cause(err))
		}
		env = append(env, parseEnv(b, seen)...)
	}
	for _, secret := range c.Secrets {
		v, err := s.secret(ctx, aws.ToString(secret.ValueFrom))
		if err != nil {
			return nil, err
		}
		env = append(env, types.KeyValuePair{Name: secret.Name, Value: &v})
	}
	return env, nil
}

func (s *Service) secret(ctx context.Context, from string) (string, error) {
	const failed = "unable to pull secrets or registry auth: execution resource retrieval failed: "
	err := fmt.Errorf("no secrets are kept here")
	if s.Secrets != nil {
		var v string
		if v, err = s.Secrets(ctx, from); err == nil {
			return v, nil
		}
	}
	if strings.Contains(from, ":secretsmanager:") {
		return "", initError(failed+"unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret %s from secrets manager: %s", from, cause(err))
	}
	var denied interface{ DeniedBy() string }
	if errors.As(err, &denied) {
		return "", initError(failed+"unable to retrieve secrets from ssm: service call has been retried 1 time(s): %s", cause(err))
	}
	return "", initError(failed+"unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid ssm parameters: %s: %s", from, cause(err))
}

// parseEnv reads an environment file: VARIABLE=VALUE lines, # comments. Of equal names,
// in one file or several, ECS takes the first; seen are those that came.
func parseEnv(b []byte, seen map[string]bool) []types.KeyValuePair {
	var out []types.KeyValuePair
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, ok := strings.Cut(strings.TrimRight(lines.Text(), "\r"), "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.HasPrefix(name, "#") || seen[name] {
			continue
		}
		seen[name] = true
		out = append(out, types.KeyValuePair{Name: &name, Value: &value})
	}
	return out
}

// sinks opens the log streams of the containers with driver awslogs.
func (s *Service) sinks(ctx context.Context, t task, td types.TaskDefinition) (func(string, time.Time, []byte), error) {
	if s.Logs == nil {
		return nil, nil
	}
	write := map[string]func(time.Time, []byte) error{}
	for _, c := range td.ContainerDefinitions {
		l := c.LogConfiguration
		if l == nil || l.LogDriver != types.LogDriverAwslogs {
			continue
		}
		name := aws.ToString(c.Name)
		stream := strings.TrimPrefix(l.Options["awslogs-stream-prefix"]+"/"+name+"/"+t.ID, "/")
		f, err := s.Logs.Sink(ctx, l.Options["awslogs-group"], stream, l.Options["awslogs-create-group"] == "true")
		if err != nil {
			return nil, initError("failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: %s: exit status 1", coded(err))
		}
		write[name] = f
	}
	return func(container string, at time.Time, line []byte) {
		if f := write[container]; f != nil {
			if err := f(at, line); err != nil {
				s.Log.Warn("write a log line", "task", t.ID, "container", container, "error", err)
			}
		}
	}, nil
}
