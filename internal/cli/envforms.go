package cli

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/turnoutdev/turnout/internal/fault"
)

// redirect sends a Node program's connections to AWS to the local cloud.
//
//go:embed redirect.cjs
var redirect []byte

// exports writes variables as a shell reads them.
func exports(b *strings.Builder, vars [][2]string) {
	for _, v := range vars {
		fmt.Fprintf(b, "export %s='%s'\n", v[0], strings.ReplaceAll(v[1], "'", `'\''`))
	}
}

// plain is for people.
func (e *environment) plain() (string, error) {
	var b strings.Builder
	for _, v := range e.vars {
		fmt.Fprintf(&b, "%s=%s\n", v[0], v[1])
	}
	fmt.Fprintf(&b, "console: %s\n", e.handle.Console)
	if e.handle.TLS != "" {
		fmt.Fprintf(&b, "AWS's own names under TLS: %s, trusted by %s\n", e.handle.TLS, e.handle.CA)
	}
	for _, l := range e.listeners {
		fmt.Fprintf(&b, "load balancer %s, port %d: http://%s/\n", l.LoadBalancer, l.Port, l.Address)
	}
	return b.String(), nil
}

func (e *environment) shell() (string, error) {
	var b strings.Builder
	exports(&b, e.vars)
	b.WriteString("unset AWS_PROFILE AWS_SESSION_TOKEN\n")
	if e.handle.TLS != "" {
		// A client with a proxy asks for AWS's own names, and is answered here.
		fmt.Fprintf(&b, "# for clients that know no endpoint:\n#   unset AWS_ENDPOINT_URL; export HTTPS_PROXY='%s' AWS_CA_BUNDLE='%s'\n", e.handle.Endpoint, e.handle.CA)
	}
	fmt.Fprintf(&b, "# console  %s\n", e.handle.Console)
	for _, l := range e.listeners {
		fmt.Fprintf(&b, "# %s:%d  http://%s/\n", l.LoadBalancer, l.Port, l.Address)
	}
	return b.String(), nil
}

// secure refuses forms that make no sense without TLS.
func (e *environment) secure() error {
	if e.handle.TLS == "" {
		return fault.New(fault.Usage, "start it with `turnout up --tls`", "the local cloud at %s serves no TLS", e.handle.Endpoint)
	}
	return nil
}

func (e *environment) node() (string, error) {
	if err := e.secure(); err != nil {
		return "", err
	}
	redirected, err := e.redirected("NODE_OPTIONS")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	vars := append(redirected, e.vars[1:]...) // all but the endpoint
	exports(&b, vars)
	b.WriteString("unset AWS_ENDPOINT_URL AWS_PROFILE AWS_SESSION_TOKEN\n")
	return b.String(), nil
}

// redirected are the variables by which a Node program comes here under AWS's own names;
// options is the name of the one that loads the redirection.
func (e *environment) redirected(options string) ([][2]string, error) {
	script := filepath.Join(filepath.Dir(e.handle.CA), "redirect.cjs")
	if err := os.WriteFile(script, redirect, 0o600); err != nil {
		return nil, err
	}
	return [][2]string{{"NODE_EXTRA_CA_CERTS", e.handle.CA}, {options, "--require " + script}, {"TURNOUT_TLS", e.handle.TLS}}, nil
}

// docker shares the machine's network: the cloud listens on loopback, and stays there.
func (e *environment) docker() (string, error) {
	args := []string{"--network=host"}
	for _, v := range e.vars {
		args = append(args, "-e", v[0]+"="+v[1])
	}
	return strings.Join(args, " ") + "\n", nil
}

// terraformServices are the provider's names of the services that the cloud serves.
var terraformServices = []string{
	"cloudwatch", "codedeploy", "ec2", "ecr", "ecs", "elbv2", "iam", "lambda", "logs", "s3", "secretsmanager", "ssm", "sts",
}

func (e *environment) terraform() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "provider \"aws\" {\n  region     = %q\n  access_key = %q\n  secret_key = %q\n\n", e.handle.Region, e.handle.AccessKeyID, e.handle.SecretAccessKey)
	b.WriteString("  s3_use_path_style           = true\n  skip_metadata_api_check     = true\n  skip_region_validation      = true\n  skip_requesting_account_id  = false\n  skip_credentials_validation = false\n\n  endpoints {\n")
	width := len("secretsmanager")
	for _, s := range terraformServices {
		fmt.Fprintf(&b, "    %-*s = %q\n", width, s, e.handle.Endpoint)
	}
	// The provider puts the account before this name: 123456789012.localhost resolves on most
	// systems, 123456789012.127.0.0.1 on none.
	fmt.Fprintf(&b, "    %-*s = %q\n", width, "s3control", strings.Replace(e.handle.Endpoint, "//127.0.0.1:", "//localhost:", 1))
	b.WriteString("  }\n}\n")
	return b.String(), nil
}

// github hands the environment to the job's later steps. Secrets are masked first. Of
// actions with an old SDK each step needs NODE_OPTIONS in its own env: the runner takes it
// from no file, so that it has another name here.
func (e *environment) github() (string, error) {
	vars := e.vars
	if e.handle.TLS != "" {
		redirected, err := e.redirected("TURNOUT_NODE_OPTIONS")
		if err != nil {
			return "", err
		}
		vars = append(redirected, vars...)
	}
	var b, masks strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&b, "%s=%s\n", v[0], v[1])
		if strings.Contains(v[0], "SECRET") || strings.HasSuffix(v[0], "TOKEN") {
			fmt.Fprintf(&masks, "::add-mask::%s\n", v[1])
		}
	}
	file := os.Getenv("GITHUB_ENV")
	if file == "" {
		return b.String(), nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(b.String())
	return masks.String(), errors.Join(err, f.Close())
}
