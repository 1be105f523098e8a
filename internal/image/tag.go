package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/internal/regex"
)

// Version is what a source folder is called.
type Version struct {
	Commit string    // full hash, "" outside a git work tree and outside CI
	Tag    string    // the commit, with "-dirty-" and a content hash when files differ from it
	Dirty  bool      // files differ from the commit, or there is none
	Time   time.Time // of the commit; zero when dirty or unknown
}

// ciCommits are the variables in which CI systems tell the commit that they build.
var ciCommits = []string{"GITHUB_SHA", "CI_COMMIT_SHA", "BUILDKITE_COMMIT"}

var commitForm = regex.New(`^[0-9a-f]{40}([0-9a-f]{24})?$`)

// VersionOf names the state of dir. In a clean git work tree that is the commit; else the
// content has its say, so that two different states never share a tag. Where there is no
// git, as in a CI job that got only files, the CI system's word for the commit is taken;
// where there is, the work tree is what is built, whatever the CI system says.
func VersionOf(ctx context.Context, dir string) (Version, error) {
	commit, err := gitOut(ctx, dir, "rev-parse", "HEAD")
	if err != nil && strings.Contains(err.Error(), "dubious ownership") {
		return Version{}, fmt.Errorf("%w: %w", ErrInput, err) // git's own text says what to do
	}
	if err != nil { // no git, no repository, no commit yet
		if c := ciCommit(); c != "" {
			return Version{Commit: c, Tag: c}, nil
		}
		sum, herr := hashTree(dir)
		return Version{Tag: "src-" + sum, Dirty: true}, herr
	}
	v := Version{Commit: commit, Tag: commit}
	status, err := gitOut(ctx, dir, "status", "--porcelain", "--", ".")
	if err != nil {
		return v, err
	}
	if status != "" {
		sum, err := hashChanges(ctx, dir)
		v.Dirty, v.Tag = true, commit+"-dirty-"+sum
		return v, err
	}
	if when, err := gitOut(ctx, dir, "show", "-s", "--format=%cI", "HEAD"); err == nil {
		v.Time, _ = time.Parse(time.RFC3339, when) // zero is a fine timestamp too
	}
	return v, nil
}

// ciCommit is the commit that a CI system builds, or "".
func ciCommit() string {
	if ci := os.Getenv("CI"); ci == "" || ci == "false" {
		return ""
	}
	for _, name := range ciCommits {
		if c := os.Getenv(name); commitForm.MatchString(c) {
			return c
		}
	}
	return ""
}

func gitOut(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", errors.New(strings.TrimSpace("git " + args[0] + ": " + err.Error() + " " + errs.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// hashChanges hashes the difference from the commit and the untracked files.
func hashChanges(ctx context.Context, dir string) (string, error) {
	diff, err := gitOut(ctx, dir, "diff", "--no-ext-diff", "--no-color", "--binary", "HEAD", "--", ".")
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, _ = io.WriteString(h, diff) // a hash takes everything
	list, err := gitOut(ctx, dir, "ls-files", "--others", "--exclude-standard", "-z")
	if err != nil {
		return "", err
	}
	for f := range strings.SplitSeq(list, "\x00") {
		if f == "" {
			continue
		}
		if err := hashFile(h, dir, f); err != nil {
			return "", err
		}
	}
	return short(h.Sum(nil)), nil
}

// hashTree hashes all files below dir, outside .git.
func hashTree(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		if d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return hashFile(h, dir, rel)
	})
	return short(h.Sum(nil)), err
}

// hashFile hashes a file's name, whether it is a program, and what is in it or where it
// links to.
func hashFile(h io.Writer, dir, name string) error {
	file := filepath.Join(dir, name)
	st, err := os.Lstat(file)
	if err != nil {
		return err
	}
	fmt.Fprintf(h, "\x00%s\x00%t\x00", filepath.ToSlash(name), st.Mode()&0o111 != 0)
	if st.Mode()&fs.ModeSymlink != 0 {
		link, err := os.Readlink(file)
		_, _ = io.WriteString(h, link) // a hash takes everything
		return err
	}
	if !st.Mode().IsRegular() {
		return nil
	}
	return copyInto(h, file)
}

func short(sum []byte) string { return hex.EncodeToString(sum)[:8] }
