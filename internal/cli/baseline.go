package cli

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
)

// baseline lays out the source of a git ref in a temporary folder and returns where the
// configuration's folder is in it; "" when no ref is given. cleanup removes it.
func baseline(ctx context.Context, c *config.Config, ref string) (dir string, cleanup func(), err error) {
	if ref == "" {
		return "", func() {}, nil
	}
	prefix, err := git(ctx, c.Dir, "rev-parse", "--show-prefix")
	if err != nil {
		return "", nil, fault.New(fault.Usage, "--baseline needs a git work tree", "%w", err)
	}
	commit, err := git(ctx, c.Dir, "rev-parse", "--verify", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return "", nil, fault.New(fault.Usage, "`git branch -a` and `git tag` list what there is", "baseline %q is no commit of this repository", ref)
	}
	top, err := git(ctx, c.Dir, "rev-parse", "--show-toplevel")
	if err != nil {
		return "", nil, err
	}
	tmp, err := os.MkdirTemp("", "turnout-baseline-")
	if err != nil {
		return "", nil, err
	}
	cleanup = func() {
		_, _ = git(context.WithoutCancel(ctx), top, "worktree", "remove", "--force", tmp) // else pruned by git itself
		_ = os.RemoveAll(tmp)
	}
	if _, err := git(ctx, top, "worktree", "add", "--detach", "--force", tmp, commit); err != nil {
		cleanup()
		return "", nil, err
	}
	return filepath.Join(tmp, filepath.FromSlash(prefix)), cleanup, nil
}

func git(ctx context.Context, dir string, args ...string) (string, error) {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fault.New(fault.Failed, "", "git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}
