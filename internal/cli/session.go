package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/localcloud"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

// load reads turnout.yml.
func (g *global) load() (*config.Config, error) {
	c, err := config.Load(g.Config)
	if errors.Is(err, config.ErrNone) {
		return nil, fault.New(fault.Usage, "`turnout init` writes one (`service: NAME` is enough), or name it with --file", "%w", err)
	}
	if err == nil && g.Builder != "" {
		c.Image.Builder = g.Builder
	}
	return c, err
}

// stateDir is the folder of the local cloud's state, as an absolute path: what env prints
// of it is read by programs that run elsewhere.
func (g *global) stateDir() (string, error) {
	if g.State != "" {
		return filepath.Abs(g.State)
	}
	return localcloud.Folder()
}

// handle finds the running local cloud.
func (g *global) handle() (*localcloud.Handle, error) {
	dir, err := g.stateDir()
	if err != nil {
		return nil, err
	}
	h, err := localcloud.Read(dir)
	if errors.Is(err, localcloud.ErrNone) {
		return nil, fault.New(fault.Usage, "start one with `turnout up`", "%w (state folder %s)", err, dir)
	}
	return h, err
}

// clients connects to the local cloud or to AWS. Only the endpoint differs.
func (g *global) clients(ctx context.Context, c *config.Config) (*awsclient.Clients, error) {
	o := awsclient.Options{Region: g.Region, Profile: g.Profile, Role: g.role()}
	if g.Local || (c != nil && c.Local) {
		h, err := g.handle()
		if err != nil {
			return nil, err
		}
		return connectAs(ctx, h, g.role())
	}
	if o.Region == "" && c != nil {
		o.Region = c.Region
	}
	a, err := awsclient.New(ctx, o)
	if err != nil {
		return nil, err
	}
	if a.Region == "" {
		return nil, fault.New(fault.Usage, "set region in turnout.yml, AWS_REGION, or --region; --local needs none", "no AWS region is known")
	}
	return a, nil
}

// role is the role to act as. On GitHub its credentials are masked before they are used.
func (g *global) role() awsclient.Role {
	r := awsclient.Role{ARN: first(g.Role, os.Getenv("TURNOUT_ROLE"))}
	if gh := g.github(); gh != nil {
		r.Mask, r.Session = gh.Mask, strings.TrimSuffix("turnout-"+os.Getenv("GITHUB_RUN_ID"), "-")
	}
	return r
}

// connect makes clients of a local cloud, as its root user.
func connect(ctx context.Context, h *localcloud.Handle) (*awsclient.Clients, error) {
	return connectAs(ctx, h, awsclient.Role{})
}

// connectAs makes clients of a local cloud that act as a role, if one is named.
func connectAs(ctx context.Context, h *localcloud.Handle, role awsclient.Role) (*awsclient.Clients, error) {
	return awsclient.New(ctx, awsclient.Options{
		Region: h.Region, Endpoint: h.Endpoint, AccessKeyID: h.AccessKeyID, SecretAccessKey: h.SecretAccessKey, Role: role,
	})
}

// publish writes the handle into a state folder that may not exist yet.
func publish(dir string, h localcloud.Handle) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return localcloud.Write(dir, h)
}

// begin makes the run of a pipeline command.
func (g *global) begin(ctx context.Context, o run.Options) (*run.Run, error) {
	c, err := g.load()
	if err != nil {
		return nil, err
	}
	return g.beginWith(ctx, c, o)
}

// beginWith makes a run with a configuration that was read already.
func (g *global) beginWith(ctx context.Context, c *config.Config, o run.Options) (*run.Run, error) {
	a, err := g.clients(ctx, c)
	if err != nil {
		return nil, err
	}
	r := g.show(&run.Run{ID: run.NewID(time.Now()), Config: c, AWS: a, Options: o, Report: term.NewReporter(g.Streams), Tool: tool()})
	file, err := filepath.Abs(c.File)
	if err != nil {
		return nil, err
	}
	r.Start = &run.Start{File: file, Local: g.Local || c.Local, Region: g.Region, Profile: g.Profile, Options: &r.Options}
	dir, err := run.Folder()
	if err != nil {
		return nil, err
	}
	r.Journal, err = run.Create(dir, r.ID)
	return r, err
}
