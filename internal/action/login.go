package action

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/regex"
)

// registry is a registry with the name and password that open it.
type registry struct{ endpoint, user, password string }

// uri is the registry as images name it.
func (r registry) uri() string {
	return strings.TrimPrefix(strings.TrimPrefix(r.endpoint, "https://"), "http://")
}

var notWord = regex.New(`[^a-zA-Z0-9_]+`)

// Login logs the container engine in to registries, as amazon-ecr-login does. Its inputs
// are registries, registry-type, mask-password, skip-logout and http-proxy; its outputs
// registry (of one only), docker_username_URI and docker_password_URI.
//
// The password goes to the engine on its standard input, and is masked before that.
func Login(ctx context.Context, j *Job) error {
	kind, err := j.oneOf("registry-type", "private", "private", "public")
	if err != nil {
		return err
	}
	mask, err := j.yes("mask-password", true)
	if err != nil {
		return err
	}
	skipLogout, err := j.yes("skip-logout", false)
	if err != nil {
		return err
	}
	engine, err := containerEngine()
	if err != nil {
		return err
	}
	c, err := j.Connect(ctx, "")
	if err != nil {
		return err
	}
	cfg := c.Config()
	if err := useProxy(&cfg, j.Input("http-proxy"), ""); err != nil {
		return err
	}
	var found []registry
	if kind == "public" {
		found, err = publicRegistry(ctx, cfg)
	} else {
		found, err = privateRegistries(ctx, cfg, list(j.Input("registries")))
	}
	if err != nil {
		return err
	}
	return j.logIn(ctx, engine, found, mask, skipLogout)
}

func (j *Job) logIn(ctx context.Context, engine string, found []registry, mask, skipLogout bool) error {
	if !mask {
		j.Warning(note("the registry's password is not masked: whoever reads the log reads it"))
	}
	var open []string
	for _, r := range found {
		if mask {
			j.Mask(r.password)
		}
		if err := engineLogin(ctx, engine, r); err != nil {
			return err
		}
		suffix := notWord.ReplaceAllString(r.uri(), "_")
		err := errors.Join(j.Output("docker_username_"+suffix, r.user), j.Output("docker_password_"+suffix, r.password))
		if len(found) == 1 {
			err = errors.Join(err, j.Output("registry", r.uri()))
		}
		if err != nil {
			return err
		}
		j.Info("logged in to %s", r.uri())
		open = append(open, r.uri())
	}
	if skipLogout || len(open) == 0 {
		return nil
	}
	return j.State("registries", strings.Join(open, ","))
}

// Logout logs the engine out of what Login left in STATE_registries, or of the registries
// that the input of that name lists.
func Logout(ctx context.Context, j *Job) error {
	engine, err := containerEngine()
	if err != nil {
		return err
	}
	var all error
	for _, uri := range list(orElse(j.Env("STATE_registries"), j.Input("registries"))) {
		if out, err := exec.CommandContext(ctx, engine, "logout", uri).CombinedOutput(); err != nil {
			all = errors.Join(all, fmt.Errorf("%s logout %s: %s", engine, uri, strings.TrimSpace(string(out))))
			continue
		}
		j.Info("logged out of %s", uri)
	}
	return all
}

func privateRegistries(ctx context.Context, cfg aws.Config, ids []string) ([]registry, error) {
	out, err := ecr.NewFromConfig(cfg).GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{RegistryIds: ids}) //nolint:staticcheck // the input asks for it
	if err != nil {
		return nil, err
	}
	if len(out.AuthorizationData) == 0 {
		return nil, errors.New("ECR gave no token")
	}
	var found []registry
	for _, d := range out.AuthorizationData {
		r, err := unpack(aws.ToString(d.AuthorizationToken), aws.ToString(d.ProxyEndpoint))
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

// unpack reads ECR's token, which is base64 of "AWS:password".
func unpack(token, endpoint string) (registry, error) {
	b, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return registry{}, errors.New("ECR's token is not base64") // the token stays out of the message
	}
	user, password, ok := strings.Cut(string(b), ":")
	if !ok || password == "" || endpoint == "" {
		return registry{}, errors.New("ECR's token has no user and password")
	}
	return registry{endpoint, user, password}, nil
}

// containerEngine is the engine that keeps the login.
func containerEngine() (string, error) {
	for _, name := range []string{"docker", "podman"} {
		if _, err := exec.LookPath(name); err == nil {
			return name, nil
		}
	}
	return "", fault.New(fault.Usage, "`turnout build` pushes without one", "neither docker nor podman is on the PATH")
}

func engineLogin(ctx context.Context, engine string, r registry) error {
	cmd := exec.CommandContext(ctx, engine, "login", "--username", r.user, "--password-stdin", r.endpoint)
	cmd.Stdin = strings.NewReader(r.password)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		words := strings.ReplaceAll(strings.TrimSpace(said.String()), r.password, "***")
		return fmt.Errorf("log in to %s: %s: %w", r.uri(), words, err)
	}
	return nil
}
