package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// The provider is built with the plugin library of Terraform 0.12, whose protocol today's
// Terraform speaks; its own is older. It is written for one version of AWS's SDK.
const (
	providerModule = `module provider

go 1.25

require (
	github.com/hashicorp/terraform v0.12.31
	github.com/terraform-providers/terraform-provider-aws v1.60.0
)

replace (
	github.com/aws/aws-sdk-go => github.com/aws/aws-sdk-go v1.17.0
	github.com/terraform-providers/terraform-provider-aws => github.com/hashicorp/terraform-provider-aws v1.60.0
)
`
	providerMain = `package main

import (
	"github.com/hashicorp/terraform/plugin"
	"github.com/terraform-providers/terraform-provider-aws/aws"
)

func main() { plugin.Serve(&plugin.ServeOpts{ProviderFunc: aws.Provider}) }
`
)

// provider builds the provider, unless it stands already, and tells Terraform where it is.
func (c *check) provider(ctx context.Context) error {
	src, bin := filepath.Join(c.dir, "provider"), filepath.Join(c.dir, "provider", "bin")
	write := func(name, text string) error { return os.WriteFile(name, []byte(text), 0o644) }
	err := errors.Join(os.MkdirAll(bin, 0o755), write(filepath.Join(src, "main.go"), providerMain),
		write(filepath.Join(c.dir, "terraformrc"), fmt.Sprintf("provider_installation {\n  dev_overrides {\n    \"hashicorp/aws\" = %q\n  }\n  direct {}\n}\n", bin)))
	if err != nil {
		return err
	}
	built, made := filepath.Join(bin, "terraform-provider-aws"), filepath.Join(src, "go.mod.of")
	if of, err := os.ReadFile(made); err == nil && string(of) == providerModule {
		if _, err := os.Stat(built); err == nil {
			return nil
		}
	}
	fmt.Fprintln(c.out, "the provider is built from its Go module: that takes some minutes")
	if err := write(filepath.Join(src, "go.mod"), providerModule); err != nil {
		return err
	}
	for _, args := range [][]string{{"mod", "tidy"}, {"build", "-o", built, "."}} {
		if err := c.command(ctx, src, "go", args...); err != nil {
			return err
		}
	}
	return write(made, providerModule)
}
