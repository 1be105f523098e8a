// Terraform has the real Terraform, with a real provider for AWS, make the infrastructure of
// examples/hello in a local cloud (seed/), and fails on any difference: a plan after each
// step must be empty. It ships the example to it, forgets resources and imports them again,
// changes nearly everything, destroys all, and makes it once more, so that whatever the
// destruction left behind would be in the way.
//
//	go run ./internal/tools/terraform [-scratch FOLDER]
//
// It runs in the repository's root, and needs terraform on PATH. The provider is built from
// its Go module, which takes some minutes the first time. It is the newest version that is a
// module under its own path, of 2019: what newer ones call is played in cloud/terraform_test.go.
package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed seed/*.tf
var seed embed.FS

func main() { os.Exit(start()) }

func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	scratch := flag.String("scratch", filepath.Join(cache, "turnout-terraform"), "FOLDER for the provider and all that is made")
	flag.Parse()
	c := &check{out: os.Stdout, dir: *scratch}
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// check is one run.
type check struct {
	out io.Writer
	dir string   // absolute, once it runs
	env []string // Terraform's
}

// step is a part of the check.
type step struct {
	name string
	do   func(context.Context) error
}

func (c *check) run(ctx context.Context) (err error) {
	if _, err := exec.LookPath("terraform"); err != nil {
		return errors.New("terraform is not on PATH: this check drives the real one; install it, and run this again")
	}
	if c.dir, err = filepath.Abs(c.dir); err != nil {
		return err
	}
	if err := c.prepare(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.down()) }()
	return c.each(ctx, []step{
		{"build the provider", c.provider},
		{"build turnout and start a local cloud", c.up},
		{"make everything", c.apply("false")},
		{"  no difference", c.plan("false")},
		{"deploy by CodeDeploy", c.ship},
		{"  no difference", c.plan("false")},
		{"forget resources and import them", c.imports},
		{"  no difference", c.plan("false")},
		{"change nearly everything", c.apply("true")},
		{"  no difference", c.plan("true")},
		{"destroy everything", c.destroy("true")},
		{"make everything anew", c.apply("false")},
		{"  no difference", c.plan("false")},
		{"destroy everything", c.destroy("false")},
	})
}

func (c *check) each(ctx context.Context, steps []step) error {
	for _, s := range steps {
		began := time.Now()
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimSpace(s.name), err)
		}
		fmt.Fprintf(c.out, "✓ %-40s %s\n", s.name, time.Since(began).Round(time.Second))
	}
	return nil
}

// prepare writes the configuration into an empty folder.
func (c *check) prepare() error {
	work := filepath.Join(c.dir, "work")
	if err := errors.Join(os.RemoveAll(work), os.RemoveAll(filepath.Join(c.dir, "state")), os.MkdirAll(c.dir, 0o755)); err != nil {
		return err
	}
	return os.CopyFS(work, seed)
}

// up builds turnout, starts a cloud and learns how Terraform reaches it: under AWS's own
// names, with the cloud as proxy, since the provider has no endpoint for each service.
func (c *check) up(ctx context.Context) error {
	if err := c.command(ctx, ".", "go", "build", "-o", filepath.Join(c.dir, "turnout"), "./cmd/turnout"); err != nil {
		return err
	}
	if err := c.turnout(ctx, ".", "up", "--detach", "--ephemeral", "--tls", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:0", "--time-scale", "20"); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, filepath.Join(c.dir, "turnout"), "env", "--json", "--state", filepath.Join(c.dir, "state")).Output()
	if err != nil {
		return err
	}
	var env struct {
		Environment map[string]string
		TLS         struct{ CA string }
	}
	if err := json.Unmarshal(out, &env); err != nil {
		return err
	}
	c.env = append(os.Environ(),
		"AWS_ACCESS_KEY_ID="+env.Environment["AWS_ACCESS_KEY_ID"], "AWS_SECRET_ACCESS_KEY="+env.Environment["AWS_SECRET_ACCESS_KEY"],
		"AWS_SESSION_TOKEN=", "AWS_PROFILE=", "HTTPS_PROXY="+env.Environment["AWS_ENDPOINT_URL"], "NO_PROXY=", "no_proxy=", "AWS_CA_BUNDLE="+env.TLS.CA,
		"TF_CLI_CONFIG_FILE="+filepath.Join(c.dir, "terraformrc"), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1")
	return nil
}

// down ends the cloud, whatever has become of the check.
func (c *check) down() error {
	if _, err := os.Stat(filepath.Join(c.dir, "turnout")); err != nil {
		return nil
	}
	return c.turnout(context.Background(), ".", "down")
}

func (c *check) turnout(ctx context.Context, dir string, args ...string) error {
	return c.command(ctx, dir, filepath.Join(c.dir, "turnout"), append(args, "--state", filepath.Join(c.dir, "state"))...)
}

func (c *check) ship(ctx context.Context) error {
	return c.turnout(ctx, filepath.Join("examples", "hello"), "ship", "--local")
}

// command runs a program of which nobody wants to read anything unless it fails.
func (c *check) command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return nil
}

// terraform runs it on the configuration, and returns what it printed.
func (c *check) terraform(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "terraform", args...)
	cmd.Dir, cmd.Env = filepath.Join(c.dir, "work", "seed"), c.env
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("terraform %s: %w\n%s", strings.Join(args, " "), err, telling(out.String(), errs.String()))
	}
	return []byte(out.String()), nil
}

// telling is what Terraform printed, without what it read; where it told of errors, they are
// enough.
func telling(out, errs string) string {
	if errs != "" {
		return errs
	}
	lines := slices.DeleteFunc(strings.SplitAfter(out, "\n"), func(l string) bool {
		return strings.Contains(l, ": Refreshing state...") || strings.Contains(l, ": Reading...") || strings.Contains(l, ": Read complete after")
	})
	return strings.Join(lines, "")
}

func (c *check) apply(changed string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.terraform(ctx, "apply", "-auto-approve", "-no-color", "-var", "changed="+changed)
		return err
	}
}

// plan fails where there is anything to do.
func (c *check) plan(changed string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.terraform(ctx, "plan", "-detailed-exitcode", "-no-color", "-var", "changed="+changed)
		return err
	}
}

func (c *check) destroy(changed string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := c.terraform(ctx, "destroy", "-auto-approve", "-no-color", "-var", "changed="+changed)
		return err
	}
}

// imports forgets what the configuration can import, and imports it.
func (c *check) imports(ctx context.Context) error {
	out, err := c.terraform(ctx, "output", "-json", "import")
	if err != nil {
		return err
	}
	var ids map[string]string
	if err := json.Unmarshal(out, &ids); err != nil {
		return err
	}
	var addresses []string
	for address := range ids {
		addresses = append(addresses, address)
	}
	slices.Sort(addresses)
	for _, address := range addresses {
		if _, err := c.terraform(ctx, "state", "rm", address); err != nil {
			return err
		}
		if _, err := c.terraform(ctx, "import", "-no-color", address, ids[address]); err != nil {
			return err
		}
	}
	return nil
}
