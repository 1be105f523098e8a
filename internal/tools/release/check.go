package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// check makes the release, makes it again elsewhere, and compares.
func (r *release) check(ctx context.Context) error {
	changed, err := r.git(ctx, r.Dir, "status", "--porcelain")
	if err != nil {
		return err
	}
	if changed != "" {
		return fmt.Errorf("only a commit can be made again, and these have changed:\n%s", changed)
	}
	if err := r.produce(ctx); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp("", "release-again-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	from, err := filepath.Abs(r.Dir)
	if err != nil {
		return err
	}
	again := *r
	again.Dir, again.Out = filepath.Join(tmp, "a clone"), filepath.Join(tmp, "out")
	if r.Cold {
		again.Env = append(r.Env[:len(r.Env):len(r.Env)], "GOCACHE="+filepath.Join(tmp, "cache"))
	}
	r.Say("once more, from a clone")
	if _, err := r.git(ctx, tmp, "clone", "--quiet", from, again.Dir); err != nil {
		return err
	}
	if err := again.produce(ctx); err != nil {
		return err
	}
	return same(r.Out, again.Out)
}

// same compares the sums of two releases.
func same(a, b string) error {
	first, err1 := os.ReadFile(filepath.Join(a, sumsFile))
	second, err2 := os.ReadFile(filepath.Join(b, sumsFile))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if bytes.Equal(first, second) {
		return nil
	}
	var differ []string
	for line := range strings.Lines(string(first)) {
		if !strings.Contains(string(second), line) {
			differ = append(differ, strings.TrimSpace(line))
		}
	}
	return fmt.Errorf("made again, these are other bytes:\n%s", strings.Join(differ, "\n"))
}
